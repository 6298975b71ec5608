// SPDX-License-Identifier: GPL-3.0-or-later
//
// Inside of the RIB, shared by rib.cc (changes), rib_choose.cc (who wins, holds) and rib_view.cc (show).
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "features/route/interner.h"
#include "features/route/next_hop_sets.h"
#include "features/route/rib.h"

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

/// What a source other than the BGP feeds says.
struct Opinion {
  Source source;
  bool stale;
  uint32_t info;
};

/// A path of feed-all: the id of ADD-PATH and the interned attributes, with the stale mark.
struct PathRef {
  uint32_t id;
  uint32_t path : 31;
  uint32_t stale : 1;
};

inline constexpr uint8_t kNoSource = 0xff;

enum class Hold : uint8_t { none, removal, disagreement };

struct Entry {
  uint32_t best = 0;         ///< what feed-best says
  uint32_t chosen_path = 0;  ///< feed-best's path by which `set` was made
  SetId set = 0;             ///< installed
  uint32_t igp_metric = kUnknownIgpMetric;
  uint32_t hold_serial = 0;
  uint8_t chosen = kNoSource;  ///< whose opinion is installed
  Hold hold = Hold::none;
  bool best_stale = false;
  bool queued = false;
  bool expired = false;  ///< its hold ran out: no further one
  std::vector<PathRef> paths;
  std::unique_ptr<std::vector<Opinion>> opinions;

  bool empty() const { return best == 0 && set == 0 && paths.empty() && (!opinions || opinions->empty()); }
};

using Table = std::unordered_map<Prefix, Entry, PrefixHash>;
using Node = Table::value_type;

struct Rib::Impl {
  Impl(ip::ForwardingTables& forwarding, std::function<bool(IfId)> up);

  ip::ForwardingTables& tables;
  std::function<bool(IfId)> link_up;
  Options options;
  Interner<BgpPath, BgpPathHash> paths;
  Interner<RouteInfo, RouteInfoHash> infos;
  std::array<Table, 2> routes;
  std::array<std::array<uint32_t, 129>, 2> installed_lengths{};  ///< entries with a set, by prefix length
  std::array<std::array<size_t, 6>, 2> counts{};
  std::array<size_t, 2> path_counts{};
  NextHopSets sets;
  std::function<void(const Prefix&)> route_watch;
  std::deque<Node*> dirty;
  std::unordered_map<IfId, std::unordered_set<Prefix, PrefixHash>> connected;  ///< subnets by interface

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
  size_t& count(Source source, Family family) { return counts[index(family)][static_cast<size_t>(source)]; }

  // rib.cc
  void queue(Node& node);
  Node* find_node(const Prefix& prefix);
  Opinion* find_opinion(Entry& entry, Source source);
  std::vector<PathRef>::iterator find_path(Entry& entry, uint32_t id);
  void forget_opinion(Node& node, Source source);
  void forget_best(Node& node);
  void track_connected(const Prefix& prefix, const RouteInfo& info, bool add);
  const Node* longest(const IpAddress& destination) const;
  NextHopSets::Cover cover_of(const IpAddress& gateway) const;

  // rib_choose.cc
  struct Choice {
    Source source;
    SetKey key;
    uint32_t path = 0;
    uint32_t igp_metric = kUnknownIgpMetric;
  };
  void choose(Node& node, Clock::time_point now);
  const Opinion* opinion_between(const Entry& entry, Source first, Source last) const;
  Choice choice_of(const Opinion& opinion) const;
  Choice choice_of_best(const Entry& entry) const;
  std::vector<uint32_t> members_of(const Entry& entry) const;
  bool contradiction(const Entry& entry) const;
  bool answer_awaited(const Entry& entry) const;
  void install(Node& node, Choice choice);
  void uninstall(Node& node);
  void hold(Node& node, Hold kind, Clock::time_point now);
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
  View view(const Node& node) const;
  Candidate bgp_candidate(const Entry& entry) const;
};

}  // namespace floof::route
