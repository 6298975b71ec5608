// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "features/bird/watch/bird_kernel_sync.h"

namespace floof::bird {

namespace {

using Clock = std::chrono::steady_clock;

/// BIRD is to have heard of it first, and what belongs together is to come together.
constexpr std::chrono::milliseconds kDelay{200}, kLeastPause{1000};

}  // namespace

Result<std::unique_ptr<KernelSync>> KernelSync::open(EventLoop& loop, std::string socket) {
  std::unique_ptr<KernelSync> out(new KernelSync(loop, std::move(socket)));
  netlink::Handler handler;
  handler.link = [raw = out.get()](const netlink::Link& link) { raw->on_link(link); };
  handler.address = [raw = out.get()](const netlink::Address& address) {
    if (address.removed) {
      raw->soon();
    }
  };
  handler.lost = [raw = out.get()] { raw->soon(); };
  auto monitor = netlink::Monitor::open(loop, -1, std::move(handler));
  if (!monitor) {
    return monitor.error();
  }
  out->monitor_ = std::move(*monitor);
  return out;
}

KernelSync::KernelSync(EventLoop& loop, std::string socket)
    : loop_(loop), client_(std::move(socket), {.limit = std::chrono::seconds(2), .pulse = {}}), background_(loop) {}

KernelSync::~KernelSync() { loop_.cancel(timer_); }

void KernelSync::on_link(const netlink::Link& link) {
  if (link.removed) {
    up_.erase(link.index);
    soon();
  } else if (const auto [at, unknown] = up_.try_emplace(link.index, link.admin_up);
             unknown || std::exchange(at->second, link.admin_up) != link.admin_up) {
    soon();
  }
}

void KernelSync::soon() {
  if (timer_ != 0 || under_way_) {
    again_ = under_way_;
    return;
  }
  const auto wait = std::max<Clock::duration>(kDelay, not_before_ - Clock::now());
  timer_ = loop_.after(std::chrono::duration_cast<std::chrono::microseconds>(wait), [this] {
    timer_ = 0;
    tell();
  });
}

void KernelSync::tell() {
  under_way_ = true;
  background_.run(
      [this] {
        // A BIRD that does not answer, or has no such table, compares when it starts.
        const auto reload = [this](const char* protocol) {
          return client_.connect() && client_.call(fmt::format("{} in {}", client_.version().reload(), protocol)).ok();
        };
        return reload("floof_table4") && reload("floof_table6");
      },
      [this](bool) {
        under_way_ = false;
        not_before_ = Clock::now() + kLeastPause;
        if (std::exchange(again_, false)) {
          soon();
        }
      });
}

}  // namespace floof::bird
