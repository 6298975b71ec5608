// SPDX-License-Identifier: GPL-3.0-or-later
//
// The RIB of a VRF in the dataplane (ribs.h has them all): every source's opinion about every prefix, who wins,
// recursive resolution, and the forwarding groups that follow from it. Control thread only; pure C++ (no netlink, no
// sockets, no DPDK).
//
// Who wins for a prefix: the smallest Source that has a usable opinion. BIRD's opinion comes over two roads (netlink
// for non-BGP routes, BGP feeds for the others), which may be out of step by some milliseconds. So when BIRD's answer
// is missing or the two BGP feeds contradict each other, the old entry stays while it still leads somewhere: a prefix
// whose best route moves between OSPF, static and BGP is never without one. What no source wants any more goes after
// `removal_delay`, because the kernel tells some replacements as delete and add.
//
// Next hops are interned into shared sets, one forwarding group each. A gateway without interface is resolved by
// longest match over this very RIB, but, as in BIRD, not through a route that was itself resolved that way. A dead
// link or a moved IGP path is one update of the group, however many routes use it.
//
// A set is the next hops of the best path and, behind them, those of the next one that feed-all knows (in BIRD's order,
// as far as it can be told), so that the backup of each prefix is ready: when the link, the neighbour or the IGP route
// of the best is lost, its groups move to their backups at once, one write for each pair of best and backup and none
// for each prefix. BIRD's word, which comes prefix by prefix, corrects that afterwards. A next hop whose neighbour
// answers goes before one whose does not (yet), and is used all the same when there is none better: so nothing moves
// back to a link that has returned before its gateway is found again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/prefix.h"
#include "features/ip/tables/forwarding_sink.h"
#include "features/route/kernel/feed_origin.h"

namespace floof::route {

/// Where an opinion comes from; smaller wins for the same prefix.
enum class Source : uint8_t {
  local,       ///< an address of this router (host prefix)
  connected,   ///< subnet of an interface address
  feed_table,  ///< BIRD's non-BGP choice, by netlink from the feed table (static, OSPF, RIP, Babel, ...)
  feed_best,   ///< BIRD's BGP choice (with feed_all: its ECMP members and the proof that it is still alive)
  kernel,      ///< somebody's own route in Linux's main table
};
std::string_view to_string(Source source);

/// BIRD's IGP_METRIC_UNKNOWN: routes of protocols without a distance (static).
inline constexpr uint32_t kUnknownIgpMetric = 0xffffffff;

/// A next hop as a source tells it. Without `interface` it is resolved recursively over the RIB.
struct NextHop {
  std::optional<IfId> interface;
  std::optional<IpAddress> gateway;  ///< none: on link
  uint8_t weight = 1;
  friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

/// Connected, local and interface routes name their interface in the first next hop.
struct RouteInfo {
  ip::PathKind kind = ip::PathKind::forward;  ///< forward, connected, local, blackhole, unreachable, prohibit
  std::vector<NextHop> next_hops;
  uint8_t protocol = 0;                     ///< rtm_protocol for netlink sources
  FeedOrigin origin = FeedOrigin::unknown;  ///< this and the next two: for display
  uint32_t preference = 0;                  ///< BIRD's
  uint32_t metric = 0;                      ///< the protocol's own
  uint32_t igp_metric = kUnknownIgpMetric;  ///< distance that BGP next hops resolved through it have
  std::string detail;                       ///< for display: BIRD protocol or peer name
  friend bool operator==(const RouteInfo&, const RouteInfo&) = default;
};

/// A path of feed-best or feed-all. The attributes are what BIRD's merge rule compares.
struct BgpPath {
  ip::PathKind kind = ip::PathKind::forward;
  NextHop next_hop;
  uint32_t peer = 0;      ///< index into the peer list of the desired state
  bool internal = false;  ///< learned by iBGP
  uint32_t preference = 100;
  uint32_t local_pref = 100;
  uint32_t as_path_length = 0;
  uint32_t first_as = 0;
  uint8_t origin = 0;
  uint32_t med = 0;
  uint32_t igp_metric = 0;
  friend auto operator<=>(const BgpPath&, const BgpPath&) = default;
};

/// Whether BIRD 2.0's `merge paths` would merge `path` into a route whose best is `best`.
bool mergeable(const BgpPath& best, const BgpPath& path);

/// Keeps what feed-best tells elsewhere than in this process (kept/route_file.h). `place` is the prefix's as long as
/// there is anything about it, `ref` the path's as long as any prefix has it.
class BestKeeper {
 public:
  virtual ~BestKeeper() = default;
  /// Before what was there becomes free for others.
  virtual void set(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) = 0;
  virtual void clear(Family family, uint32_t place) = 0;

