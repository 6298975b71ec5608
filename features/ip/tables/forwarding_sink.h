// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the control plane of floof-dataplane needs of something that forwards: groups of paths, routes to them,
// neighbours, and what `show` tells. The RIB writes here and knows no more; our own workers' tables are one
// implementation (forwarding.h), another dataplane behind the same RIB is another. One sink is the routing table of one
// VRF; groups and neighbours are the same by whatever sink they are named, as an interface is in one VRF only.
// Control thread only; no call waits for packets, and what it says holds from its return on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/prefix.h"
#include "base/result.h"

namespace floof::ip {

enum class PathKind : uint8_t {
  drop,         ///< no usable path: no-route
  forward,      ///< to the group's adjacencies
  connected,    ///< on link: to the destination itself on the interface, by its own adjacency
  local,        ///< to the router's own kernel
  blackhole,    ///< dropped silently (counted)
  unreachable,  ///< ICMP host unreachable / ICMPv6 address unreachable
  prohibit,     ///< ICMP administratively prohibited
  node,         ///< to a feature's node
};

/// One way to forward: out of `interface` to `gateway`.
struct Path {
  IfId interface;
  IpAddress gateway;
  uint8_t weight = 1;
  friend auto operator<=>(const Path&, const Path&) = default;
};

/// A whole forwarding decision. `paths` only for forward (1..64 of them); `interface` only for connected and local;
/// `next`, and `index`, which means something to it, only for node.
struct PathSet {
  PathKind kind = PathKind::drop;
  std::vector<Path> paths;
  IfId interface;
  NextId next;
  uint32_t index = 0;
  friend auto operator<=>(const PathSet&, const PathSet&) = default;
};

/// What goes in front of packets to a neighbour that no Ethernet header reaches: a tunnel's headers, labels. They go on
/// to `next`, which fills in what differs from packet to packet (lengths, checksums).
struct Rewrite {
  static constexpr size_t kLongest = 128;
  NextId next;
  uint16_t length = 0;
  std::array<uint8_t, kLongest> bytes{};
};

class ForwardingSink {
 public:
  virtual ~ForwardingSink() = default;

  // -- Groups -----------------------------------------------------------------------------------------------------
  virtual GroupId create_group(const PathSet& set) = 0;
  /// In place; all routes with this group follow at once.
  virtual void update_group(GroupId id, const PathSet& set) = 0;
  /// No route may point to it any more.
  virtual void destroy_group(GroupId id) = 0;

  // -- Routes -----------------------------------------------------------------------------------------------------
  /// Adds or replaces. False: there is no room and the prefix is new, so packets do not use it.
  virtual bool set_route(const Prefix& prefix, GroupId group) = 0;
  /// Adds it if it is not there and there is room, more quickly than `set_route`. Packets use it when `publish_loaded`,
  /// to be called until it is false, has come to it: some hundred at a time. Everything else may be done meanwhile.
  virtual void load_route(const Prefix& prefix, GroupId group) = 0;
  virtual bool publish_loaded() = 0;
  virtual void remove_route(const Prefix& prefix) = 0;  ///< nothing happens when there is none
  virtual size_t routes(Family family) const = 0;
  /// Of both families in all VRFs, which share the room that there is.
  virtual size_t all_routes() const = 0;

  // -- Neighbours -------------------------------------------------------------------------------------------------
  // Who says something of a neighbour tells Ribs::neighbor_changed afterwards.
  /// A neighbour became known or changed. Also for neighbours that no route uses.
  virtual void set_neighbor(IfId interface, const IpAddress& address, const Mac& mac) = 0;
  /// The same for one that is reached through a tunnel, say.
  virtual void set_neighbor(IfId interface, const IpAddress& address, const Rewrite& rewrite) = 0;
  /// A neighbour is FAILED or gone.
  virtual void clear_neighbor(IfId interface, const IpAddress& address) = 0;
  /// All neighbours of an interface that is going away.
  virtual void clear_interface(IfId interface) = 0;
  /// Where packets to a neighbour go; nothing while nobody knows, or when it has no MAC address.
  virtual std::optional<Mac> neighbor(IfId interface, const IpAddress& address) const = 0;
  /// Whether packets can leave to it now: it has a MAC address or a rewrite string.
  virtual bool reaches(IfId interface, const IpAddress& address) const = 0;
  /// Whether a packet left to it since the last call.
  virtual bool take_used(IfId interface, const IpAddress& address) = 0;

  // -- Audit ------------------------------------------------------------------------------------------------------
  // Reads what packets are forwarded by, not what was written down about it. Nothing when all is as the owner of the
  // routes says, else what is wrong, in words that follow the prefix: "leads to another group".
  virtual std::optional<std::string> check_route(const Prefix& prefix, GroupId group) const = 0;
  virtual std::optional<std::string> check_group(GroupId id, const PathSet& wanted) const = 0;
  /// Write again what packets meet; whether that helps is for the checks to say.
  virtual void repair_route(const Prefix& prefix, GroupId group) = 0;
  virtual void repair_group(GroupId id, const PathSet& wanted) = 0;
  /// Builds all of the family's routes anew beside the old ones, which packets use until then. Takes about a second for
  /// a million.
  virtual void rebuild(Family family) = 0;
  virtual void for_each_route(Family family, const std::function<void(const Prefix&)>& visit) const = 0;

  // -- Show -------------------------------------------------------------------------------------------------------
  struct Entry {
    Prefix prefix;
    GroupId group;
  };
  /// The entry of this very prefix, else the longest one that covers all of it.
  virtual std::optional<Entry> covering(const Prefix& prefix) const = 0;
  virtual PathSet describe(GroupId id) const = 0;
  /// How the group spreads: buckets of 64 by path, in the order of `describe`.
  virtual std::vector<unsigned> bucket_counts(GroupId id) const = 0;
  struct Stats {
    size_t routes;
    size_t bytes;      ///< in use, by readers' blocks and the writer's nodes
    size_t committed;  ///< given by the kernel at most: `bytes` and what is free for reuse
    size_t limit;      ///< of `bytes`
    uint64_t refused;  ///< routes, since start
  };
  virtual Stats stats(Family family) const = 0;
};

/// The sinks by VRF. The default one's is always there.
class ForwardingSinks {
 public:
  virtual ~ForwardingSinks() = default;
  /// Null when there is none.
  virtual ForwardingSink* find_vrf(VrfId id) = 0;
  /// An empty one. Errors: it is there already, or the number is not below kMaxVrfs.
  virtual Result<ForwardingSink*> add_vrf(VrfId id) = 0;
  /// Its routes go with it; their groups are their owner's, who destroys them afterwards. Packets of interfaces that
  /// still are in it find no route. Nothing happens to the default one, or when there is none.
  virtual void remove_vrf(VrfId id) = 0;
};

}  // namespace floof::ip
