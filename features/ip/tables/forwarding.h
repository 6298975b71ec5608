// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the workers forward by: a FIB for each VRF (prefix -> group), groups (a next node and an index; buckets ->
// adjacency) and adjacencies (rewrite and next node), which all VRFs share: a group's paths name their interfaces, and
// a neighbour is one of an interface. One writer, the control thread; workers read without locks under the engine's
// QSBR. Pure C++, no DPDK.
//
// A route's leaf never changes when a link dies or an IGP path moves: the group does, in one write.
// A group with several paths has kBuckets buckets, filled resiliently (RFC 2992's concern): when members change only
// the buckets of members that left, or that newcomers are owed, move.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/dataplane/buckets.h"
#include "base/dataplane/qsbr.h"
#include "base/ids.h"
#include "base/prefix.h"
#include "features/ip/tables/adjacency.h"
#include "features/ip/tables/flat_array.h"
#include "features/ip/tables/forwarding_sink.h"
#include "features/ip/tables/vrf_table.h"

namespace floof::ip {

inline constexpr unsigned kBuckets = 64;

/// What a route leads to: which node is next, and what its packets are about there. One word, which readers find whole.
struct alignas(8) Lead {
  static constexpr uint16_t kFirstNode = 16;  ///< NextId from here on; below, what the lookup does itself: a PathKind
  uint16_t next = 0;
  uint16_t reserved = 0;
  uint32_t index = 0;  ///< forward: the only AdjId, 0: see Group::buckets; connected, local: IfId; a node: its own

  friend bool operator==(const Lead&, const Lead&) = default;
  PathKind kind() const { return next < kFirstNode ? static_cast<PathKind>(next) : PathKind::node; }
};
static_assert(std::atomic<Lead>::is_always_lock_free);

struct Group {
  std::atomic<Lead> lead{Lead{}};
  std::atomic<uint32_t> direct{0};  ///< AdjId when it leads to just one, else 0: for the fast way
  /// AdjId each; never freed or null again once there were several paths, so that a reader of the lead finds them.
  std::atomic<std::array<std::atomic<uint32_t>, kBuckets>*> buckets{nullptr};
};

class ForwardingTables final : public ForwardingSink, public ForwardingSinks {
 public:
  /// Bytes that the FIBs of each family may use.
  struct Limits {
    size_t ip4 = size_t{256} << 20;
    size_t ip6 = size_t{256} << 20;
  };
  explicit ForwardingTables(Qsbr& qsbr) : ForwardingTables(qsbr, Limits{}) {}
  ForwardingTables(Qsbr& qsbr, const Limits& limits);
  ~ForwardingTables() override;

  // -- Worker side ------------------------------------------------------------------------------------------------
  /// Longest match in a VRF (below kMaxVrfs), of a vector; GroupId{} (0) where nothing matches, or where there is no
  /// such VRF. The memory accesses of all overlap. Spans of equal size. The group behind an id may be read until the
  /// next quiescent state.
  void lookup(VrfId vrf, std::span<const Ip4> destinations, std::span<GroupId> out) const {
    vrfs_[vrf.value()].load(std::memory_order_acquire)->lookup(destinations, out);
  }
  void lookup(VrfId vrf, std::span<const Ip6> destinations, std::span<GroupId> out) const {
    vrfs_[vrf.value()].load(std::memory_order_acquire)->lookup(destinations, out);
  }
  /// The same in the default VRF.
  void lookup(std::span<const Ip4> destinations, std::span<GroupId> out) const {
    lookup(kDefaultVrf, destinations, out);
  }
  void lookup(std::span<const Ip6> destinations, std::span<GroupId> out) const {
    lookup(kDefaultVrf, destinations, out);
  }
  template <typename Address>
  GroupId lookup(const Address& destination, VrfId vrf = kDefaultVrf) const {
    GroupId out;
    lookup(vrf, std::span<const Address>(&destination, 1), std::span(&out, 1));
    return out;
  }
  /// Group 0 exists: it leads to drop.
  const Group& group(GroupId id) const { return groups_.at(id.value()); }
  const Adjacency& adjacency(AdjId id) const { return adjacencies_.at(id.value()); }
  /// The adjacency that a flow takes; the hash matters only when lead.index is 0. Only for a lead of kind forward.
  AdjId select(const Group& group, Lead lead, uint32_t flow_hash) const {
    if (lead.index != 0) {
      return AdjId(lead.index);
    }
    const auto* buckets = group.buckets.load(std::memory_order_acquire);
    return buckets == nullptr ? AdjId{} : AdjId((*buckets)[flow_hash % kBuckets].load(std::memory_order_acquire));
  }

