// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kernel/kernel_copy.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "features/route/kernel/kernel_feed.h"

namespace floof::route {

using ip::PathKind;

namespace {

/// Of one turn: requests to the kernel (some microseconds each), and time.
constexpr unsigned kBatch = 500;
constexpr std::chrono::milliseconds kTurn{5};
constexpr unsigned kWalkStep = 64;

uint8_t kernel_type(PathKind kind) {
  switch (kind) {
    case PathKind::blackhole:
      return RTN_BLACKHOLE;
    case PathKind::unreachable:
      return RTN_UNREACHABLE;
    case PathKind::prohibit:
      return RTN_PROHIBIT;
    default:
      return RTN_UNICAST;
  }
}

bool wanted(const Rib::Installed& route) {
  const bool from_bird = route.source == Source::feed_table || route.source == Source::feed_best;
  return from_bird && route.forwarding->kind != PathKind::drop && route.forwarding->kind != PathKind::local;
}

netlink::Route key_of(const Prefix& prefix) {
  return {.table = RT_TABLE_MAIN, .protocol = kCopyProtocol, .metric = kCopyMetric, .prefix = prefix};
}

}  // namespace

KernelCopy::KernelCopy(EventLoop& loop, Rib& rib, std::function<int(IfId)> index_of)
    : loop_(loop), rib_(rib), index_of_(std::move(index_of)) {
  rib_.watch_routes({.route =
                         [this](const Prefix& prefix) {
                           if (on_) {
                             dirty_.push_back(prefix);
                             schedule();
                           }
                         },
                     .sets = [this] { start_walk(); }});
}

KernelCopy::~KernelCopy() {
  rib_.watch_routes({});
  loop_.cancel(timer_);
  for (const Copies& copies : written_) {
    for (const auto& [prefix, copy] : copies) {
      const auto now = rib_.installed(prefix);
      if (writer_ && now && kernel_type(now->forwarding->kind) != RTN_UNICAST) {
        (void)writer_->remove_route(key_of(prefix));
      }
    }
  }
}

void KernelCopy::enable(bool on) {
  if (std::exchange(on_, on) == on) {
    return;
  }
  complained_ = false;
  failed_.clear();
  dirty_.clear();
  walk_.reset();
  walk_again_ = false;
  if (on) {
    for (const Family family : {Family::ip4, Family::ip6}) {
      written(family).reserve(rib_.size(family));
    }
    // What an unfinished removal left over may have gone from the RIB meanwhile: the walk does not meet it.
    for (const Copies& copies : written_) {
      for (const auto& [prefix, copy] : copies) {
        dirty_.push_back(prefix);
      }
    }
    start_walk();
  }
  schedule();
}

size_t KernelCopy::failed(Family family) const {
  return static_cast<size_t>(
      std::count_if(failed_.begin(), failed_.end(), [&](const auto& entry) { return entry.first.family() == family; }));
}

// -- What the kernel tells --------------------------------------------------------------------------------------------

void KernelCopy::mark() {
  marking_ = true;
  mark_++;
  told_.clear();
  addresses4_.clear();
}

void KernelCopy::on_route(const netlink::Route& route) {
  if (marking_ && !route.removed && route.protocol == kCopyProtocol && route.table == RT_TABLE_MAIN &&
      route.metric == kCopyMetric) {
    told_.push_back(route.prefix);
  }
}

void KernelCopy::sweep() {
  marking_ = false;
  failed_.clear();
  start_walk();
  schedule();
}

void KernelCopy::on_link(const netlink::Link& link) {
  uint32_t& up = links_up_[link.index];
  const bool is_up = link.admin_up && !link.removed;
  if (is_up && up == 0) {
    up = next_up_++;
    failed_.clear();
    start_walk();
  } else if (!is_up) {
    links_up_.erase(link.index);
  }
}

void KernelCopy::on_address(const netlink::Address& address) {
  if (!address.removed && !failed_.empty()) {  // their gateways may be within reach now
    failed_.clear();
    start_walk();
  }
  if (!address.address.address.is_ip4()) {
    return;
  }
  auto& have = addresses4_[address.index];
  if (!address.removed) {
    have.insert(address.address);
    return;
  }
  if (have.erase(address.address) == 0 || !have.empty()) {
    return;
  }
  addresses4_.erase(address.index);
  if (const auto up = links_up_.find(address.index); up != links_up_.end() && up->second != 0) {
    up->second = next_up_++;  // as if it had been down
    failed_.clear();
    start_walk();
  }
}

// -- Work -------------------------------------------------------------------------------------------------------------

void KernelCopy::start_walk() {
  if (!on_) {
    return;
  }
  // A walk that never gets to its end because it is begun anew again and again would leave out the last.
  if (walk_) {
    walk_again_ = true;
  } else {
    walk_.emplace();
  }
  schedule();
}

void KernelCopy::schedule() {
  const bool removing = !on_ && copied(Family::ip4) + copied(Family::ip6) > 0;
  if (timer_ == 0 && (removing || walk_ || !told_.empty() || !dirty_.empty())) {
    timer_ = loop_.after(std::chrono::microseconds(0), [this] {
      timer_ = 0;
      work();
    });
  }
}

void KernelCopy::work() {
  if (!writer_) {
    auto writer = netlink::Writer::open(-1);
    if (!writer) {
      log::error("no routes are copied to Linux: {}", writer.error().text());
      on_ = false;
      return;
    }
    writer_ = std::move(*writer);
  }
  budget_ = kBatch;
  turn_end_ = std::chrono::steady_clock::now() + kTurn;
  take_told();
  while (told_.empty() && !dirty_.empty() && !spent()) {
    const Prefix prefix = dirty_.front();
    dirty_.pop_front();
    sync(prefix, rib_.installed(prefix));
  }
  while (told_.empty() && walk_ && !spent()) {
    walk_ =
        rib_.walk(*walk_, kWalkStep, [this](const Prefix& prefix, const Rib::Installed& now) { sync(prefix, now); });
    if (!walk_ && std::exchange(walk_again_, false)) {
      walk_.emplace();
    }
  }
  for (Copies& copies : written_) {
    while (!on_ && !copies.empty() && !spent()) {
      remove(Prefix(copies.begin()->first));
    }
  }
  schedule();
}

/// What we did not write is left over from an earlier process.
void KernelCopy::take_told() {
  while (!told_.empty() && !spent()) {
    const Prefix prefix = told_.front();
    told_.pop_front();
    const auto [at, unknown] = written(prefix.family()).try_emplace(prefix);
    at->second.seen = mark_;
    if (unknown) {
      sync(prefix, rib_.installed(prefix));
    }
  }
}

void KernelCopy::sync(const Prefix& prefix, const std::optional<Rib::Installed>& now) {
  const Copies& copies = written(prefix.family());
  const auto at = copies.find(prefix);
  if (!on_ || !now || !wanted(*now)) {
    failed_.erase(prefix);
    if (at != copies.end()) {
      remove(prefix);
    }
    return;
  }
  const Stamp fresh = stamp(*now);
  const auto failed = failed_.find(prefix);
  const bool there = at != copies.end() && at->second.stamp == fresh && at->second.seen == mark_;
  if (!there && (failed == failed_.end() || failed->second != fresh)) {
    write(prefix, *now, fresh);
  }
}

/// Linux flushes routes with their link, so the links that a copy was made over belong to what it is.
KernelCopy::Stamp KernelCopy::stamp(const Rib::Installed& route) const {
  uint32_t links = 0;
  const auto add = [&](IfId interface) {
    const int index = index_of_(interface);
    const auto at = links_up_.find(index);
    links = links * 31 + static_cast<uint32_t>(index) * 0x9e3779b1u + (at == links_up_.end() ? 0 : at->second);
  };
  for (const ip::Path& path : route.forwarding->paths) {
    add(path.interface);
  }
  if (route.forwarding->kind == PathKind::connected) {
    add(route.forwarding->interface);
  }
  return Stamp{route.version} << 32 | links;
}

netlink::Route KernelCopy::to_route(const Prefix& prefix, const ip::PathSet& set) const {
  netlink::Route out = key_of(prefix);
  out.type = kernel_type(set.kind);
  for (const ip::Path& path : set.paths) {
    if (const int index = index_of_(path.interface); index != 0) {
      out.next_hops.push_back({index, path.gateway, path.weight});
    }
  }
  if (set.kind == PathKind::connected) {
    if (const int index = index_of_(set.interface); index != 0) {
      out.next_hops.push_back({index, std::nullopt, 1});
    }
  }
  return out;
}

void KernelCopy::write(const Prefix& prefix, const Rib::Installed& now, Stamp fresh) {
  const netlink::Route route = to_route(prefix, *now.forwarding);
  budget_ -= std::min(budget_, 1u);
  const auto done = route.type == RTN_UNICAST && route.next_hops.empty()
                        ? Result<void>(Error{"route to " + to_string(prefix), "its interface has no TAP", ""})
                        : writer_->set_route(route);
  if (done) {
    written(prefix.family())[prefix] = {fresh, mark_};
    failed_.erase(prefix);
    return;
  }
  complain(done.error());
  failed_[prefix] = fresh;
  if (written(prefix.family()).contains(prefix)) {
    remove(prefix);  // it leads somewhere else
  }
}

void KernelCopy::remove(const Prefix& prefix) {
  budget_ -= std::min(budget_, 1u);
  if (auto done = writer_->remove_route(key_of(prefix)); !done) {
    complain(done.error());
  }
  written(prefix.family()).erase(prefix);
}

void KernelCopy::complain(const Error& error) {
  if (!std::exchange(complained_, true)) {
    log::warning("copy of the routes in Linux: {} (others are counted by 'show ip route summary')", error.text());
  }
}

}  // namespace floof::route
