// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes that come by netlink: BIRD's non-BGP choices from the feed table (Source::feed_table), and routes that
// somebody made in Linux's main table by hand (Source::kernel). Connected routes are left out, addresses tell of those;
// so are our own defaults and copies, BIRD's copies, what is never forwarded (multicast, link-local), and routes for
// packets of one TOS or source only. Control thread only.
//
// Linux takes IPv4 routes away with a link, an address or a next-hop object without telling, so what was told is
// compared with the tables now and then (kernel_check.h). What a table has is believed when two readings agree: one
// that is read while it changes may lack something.
//
// Of several routes for a prefix the kernel uses the one with the smallest metric that has a living next hop, and so do
// we. Several of one metric stand in line (`ip route append`), and events do not always tell which of them is meant, as
// they may differ in nothing that we know. Readings do, since a dump has Linux's order: after any event that does not
// leave exactly one route of its metric where there was one or none, the tables are read.
//
// feed_origin.h tells what else BIRD says of a route; BGP's multipath rule needs its IGP distance.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/netlink/netlink.h"
#include "features/route/kernel/feed_origin.h"
#include "features/route/kernel/own_routes.h"
#include "features/route/rib/rib.h"

namespace floof::route {

class KernelFeed {
 public:
  /// `interface_of` maps the kernel's index of a link; invalid when it is none of ours. `main_table`: whether Linux's
  /// main table is the RIB's, too.
  KernelFeed(Rib& rib, std::function<IfId(int)> interface_of, bool main_table = true);

  /// Which kernel table BIRD's non-BGP routes are in. What another table brought is removed.
  void set_feed_table(uint32_t table);
  /// One event of any table. True when the tables have to be read soon, as only they tell what it has led to.
  bool on_route(const netlink::Route& route);
  /// Messages were lost, or it is the start: everything is told again between these two.
  void mark();
  void sweep();

  /// What has to be read to compare: the feed table, and of the main table, which may hold a million copies, only
  /// protocols that were told of, unless two of them share a prefix and a metric: only a whole dump has them in order.
  std::vector<netlink::Monitor::RouteFilter> parts() const;
  /// All routes of all `parts` go to `read` between these two.
  void begin_reading();
  void read(const netlink::Route& route);
  struct Findings {
    size_t doubts = 0;   ///< prefixes that this reading shows otherwise: read again
    size_t changed = 0;  ///< that two readings in a row have shown alike, and the RIB was told
  };
  Findings end_reading();

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
    bool by_object = false;
    std::vector<netlink::RouteNextHop> next_hops;
    uint32_t seen = 0;  ///< the last reading that had it
    /// Whatever the order of the next hops.
    bool operator==(const Entry& other) const;
    bool same_way(const Entry& other) const;
    bool mergeable() const;  ///< by IPv6, with others of its metric
  };
  using Entries = std::vector<Entry>;  ///< of one prefix, by ascending metric
  using Table = std::unordered_map<Prefix, Entries>;

  /// As what a route counts, if it does.
  std::optional<Source> source_of(const netlink::Route& route) const;
  static Entry entry_of(const netlink::Route& route);
  static void add(Entries& entries, const netlink::Route& route, bool in_order);
  static bool replace4(Entries& entries, const Entry& fresh);
  static bool merge6(Entries& entries, const Entry& fresh, bool replace);
  static void remove(Entries& entries, const netlink::Route& route);
  static bool plain(const Entries& before, const netlink::Route& route, const Entries& after);
  void tell(Source source, const Prefix& prefix);
  RouteInfo to_info(Source source, const Entry& entry);
  Table differences(Source source);
  Table& table(Source source) { return source == Source::feed_table ? feed_ : main_; }
  const Table& table(Source source) const { return source == Source::feed_table ? feed_ : main_; }

  Rib& rib_;
  std::function<IfId(int)> interface_of_;
  const bool main_table_;
  uint32_t feed_table_ = 0;
  Table feed_, main_;
  std::set<std::pair<Family, uint8_t>> protocols_;  ///< of `main_`, also of members of a route of another protocol
  std::map<Source, Table> shown_;   ///< what a reading has, but for prefixes whose only route is as known
  std::map<Source, Table> doubts_;  ///< how the last reading showed what it showed otherwise
  uint32_t reading_ = 0;
  bool dumping_ = false;  ///< between mark and sweep: routes come in the order in which they count
  uint64_t events_ = 0;
  bool unknown_interfaces_ = false;
};

}  // namespace floof::route