  /// The adjacency of a destination on a connected link; invalid when nobody knows or asked for it.
  template <typename Address>
  AdjId find_neighbor(IfId interface, const Address& address) const {
    return neighbor_index_.find(interface, address);
  }

  // -- Control thread ---------------------------------------------------------------------------------------------
  // What is said of routes without a VRF is said of the default one's. That one is made for many routes and always has
  // the large form of fib_table.h; others cost what is in them, 10 kB when that is nothing.
  VrfTable* find_vrf(VrfId id) override;
  Result<ForwardingSink*> add_vrf(VrfId id) override;
  void remove_vrf(VrfId id) override;
  GroupId create_group(const PathSet& set) override;
  void update_group(GroupId id, const PathSet& set) override;
  void destroy_group(GroupId id) override;
  PathSet describe(GroupId id) const override;

  /// What does not fit is counted in `stats` and the first time logged.
  bool set_route(const Prefix& prefix, GroupId group) override;
  void load_route(const Prefix& prefix, GroupId group) override;
  bool publish_loaded() override;
  void remove_route(const Prefix& prefix) override;
  /// The entry that packets to this address use, with its prefix.
  std::optional<Entry> longest_match(const IpAddress& destination) const;
  std::optional<Entry> covering(const Prefix& prefix) const override;
  size_t routes(Family family) const override;
  size_t all_routes() const override;
  Stats stats(Family family) const override;

  void set_neighbor(IfId interface, const IpAddress& address, const Mac& mac) override;
  void set_neighbor(IfId interface, const IpAddress& address, const Rewrite& rewrite) override;
  /// Its adjacency becomes incomplete. The latest kRemembered of them stay, so that workers can tell an address that
  /// was known from one that a scan has made up.
  void clear_neighbor(IfId interface, const IpAddress& address) override;
  void clear_interface(IfId interface) override;
  std::optional<Mac> neighbor(IfId interface, const IpAddress& address) const override;
  bool reaches(IfId interface, const IpAddress& address) const override;
  bool take_used(IfId interface, const IpAddress& address) override;
  /// Finds or makes (incomplete). Adjacencies are kept while a group uses them or they are or were resolved.
  AdjId find_adjacency(IfId interface, const IpAddress& address);
  std::vector<unsigned> bucket_counts(GroupId id) const override;

  std::optional<std::string> check_route(const Prefix& prefix, GroupId group) const override;
  std::optional<std::string> check_group(GroupId id, const PathSet& wanted) const override;
  void repair_route(const Prefix& prefix, GroupId group) override;
  void repair_group(GroupId id, const PathSet& wanted) override;
  void rebuild(Family family) override;
  void for_each_route(Family family, const std::function<void(const Prefix&)>& visit) const override;

 private:
  struct Impl;
  uint32_t acquire_adjacency(const Path& path);
  void release_adjacency(uint32_t id);
  void fill_group(Group& group, const PathSet& set);
  std::vector<BucketMember> members_of(const PathSet& set) const;
  void fill_buckets(Group& group, const std::vector<BucketMember>& members);
  void set_string(uint32_t id, std::shared_ptr<const Rewrite> string);
  void free_if_unused(uint32_t id);
  void forget(uint32_t id);

  static constexpr uint32_t kMaxGroups = uint32_t{1} << 24;  ///< what the FIB can point to
  static constexpr size_t kRemembered = 16384;
  static constexpr uint32_t kMaxAdjacencies = uint32_t{1} << 22;
  FlatArray<Group> groups_{kMaxGroups};
  FlatArray<Adjacency> adjacencies_{kMaxAdjacencies};
  NeighborIndex neighbor_index_;
  std::unique_ptr<Impl> impl_;
  /// Where there is none, one without routes. So a worker may look in any while it goes.
  std::array<std::atomic<const VrfTable*>, kMaxVrfs> vrfs_;
};

}  // namespace floof::ip
