// SPDX-License-Identifier: GPL-3.0-or-later
//
// Inside of the RIB, shared by rib.cc (changes), rib_told.cc (what sources said; mark and sweep), rib_ahead.cc (routes
// of before a restart), rib_choose.cc (who wins, holds) and rib_view.cc (show).
#pragma once

#include <array>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "features/route/rib/interner.h"
#include "features/route/rib/next_hop_sets.h"
#include "features/route/rib/rib.h"
#include "features/route/rib/slab.h"

namespace floof::route {

using Clock = std::chrono::steady_clock;

inline size_t mix_hash(size_t seed, size_t value) {
  seed = (seed ^ value) * 0x9e3779b97f4a7c15u;
  return seed ^ seed >> 32;
}

struct PrefixHash {
  size_t operator()(const Prefix& prefix) const noexcept;
};
struct BgpPathHash {
  size_t operator()(const BgpPath& path) const noexcept;
};
struct RouteInfoHash {
  size_t operator()(const RouteInfo& info) const noexcept;
};

/// Something that was told: a reference to its interned value, the round of marks in which it was told last, and the
/// check (Rib::begin_check).
struct Told {
  uint32_t ref : 26 = 0;  ///< 0 is nothing; the memory ends long before the bits do
  uint32_t check : 2 = 0;
  uint32_t round : 4 = 0;
};
inline constexpr uint32_t kRounds = 16, kChecks = 4;

/// A path of feed-all (id: that of ADD-PATH) or the opinion of a source other than the BGP feeds (id: the source).
struct Saying {
  uint32_t id = 0;
  Told told;
  uint32_t next = 0;
};

/// What marks and sweeps work on: the sources, and feed-all's paths.
using Teller = uint8_t;
inline constexpr Teller kAllPaths = 5;
inline constexpr Teller kTellers = 6;
inline constexpr Teller teller(Source source) { return static_cast<Teller>(source); }

/// A mark begins a new round, so it costs nothing however many routes there are: what was told in another one is stale.
struct Rounds {
  size_t count = 0;
  size_t stale = 0;
  uint32_t now = 0;
  uint32_t open = 0;   ///< rounds before this one that stale ones may be of
  uint32_t check = 0;  ///< modulo kChecks
};

inline constexpr uint8_t kNoSource = 0xff;

enum class Hold : uint8_t { none, removal, disagreement };

/// There are millions: 56 bytes.
struct Entry {
  Prefix key;
  uint8_t chosen = kNoSource;  ///< whose opinion is installed
  Hold hold : 2 = Hold::none;
  bool queued : 1 = false;
  bool expired : 1 = false;  ///< its hold ran out: no further one
  bool refused : 1 = false;  ///< not in the FIB, for lack of room
  uint32_t next = 0;
  Told best;                 ///< what feed-best says
  uint32_t chosen_path = 0;  ///< feed-best's path by which `set` was made
  SetId set = 0;             ///< installed
  uint32_t igp_metric = kUnknownIgpMetric;
  uint32_t hold_serial = 0;
  uint32_t since = 0;     ///< second of Clock at which `set`, the source or the path changed last
  uint32_t paths = 0;     ///< first Saying of feed-all
  uint32_t opinions = 0;  ///< first Saying of the other sources

  bool empty() const { return best.ref == 0 && set == 0 && paths == 0 && opinions == 0; }
};

using Table = SlabTable<Entry, PrefixHash>;

struct Rib::Impl {
  Impl(ip::ForwardingSink& forwarding, std::function<bool(IfId)> up);

  ip::ForwardingSink& tables;
  std::function<bool(IfId)> link_up;
  Options options;
  Interner<BgpPath, BgpPathHash> paths;
  Interner<RouteInfo, RouteInfoHash> infos;
  std::array<Table, 2> routes;
  Slab<Saying> sayings;
  std::array<std::array<uint32_t, 129>, 2> installed_lengths{};  ///< entries with a set, by prefix length
  std::array<std::array<Rounds, kTellers>, 2> rounds{};
  NextHopSets sets;
  std::function<void(const Prefix&)> route_watch;
  BestKeeper* keeper = nullptr;
  std::map<std::pair<ip::PathKind, NextHop>, SetId> ahead;  ///< sets of routes that are in the FIB, but not here yet
  std::deque<Entry*> dirty;
  std::unordered_map<IfId, std::unordered_set<Prefix, PrefixHash>> connected;  ///< subnets by interface
  Clock::time_point time{};                                                    ///< of the last `settle`

