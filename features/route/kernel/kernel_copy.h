// SPDX-License-Identifier: GPL-3.0-or-later
//
// A copy of BIRD's routes in Linux's main table (`set dataplane kernel-routes all`), for programs that read routes
// there. Packets do not need it: Linux's default by floof0 leads into the FIB, so a late or missing copy harms nobody.
//
// Copied are the RIB's winners from BIRD (Source::feed_table and feed_best) as they are resolved now, under a protocol
// and a metric of their own: behind what anybody else puts into the main table, before the default by floof0.
// The RIB notes which prefixes changed; when a whole set of next hops changed, all routes are walked over and those
// that were written by another version of their set are written again. All of it happens in batches, a few
// milliseconds in each turn of the loop. Control thread only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/netlink/netlink.h"
#include "features/route/rib/rib.h"

namespace floof::route {

/// Linux's own IPv6 routes by hand have 1024, the default by floof0 has 4096.
inline constexpr uint32_t kCopyMetric = 2048;

class KernelCopy {
 public:
  /// `index_of` tells the kernel's index of an interface's TAP, 0 when it has none. The namespace is the one of the
  /// thread.
  KernelCopy(EventLoop& loop, Rib& rib, std::function<int(IfId)> index_of);
  /// Copies through links go with these; what leads nowhere (blackhole, ...) is removed here.
  ~KernelCopy();

  /// Off removes all copies.
  void enable(bool on);
  /// Everything there is in the kernel is told between these two: leftovers of an earlier process are removed, what is
  /// missing is written again.
  void mark();
  void on_route(const netlink::Route& route);
  void sweep();
  /// Linux drops the routes of a link that goes down; when it comes up they are written again.
  void on_link(const netlink::Link& link);
  /// And the IPv4 routes of a link that loses its last IPv4 address. With a new one, what it refused is tried again.
  void on_address(const netlink::Address& address);

  bool enabled() const { return on_; }
  size_t copied(Family family) const { return written_[family == Family::ip4 ? 0 : 1].size(); }
  /// Prefixes that Linux does not take as they are now.
  size_t failed(Family family) const;

 private:
  /// What a copy was made of: the set's version and the links of its paths.
  using Stamp = uint64_t;
  struct Copy {
    Stamp stamp = 0;    ///< 0: of unknown content
    uint32_t seen = 0;  ///< the last mark after which the kernel had it
  };
  using Copies = std::unordered_map<Prefix, Copy>;

  Copies& written(Family family) { return written_[family == Family::ip4 ? 0 : 1]; }
  Stamp stamp(const Rib::Installed& route) const;
  netlink::Route to_route(const Prefix& prefix, const ip::PathSet& set) const;
  void start_walk();
  void schedule();
  void work();
  bool spent() const { return budget_ == 0 || std::chrono::steady_clock::now() >= turn_end_; }
  void take_told();
  void sync(const Prefix& prefix, const std::optional<Rib::Installed>& now);
  void write(const Prefix& prefix, const Rib::Installed& now, Stamp wanted);
  void remove(const Prefix& prefix);
  void complain(const Error& error);

  EventLoop& loop_;
  Rib& rib_;
  std::function<int(IfId)> index_of_;
  std::unique_ptr<netlink::Writer> writer_;
  bool on_ = false;
  std::array<Copies, 2> written_;
  std::unordered_map<Prefix, Stamp> failed_;
  std::deque<Prefix> told_;  ///< what the kernel had at the last mark, to be compared first of all
  std::deque<Prefix> dirty_;
  std::optional<Rib::WalkPoint> walk_;
  bool walk_again_ = false;
  bool marking_ = false;
  bool complained_ = false;
  std::unordered_map<int, uint32_t> links_up_;  ///< by index: how often the link came up; 0 while it is down
  std::unordered_map<int, std::set<InterfaceAddress>> addresses4_;  ///< by index of the link
  uint32_t next_up_ = 1;
  uint32_t mark_ = 0;
  unsigned budget_ = 0;
  std::chrono::steady_clock::time_point turn_end_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace floof::route