  // The audit: whether it has something else than it was told last; then it is put right.
  virtual bool mend(Family family, uint32_t place, const Prefix& prefix, uint32_t ref, const BgpPath& path) = 0;
  virtual bool mend_empty(Family family, uint32_t place) = 0;
  /// What belongs to no place.
  virtual bool mend_rest() = 0;
};

class Rib {
 public:
  struct Options {
    unsigned multipath = 1;                       ///< most BGP ECMP members
    std::chrono::milliseconds removal_delay{25};  ///< how long a prefix that lost its last source is kept
    std::chrono::seconds disagreement_limit{30};  ///< how long an old entry may stay while the feeds disagree
    size_t max_routes = 2'000'000;                ///< most prefixes in the FIBs, of all families and VRFs together
    size_t max_bytes = size_t{1} << 30;           ///< of what sources told; new prefixes and paths are not taken then
    size_t max_paths = size_t{1} << 27;           ///< of feed-all; more are not taken, but for the first of a prefix
  };
  /// `link_up` tells whether an interface can carry packets now.
  Rib(ip::ForwardingSink& tables, std::function<bool(IfId)> link_up);
  ~Rib();
  void configure(const Options& options);
  /// Before the end of a RIB whose sink has gone already, with its routes: destroys its groups by another sink, and
  /// tells the watch of next hops. Nothing but the destructor may be called afterwards.
  void give_back_groups(ip::ForwardingSink& by);

  void set(Source source, const Prefix& prefix, const RouteInfo& route);  ///< any source but feed_best
  void remove(Source source, const Prefix& prefix);

  /// True when it was not known so. As is the next.
  bool set_best(const Prefix& prefix, BgpPath path);
  void remove_best(const Prefix& prefix);
  bool set_path(const Prefix& prefix, uint32_t path_id, BgpPath path);  ///< feed-all
  void remove_path(const Prefix& prefix, uint32_t path_id);

  /// After a restart, ahead of `set_best`, which will tell the same, and of all that belongs to it: the FIB has these
  /// routes as soon as `publish_ahead`, to be called until it is false, is through; a million in a fraction of a
  /// second. What is there by then stays. `group_ahead` gives the group that a path will lead to. `ahead_done`: all has
  /// been told and settled.
  GroupId group_ahead(const BgpPath& path);
  void set_ahead(const Prefix& prefix, GroupId group);
  bool publish_ahead();
  void ahead_done();
  /// Between them the FIB has routes that the RIB does not know.
  bool has_ahead() const;

  /// Null ends it. While feed-best has told nothing: what it had told before would be missing. Lives longer.
  void keep_best(BestKeeper* keeper);

  /// Mark and sweep per source and family (feed restart, netlink overrun): everything present becomes stale; what is
  /// set again is fresh; `sweep` removes what is still stale and tells how much that is. For feed_best also covers
  /// nothing of feed-all; use the `_paths` forms for that. A mark takes no time; a sweep begins at once and goes on in
  /// `settle`, some thousands of routes in each.
  void mark(Source source, Family family);
  size_t sweep(Source source, Family family);
  void mark_paths(Family family);
  size_t sweep_paths(Family family);

  /// A feed is going to tell all that it has again (RFC 7313), and so what is here can be compared. Takes no time.
  void begin_check(bool all_paths, Family family);
  /// When it has: tells what it has not told since then, of the next `records` places of the table (1 is the first),
  /// and takes out what it has not told in the check before either, so that one end that was mistaken does no harm.
  /// Returns where to go on, nothing at the end. Each family of a feed has one check at a time.
  std::optional<uint32_t> drop_untold(bool all_paths, Family family, uint32_t record, uint32_t records,
                                      const std::function<void(const Prefix&, bool dropped)>& untold);

  /// A link changed or an interface went away: re-resolve what depends on it. Cheap when nothing does.
  void link_changed(IfId interface);
  /// The sink knows now how to reach a neighbour, or does not any more: groups that may use it follow at once. Cheap
  /// when none do.
  void neighbor_changed(IfId interface, const IpAddress& address);
  /// Who probes a neighbour or a gateway (BFD) says that it is lost, or that it is not any more: as above, on whatever
  /// interface it is.
  void set_lost(const IpAddress& address, bool lost);
  /// Works off changes, deferred removals and re-resolution; call after each batch of changes and at `next_deadline`.
  /// One call takes some milliseconds; what is left over makes `next_deadline` lie in the past.
  void settle(std::chrono::steady_clock::time_point now);
  std::optional<std::chrono::steady_clock::time_point> next_deadline() const;

  /// Addresses that next hops use or would use in another's place, for keeping their neighbours fresh: called with
  /// (added, ...) as sets change, at once for those in use. An empty one ends it.
  using NextHopWatch = std::function<void(IfId, const IpAddress&, bool added)>;
  void watch_next_hops(NextHopWatch watch);