  struct Sweep {
    Family family;
    Teller teller;
    uint32_t at = 1;
  };
  std::deque<Sweep> sweeps;
  std::array<size_t, 2> refused{};         ///< entries that are not in the FIB for lack of room
  std::array<uint32_t, 2> retry_at{1, 1};  ///< where in the tables the search for them goes on
  Clock::time_point next_retry{};
  std::optional<Prefix> latest_refused, latest_not_taken;
  size_t not_taken = 0;  ///< what sources told while the memory was used up
  struct Census {        ///< of prefixes that packets have no way to
    Rib::WalkPoint at;
    size_t found = 0;
    std::optional<Rib::Unreachable> last;
  };
  Census census;

  struct Waiting {
    Clock::time_point deadline;
    Prefix prefix;
    uint32_t serial;
  };
  std::deque<Waiting> removals, disagreements;
  uint32_t next_serial = 1;

  static unsigned index(Family family) { return family == Family::ip4 ? 0 : 1; }
  Table& table(Family family) { return routes[index(family)]; }
  const Table& table(Family family) const { return routes[index(family)]; }
  const Rounds& rounds_of(Family family, Teller teller) const { return rounds[index(family)][teller]; }
  Rounds& rounds_of(Family family, Teller teller) { return rounds[index(family)][teller]; }
  bool stale(const Entry& entry, Teller teller, Told told) const {
    return told.round != rounds[index(entry.key.family())][teller].now;
  }

  // rib.cc
  void queue(Entry& entry);
  Entry* find(const Prefix& prefix);
  const Entry* find(const Prefix& prefix) const;
  Entry* find_or_add(const Prefix& prefix, Source source);
  bool room_to_remember(Source source, const Prefix& prefix);
  bool room_for_path(const Prefix& prefix);
  size_t paths_now() const { return rounds[0][kAllPaths].count + rounds[1][kAllPaths].count; }
  void count_not_taken(const Prefix& prefix);
  void track_connected(const Prefix& prefix, const RouteInfo& info, bool add);
  const Entry* longest(const IpAddress& destination, int longest_length = 128) const;
  NextHopSets::Cover cover_of(const IpAddress& gateway) const;
  size_t bytes() const;

  // rib_told.cc
  Told fresh(const Entry& entry, Teller teller, uint32_t ref, const Told* before);
  uint32_t* find_opinion(Entry& entry, Source source);
  uint32_t* find_path(Entry& entry, uint32_t id);
  uint32_t* find_lost_path(Entry& entry, uint32_t ref);
  void append(uint32_t* link, uint32_t id, Told told);
  void count_gone(const Entry& entry, Teller teller, Told told);
  void forget(Entry& entry, Teller teller, uint32_t* link);
  void forget_best(Entry& entry);
  /// How many checks ago it was told last; what is stale has a fate of its own.
  uint32_t untold(const Entry& entry, Teller teller, Told told) const {
    const Rounds& state = rounds[index(entry.key.family())][teller];
    return told.round != state.now ? 0 : (state.check - told.check) % kChecks;
  }
  /// Forgets those of what `teller` has told of a prefix for which `gone(Told)`; how many.
  template <typename Gone>
  size_t forget_if(Entry& entry, Teller teller, Gone gone);
  std::deque<Sweep>::iterator under_way(Family family, Teller teller);
  void mark(Family family, Teller teller);
  size_t sweep(Family family, Teller teller);
  void sweep_some();
  void sweep_entry(Entry& entry, Teller teller);
  void relabel(Family family, Teller teller);

  // rib_ahead.cc
  bool is_ahead(const Prefix& prefix) const;

  // rib_choose.cc
  struct Choice {
    Source source;
    SetKey key;
    uint32_t path = 0;
    uint32_t igp_metric = kUnknownIgpMetric;
  };
  void choose(Entry& entry, Clock::time_point now);
  const Saying* opinion_between(const Entry& entry, Source first, Source last) const;
  Choice choice_of(const Saying& opinion) const;
  Choice choice_of_best(const Entry& entry) const;
  std::vector<uint32_t> members_of(const Entry& entry) const;
  const BgpPath* next_best(const Entry& entry, const SetKey& but, std::optional<IfId> not_over) const;
  void add_backups(const Entry& entry, SetKey& key) const;
  bool contradiction(const Entry& entry) const;
  bool answer_awaited(const Entry& entry) const;
  void install(Entry& entry, Choice choice);
  bool write(const Entry& entry, SetId set, Source source);
  void refuse(Entry& entry);
  size_t room_in_fib() const;
  void retry_refused();
  bool has_a_way(const Prefix& prefix) const;
  void uninstall(Entry& entry);
  void hold(Entry& entry, Hold kind, Clock::time_point now);
  void release_hold(Entry& entry);
  void expire(Clock::time_point now);
  void recheck_holds();
  void tell(const Prefix& prefix) const {
    if (route_watch) {
      route_watch(prefix);
    }
  }

  // rib_view.cc
  Installed installed(const Entry& entry) const;
  View view(const Entry& entry) const;
  Candidate bgp_candidate(const Entry& entry) const;
};

}  // namespace floof::route
