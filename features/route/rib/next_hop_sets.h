// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shared next-hop sets: what many routes have in common, each with one forwarding group, and the resolution of their
// gateways. Part of the RIB (rib.h); control thread only.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "features/ip/tables/forwarding_sink.h"
#include "features/route/rib/rib.h"

namespace floof::route {

/// 0 is no set.
using SetId = uint32_t;

/// What makes two sets the same.
struct SetKey {
  ip::PathKind kind = ip::PathKind::drop;
  bool tie = false;  ///< BGP multipath: the first member is the best; others count while their IGP metric is its
  std::vector<NextHop> members;
  std::vector<NextHop> backups;  ///< in place of the members while those lead nowhere, the first that does not itself
  friend bool operator==(const SetKey&, const SetKey&) = default;
};

struct SetKeyHash {
  size_t operator()(const SetKey& key) const noexcept;
};

class NextHopSets {
 public:
  /// The route that a gateway falls under: its set and its distance; set 0 when there is none.
  struct Cover {
    SetId set = 0;
    uint32_t igp_metric = kUnknownIgpMetric;
  };
  using FindCover = std::function<Cover(const IpAddress& gateway)>;

  NextHopSets(ip::ForwardingSink& tables, std::function<bool(IfId)> link_up, FindCover find_cover);
  ~NextHopSets();

  /// Finds or makes the set and takes a reference. A new one is resolved at once, without its backups when there are
  /// very many sets.
  SetId acquire(SetKey key);
  void reference(SetId id) { sets_[id].references++; }
  /// With the last reference the group goes: no route may use it any more.
  void release(SetId id);

  const SetKey& key(SetId id) const { return *sets_[id].key; }
  GroupId group(SetId id) const { return sets_[id].group; }
  const ip::PathSet& resolved(SetId id) const { return sets_[id].resolved; }
  /// Differs whenever what `resolved` tells does, over all sets; never 0.
  uint32_t version(SetId id) const { return sets_[id].version; }
  bool usable(SetId id) const { return sets_[id].resolved.kind != ip::PathKind::drop; }

  /// The route for `prefix` is new, gone, or leads elsewhere: gateways below it are resolved anew by `settle`.
  void cover_changed(const Prefix& prefix);
  /// Resolves anew all that leads over the interface, at once.
  void link_changed(IfId interface);
  /// Resolves anew all that may use the neighbour, at once.
  void neighbor_changed(IfId interface, const IpAddress& address);
  /// The address, of a neighbour or of a gateway, does not count as one that answers, whatever else is known.
  void set_lost(const IpAddress& address, bool lost);
  void settle();
  bool dirty() const { return !dirty_gateways_.empty(); }
  /// Whether a set lost its last path since the last call.
  bool take_lost() { return std::exchange(lost_, false); }

  /// At the end, when no route is left: destroys all groups.
  void give_back(ip::ForwardingSink& by);

  void watch(Rib::NextHopWatch watch);
  /// Called when sets that are in use have changed in place.
  void watch_changes(std::function<void()> changed) { changed_ = std::move(changed); }
  uint64_t group_updates() const { return group_updates_; }
  size_t size() const { return by_key_.size(); }
  /// Estimated; with the groups.
  size_t bytes() const { return by_key_.size() * kBytes; }

 private:
  /// Of a set with some members: its key, group and links, and its share of a gateway.
  static constexpr size_t kBytes = 1024;
  /// With more sets none with backups is made any more: all of them may have to be written within milliseconds.
  static constexpr size_t kMostWithBackups = 16384;
  using Neighbor = std::pair<IfId, IpAddress>;
  struct Gateway {
    IpAddress address;
    std::unordered_set<SetId> users;
    SetId through = 0;
    ip::PathKind kind = ip::PathKind::drop;
    std::vector<ip::Path> paths;
    uint32_t igp_metric = kUnknownIgpMetric;
  };
  struct Set {
    const SetKey* key = nullptr;  ///< owned by by_key_
    uint32_t references = 0;
    uint32_t version = 0;
    bool recursive = false;  ///< a member is
    bool recursive_backup = false;
    GroupId group;
    ip::PathSet resolved;
    std::vector<Neighbor> within_reach;  ///< all whose links are up, in use or not; sorted
  };
  /// What one member contributes.
  struct Way {
    ip::PathKind kind = ip::PathKind::drop;
    std::vector<ip::Path> paths;
    uint32_t igp_metric = 0;
    IfId on_link;  ///< kind connected
  };

  /// Which paths count.
  enum class Ask : uint8_t {
    answered,  ///< those whose neighbours are known
    all,
  };
  Way way_of(const NextHop& member, Ask ask) const;
  ip::PathSet resolve(const SetKey& key) const;
  ip::PathSet resolve_forward(const SetKey& key, bool direct_only) const;
  ip::PathSet resolve_members(std::span<const NextHop> members, bool tie, Ask ask) const;
  ip::PathSet resolve_direct(const Set& set) const;
  std::vector<Neighbor> neighbors_within_reach(const SetKey& key) const;
  bool resolve_gateway(Gateway& gateway);
  /// True when the set's paths changed; the group follows.
  bool refresh(SetId id);
  void refresh_all(const std::vector<SetId>& ids);
  void refresh_users(const std::vector<SetId>& changed_direct);
  void report(SetId id, std::vector<Neighbor> now);
  void link_members(SetId id, bool add);

  ip::ForwardingSink& tables_;
  std::function<bool(IfId)> link_up_;
  FindCover find_cover_;
  std::unordered_map<SetKey, SetId, SetKeyHash> by_key_;
  std::vector<Set> sets_{1};
  std::vector<SetId> free_;
  std::map<IpAddress, Gateway> gateways_;
  std::set<IpAddress> dirty_gateways_;
  std::unordered_map<IfId, std::unordered_set<SetId>> by_interface_;
  std::set<IpAddress> lost_addresses_;
  std::map<Neighbor, std::unordered_set<SetId>> in_use_;  ///< by which sets
  Rib::NextHopWatch watch_;
  std::function<void()> changed_;
  uint32_t next_version_ = 1;
  uint64_t group_updates_ = 0;
  bool lost_ = false;
};

}  // namespace floof::route
