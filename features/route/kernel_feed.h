// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes that come by netlink: BIRD's non-BGP choices from the feed table (Source::feed_table), and routes that
// somebody made in Linux's main table by hand (Source::kernel). Connected routes are left out, addresses tell of those;
// so are our own defaults and copies, BIRD's copies, and what is never forwarded (multicast, link-local). Control
// thread only.
//
// Of several routes for a prefix the kernel uses the one with the smallest metric, and so do we. feed_origin.h tells
// what else BIRD says of a route; BGP's multipath rule needs its IGP distance.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/netlink.h"
#include "features/lcp/lcp.h"
#include "features/route/feed_origin.h"
#include "features/route/rib.h"

namespace floof::route {

/// rtm_protocol of the routes that FloofOS itself puts into the main table.
inline constexpr uint8_t kOwnProtocol = lcp::kRouteProtocol;
/// Of the copies that `dataplane kernel-routes all` puts there (kernel_copy.h).
inline constexpr uint8_t kCopyProtocol = 43;

class KernelFeed {
 public:
  /// `interface_of` maps the kernel's index of a link; invalid when it is none of ours.
  KernelFeed(Rib& rib, std::function<IfId(int)> interface_of);

  /// Which kernel table BIRD's non-BGP routes are in. What another table brought is removed.
  void set_feed_table(uint32_t table);
  /// One event of any table.
  void on_route(const netlink::Route& route);
  /// Messages were lost, or it is the start: everything is told again between these two.
  void mark();
  void sweep();
  /// A kernel link has become one of ours: routes whose next hops could not be named before are set again.
  void interfaces_changed();
  uint64_t events() const { return events_; }

 private:
  struct Entry {
    uint32_t metric = 0;
    uint32_t igp_metric = kUnknownIgpMetric;
    uint8_t protocol = 0;
    uint8_t type = 0;
    FeedOrigin origin = FeedOrigin::unknown;
    uint32_t preference = 0;
    uint32_t second_metric = 0;
    std::vector<netlink::RouteNextHop> next_hops;
  };
  using Entries = std::vector<Entry>;  ///< of one prefix, by ascending metric
  using Table = std::unordered_map<Prefix, Entries>;

  bool wanted(const netlink::Route& route, Source source) const;
  void add(Entries& entries, const netlink::Route& route);
  void remove(Entries& entries, const netlink::Route& route);
  void tell(Source source, const Prefix& prefix);
  RouteInfo to_info(Source source, const Entry& entry);
  Table& table(Source source) { return source == Source::feed_table ? feed_ : main_; }

  Rib& rib_;
  std::function<IfId(int)> interface_of_;
  uint32_t feed_table_ = 0;
  Table feed_, main_;
  uint64_t events_ = 0;
  bool unknown_interfaces_ = false;
};

}  // namespace floof::route
