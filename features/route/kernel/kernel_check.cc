// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kernel/kernel_check.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace floof::route {

namespace {

using std::chrono::milliseconds;

/// Linux tells of a link before it flushes its routes, and an event may still be on its way that is older than the
/// flush: so one run at once, and one later.
constexpr unsigned kRuns = 2;
constexpr milliseconds kFirst{30}, kSecond{300}, kUnasked{10'000};
constexpr int kLeastPause = 10, kLeastUnaskedPause = 100;  ///< times what a run took

}  // namespace

KernelCheck::KernelCheck(EventLoop& loop, netlink::KernelEvents& events, KernelFeed& feed,
                         std::function<void()> changed)
    : loop_(loop), events_(events), feed_(feed), changed_(std::move(changed)) {
  schedule();
}

KernelCheck::~KernelCheck() { loop_.cancel(timer_); }

void KernelCheck::soon() {
  runs_ = kRuns;
  schedule();
}

/// What is due earlier stays, so that a stream of events delays nothing.
void KernelCheck::schedule() {
  const auto now = Clock::now();
  Clock::time_point at = now + std::max<Clock::duration>(kUnasked, kLeastUnaskedPause * cost_);
  if (runs_ > 0) {
    at = std::max(now + Clock::duration(runs_ == kRuns ? kFirst : kSecond), not_before_);
  }
  if (timer_ != 0 && due_ <= at) {
    return;
  }
  loop_.cancel(timer_);
  due_ = at;
  timer_ = loop_.after(std::chrono::duration_cast<std::chrono::microseconds>(at - now), [this] {
    timer_ = 0;
    run();
  });
}

void KernelCheck::run() {
  runs_ -= std::min(runs_, 1u);
  const auto begun = Clock::now();
  KernelFeed::Findings found;
  bool whole = true;
  // What differs is read again at once, since one reading is not believed.
  for (int i = 0; i < 2 && (i == 0 || found.doubts > 0); i++) {
    if (whole = read(); !whole) {
      runs_ = std::max(runs_, 1u);
      break;
    }
    found = feed_.end_reading();
  }
  if (found.changed > 0) {
    log::info("Linux had changed {} routes without telling", found.changed);
    changed_();
  }
  if (found.doubts > 0) {
    runs_ = std::max(runs_, 1u);
  }
  const auto now = Clock::now();
  cost_ = now - begun;
  if (whole) {
    status_ = {status_.runs + 1, status_.changed + found.changed, now, cost_};
  }
  not_before_ = now + kLeastPause * cost_;
  loop_.cancel(std::exchange(timer_, 0));  // what drain() told has asked for the next run without knowing the cost
  schedule();
}

bool KernelCheck::read() {
  // Else a route that was added and silently taken away might come back with its old event.
  if (!events_.drain()) {
    return false;
  }
  feed_.begin_reading();
  for (const auto& part : feed_.parts()) {
    const auto whole = events_.read_routes(part, [this](const netlink::Route& route) { feed_.read(route); });
    if (!whole && !std::exchange(complained_, true)) {
      log::warning("routes cannot be compared with Linux's: {}", whole.error().text());
    }
    if (!whole || !*whole) {
      return false;
    }
  }
  return true;
}

}  // namespace floof::route