  // -- A copy elsewhere -----------------------------------------------------------------------------------------
  /// What packets to a prefix use. `forwarding` may be read until the RIB changes; while `version` is the same, so is
  /// what it tells.
  struct Installed {
    Source source;
    uint32_t version;
    const ip::PathSet* forwarding;
    GroupId group;
  };
  std::optional<Installed> installed(const Prefix& prefix) const;
  /// `route` is called for each prefix that is installed, removed or moved to another set or source; `sets` when sets
  /// changed in place, with all routes that use them. Both from inside changes: they may only take notes.
  struct RouteWatch {
    std::function<void(const Prefix&)> route;
    std::function<void()> sets;
  };
  void watch_routes(RouteWatch watch);
  /// Where a walk over the table is; the default is its start.
  struct WalkPoint {
    Family family = Family::ip4;
    uint32_t record = 1;
  };
  /// Has the keeper looked at for the next `records` places of the table, and tells what was wrong there and is mended.
  void check_kept(WalkPoint from, uint32_t records, const std::function<void(const std::string& what)>& wrong) const;
  /// And for all that belongs to none; false when it was as it should be.
  bool check_rest_kept() const;
  /// Visits what is installed in the next `records` places of the table, in no order. Tells where to go on, nothing at
  /// the end. The table may change between two calls: what changes is told to the watch.
  std::optional<WalkPoint> walk(WalkPoint from, uint32_t records,
                                const std::function<void(const Prefix&, const Installed&)>& visit) const;

  // -- Limits ---------------------------------------------------------------------------------------------------
  // Prefixes that find no room in the FIB (`max_routes`, or its own memory) are kept here, refused, and come in when
  // there is room again. The router's own addresses and subnets are not subject to the limits.
  struct Usage {
    size_t routes;  ///< in the FIBs, of all VRFs
    size_t max_routes;
    size_t refused4, refused6;               ///< known, but not in the FIB
    std::optional<Prefix> latest_refused{};  ///< the last of them
    size_t bytes;
    size_t max_bytes;
    size_t paths;  ///< of feed-all
    size_t max_paths;
    size_t not_taken;  ///< prefixes and paths that were not even remembered, since the sources were last asked again
    std::optional<Prefix> latest_not_taken{};  ///< the last of them
  };
  Usage usage() const;
  /// How many refused prefixes packets have no way to at all, as no shorter one leads anywhere. Counting them takes a
  /// search for each: `count_unreachable` goes on for about `budget` and is true when it has been through.
  struct Unreachable {
    size_t prefixes = 0;
    std::chrono::steady_clock::time_point counted{};  ///< when that was so
  };
  bool count_unreachable(std::chrono::microseconds budget);
  /// Nothing before it has been through for the first time since something was refused.
  std::optional<Unreachable> unreachable() const;
  /// True once when something was not taken and there is room again: the sources have to tell everything again.
  bool take_retell_wanted();

  // -- Show -----------------------------------------------------------------------------------------------------
  struct Candidate {
    Source source;
    bool chosen = false;
    bool stale = false;
    RouteInfo route;
    std::vector<BgpPath> paths;  ///< feed_best: the best first, then the members that tie
  };
  struct View {
    Prefix prefix;
    std::vector<Candidate> candidates;
    ip::PathSet forwarding;
    std::vector<NextHop> backups;  ///< where packets go, the first first, when the chosen next hops lead nowhere
    bool held = false;             ///< kept although its source withdrew it (feeds disagree or removal is deferred)
    std::optional<std::chrono::steady_clock::time_point> since;  ///< that packets go this way; nothing: not in the FIB
  };
  /// How many times a next-hop set changed in place (one write each, whatever the number of its routes).
  uint64_t group_updates() const;
  std::optional<View> find(const Prefix& exact) const;
  std::optional<View> longest_match(const IpAddress& destination) const;
  size_t size(Family family) const;
  size_t installed_routes(Family family) const;  ///< that are in the FIB
  size_t count(Source source, Family family) const;
  size_t count_paths(Family family) const;  ///< of feed-all
  /// The prefixes in the next `records` places of a family's table from `record` on (1 is the first), in no order.
  /// Tells where to go on, nothing at the end. The table may change between two calls: what is there all the time is
  /// told.
  std::optional<uint32_t> prefixes(Family family, uint32_t record, uint32_t records,
                                   const std::function<void(const Prefix&)>& tell) const;
  /// How many prefixes are more specific than this one. Looks through the whole table.
  size_t count_within(const Prefix& prefix) const;
  /// What packets to all of a prefix meet that is not in the table itself.
  std::optional<View> covering(const Prefix& prefix) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace floof::route
