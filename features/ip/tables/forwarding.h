// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the workers forward by: FIB (prefix -> group), groups (buckets -> adjacency) and adjacencies (rewrite).
// One writer, the control thread; workers read without locks under the engine's QSBR. Pure C++, no DPDK.
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
#include "base/ids.h"
#include "base/prefix.h"
#include "base/qsbr.h"
#include "features/ip/tables/adjacency.h"
#include "features/ip/tables/flat_array.h"

namespace floof::ip {

enum class PathKind : uint8_t {
  drop,         ///< no usable path: no-route
  forward,      ///< to the group's adjacencies
  connected,    ///< on link: to the destination itself on the interface, by its own adjacency
  local,        ///< to the router's own kernel
  blackhole,    ///< dropped silently (counted)
  unreachable,  ///< ICMP host unreachable / ICMPv6 address unreachable
  prohibit,     ///< ICMP administratively prohibited
};

/// One way to forward: out of `interface` to `gateway`.
struct Path {
  IfId interface;
  IpAddress gateway;
  uint8_t weight = 1;
  friend auto operator<=>(const Path&, const Path&) = default;
};

/// A whole forwarding decision. `paths` only for forward (1..64 of them); `interface` only for connected and local.
struct PathSet {
  PathKind kind = PathKind::drop;
  std::vector<Path> paths;
  IfId interface;
  friend auto operator<=>(const PathSet&, const PathSet&) = default;
};

inline constexpr unsigned kBuckets = 64;

struct Group {
  std::atomic<PathKind> kind{PathKind::drop};
  std::atomic<uint16_t> interface { 0 };
  std::atomic<uint32_t> single{0};  ///< AdjId when there is one path, else 0
  std::atomic<uint32_t> direct{0};  ///< AdjId when the kind is forward and there is one path, else 0: for the fast way
  /// AdjId each; never freed or null again once there were several paths, so that a reader that saw single == 0 finds
  /// them.
  std::atomic<std::array<std::atomic<uint32_t>, kBuckets>*> buckets{nullptr};
};

class ForwardingTables {
 public:
  /// Bytes that the FIB of each family may use.
  struct Limits {
    size_t ip4 = size_t{256} << 20;
    size_t ip6 = size_t{256} << 20;
  };
  explicit ForwardingTables(Qsbr& qsbr) : ForwardingTables(qsbr, Limits{}) {}
  ForwardingTables(Qsbr& qsbr, const Limits& limits);
  ~ForwardingTables();

  // -- Worker side ------------------------------------------------------------------------------------------------
  /// Longest match; GroupId{} (0) when nothing matches. The group behind an id may be read until the next quiescent
  /// state.
  GroupId lookup(Ip4 destination) const;
  GroupId lookup(const Ip6& destination) const;
  /// The same for a vector, with the memory accesses of all overlapped. Spans of equal size.
  void lookup(std::span<const Ip4> destinations, std::span<GroupId> out) const;
  void lookup(std::span<const Ip6> destinations, std::span<GroupId> out) const;
  /// Group 0 exists: its kind is drop.
  const Group& group(GroupId id) const { return groups_.at(id.value()); }
  const Adjacency& adjacency(AdjId id) const { return adjacencies_.at(id.value()); }
  /// The adjacency that a flow takes; the hash matters only when group.single is 0. Only for kind == forward.
  AdjId select(const Group& group, uint32_t flow_hash) const {
    if (const uint32_t single = group.single.load(std::memory_order_acquire); single != 0) {
      return AdjId(single);
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
  GroupId create_group(const PathSet& set);
  /// In place; all routes with this group follow at once.
  void update_group(GroupId id, const PathSet& set);
  /// No route may point to it any more.
  void destroy_group(GroupId id);
  PathSet describe(GroupId id) const;

  /// Adds or replaces. False: the FIB's memory limit is reached and the prefix is new, so it is not in the FIB; this is
  /// counted in `stats` and the first time logged.
  bool set_route(const Prefix& prefix, GroupId group);
  void remove_route(const Prefix& prefix);  ///< nothing happens when there is none
  /// The entry that packets to this address use, with its prefix.
  struct Entry {
    Prefix prefix;
    GroupId group;
  };
  std::optional<Entry> longest_match(const IpAddress& destination) const;
  /// The entry of this very prefix, else the longest one that covers all of it.
  std::optional<Entry> covering(const Prefix& prefix) const;
  size_t routes(Family family) const;
  struct FibStats {
    size_t routes;
    size_t bytes;      ///< in use, by readers' blocks and the writer's nodes
    size_t committed;  ///< given by the kernel at most: `bytes` and what is free for reuse
    size_t limit;      ///< of `bytes`
    uint64_t refused;  ///< routes, since start
  };
  FibStats stats(Family family) const;

  /// A neighbour became known or changed. Creates the adjacency if there is none. Also for neighbours that no route
  /// uses.
  void set_neighbor(IfId interface, const IpAddress& address, const Mac& mac);
  /// A neighbour is FAILED or gone: its adjacency becomes incomplete. The latest kRemembered of them stay, so that
  /// workers can tell an address that was known from one that a scan has made up.
  void clear_neighbor(IfId interface, const IpAddress& address);
  /// All neighbours of an interface that is going away.
  void clear_interface(IfId interface);
  /// Finds or makes (incomplete). Adjacencies are kept while a group uses them or they are or were resolved.
  AdjId find_adjacency(IfId interface, const IpAddress& address);
  /// Whether a packet left by it since the last call.
  bool take_used(IfId interface, const IpAddress& address);

  /// How the group spreads: (path, buckets of 64) for forward groups, in the order of describe(). For show.
  std::vector<unsigned> bucket_counts(GroupId id) const;

 private:
  struct Impl;
  uint32_t acquire_adjacency(const Path& path);
  void release_adjacency(uint32_t id);
  void fill_group(Group& group, const PathSet& set);
  void free_if_unused(uint32_t id);
  void forget(uint32_t id);

  static constexpr uint32_t kMaxGroups = uint32_t{1} << 24;  ///< what the FIB can point to
  static constexpr size_t kRemembered = 16384;
  static constexpr uint32_t kMaxAdjacencies = uint32_t{1} << 22;
  FlatArray<Group> groups_{kMaxGroups};
  FlatArray<Adjacency> adjacencies_{kMaxAdjacencies};
  NeighborIndex neighbor_index_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace floof::ip
