// SPDX-License-Identifier: GPL-3.0-or-later
//
// IPv4 and IPv6 unicast forwarding: the nodes between a port's frames and the way out.
//
//   ip-fast ─ interface-output               plain packets: whole, correct, unicast, their next hop known
//      │ all others
//   ethernet-input ─┬─ ip4-input ─(arc ip4-unicast)─ ip4-lookup ─ ip4-forward ─┬─ interface-output
//                   │      └ ip4-options ─┘                                     ├─ ip4-fragment ─ interface-output
//                   ├─ ip6-input … the same, without fragmentation              └─ neighbor-hold, icmp4-error
//                   └─ punt
//
// A packet's bytes stay as received until ip4-forward or ip4-fragment has decided that it leaves: so an ICMP error
// quotes the original, a packet for the kernel gets its Ethernet header back (it still lies in the headroom), and one
// that waits for its neighbour can start again at the lookup.
#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "base/address.h"
#include "engine/engine.h"
#include "engine/graph.h"
#include "features/ip/checks/plain_frames.h"
#include "features/ip/checks/wire.h"
#include "features/ip/ip_drops.h"
#include "features/ip/tables/forwarding.h"

namespace floof::ip {

/// The address that this router speaks from, per interface and by default. Set by the control thread, read by workers
/// at any time: an IPv6 address is read whole (sequence lock).
class SourceTable {
 public:
  /// Control thread. nullopt: none. The IPv6 address is a global one. IfId{}: the default (loopback or router id).
  void set(IfId interface, std::optional<Ip4> ip4, std::optional<Ip6> ip6);
  /// The interface's own address, else the default one.
  std::optional<Ip4> ip4(IfId interface) const;
  std::optional<Ip6> ip6(IfId interface) const;
  /// Whether `address` is that interface's own. Cheap; may err for a moment while the address changes.
  uint32_t own4(IfId interface) const { return slots_[interface.value()].ip4.load(std::memory_order_relaxed); }
  Ip6Words own6(IfId interface) const {
    const Slot& slot = slots_[interface.value()];
    return {slot.high.load(std::memory_order_relaxed), slot.low.load(std::memory_order_relaxed)};
  }
  bool is_own(IfId interface, uint32_t address) const { return own4(interface) == address; }
  bool is_own(IfId interface, const Ip6Words& address) const { return own6(interface) == address; }

 private:
  struct Slot {
    std::atomic<uint32_t> ip4{0};
    std::atomic<uint32_t> version{0};  ///< odd while the IPv6 address is written
    std::atomic<uint64_t> high{0}, low{0};
  };
  Ip6 read(const Slot& slot) const;
  std::array<Slot, kMaxInterfaces> slots_;
};

/// Who takes what would go to the router's kernel otherwise: edges of the nodes that ask, 0 for the kernel. Filled
/// while nodes are added (take_ethertype and the others below), then only read.
struct Takers {
  struct Local {
    std::array<uint8_t, 256> protocols{};
    std::vector<uint8_t> udp_ports;  ///< by port; empty: nobody takes any
  };
  std::vector<uint8_t> ethertypes;
  Local ip4, ip6;

  static unsigned find(const std::vector<uint8_t>& edges, uint16_t number) { return edges.empty() ? 0 : edges[number]; }
};

/// What the ip nodes share. Outlives the graph.
struct IpState {
  IpState(ForwardingTables& t, engine::InterfaceTable& i, const engine::Pools& p)
      : tables(t), interfaces(i), pools(p) {}

  ForwardingTables& tables;
  engine::InterfaceTable& interfaces;
  engine::Pools pools;
  SourceTable sources;

  // Control thread, at any time:
  void set_interface_source(IfId interface, std::optional<Ip4> ip4, std::optional<Ip6> ip6) {
    sources.set(interface, ip4, ip6);
  }
  void set_default_source(std::optional<Ip4> ip4, std::optional<Ip6> ip6) { sources.set(IfId{}, ip4, ip6); }
  /// The interface `floof0`, whose kernel TAP gets what this router made for itself (ICMP errors about its own
  /// packets). Its MAC in the InterfaceTable must be the kernel end's, else the kernel takes such frames for another's.
  void set_kernel_interface(IfId floof0) { kernel_interface.store(floof0.value(), std::memory_order_relaxed); }
  /// Routers in a row should hash flows differently, or the second one sees a part of the hash's values only.
  void set_hash_seed(uint32_t seed) { hash_seed.store(seed, std::memory_order_relaxed); }

  const FrameJudge* frames = &best_frame_judge();  ///< tests choose another before packets come
  bool at_once = true;  ///< false: general nodes take all packets one by one (tests, which compare)

  std::atomic<uint16_t> kernel_interface{0};
  std::atomic<uint32_t> hash_seed{0};

  Takers takers;

  // Set by register_nodes:
  engine::ArcId ip4_unicast, ip6_unicast, interface_output;
  std::array<engine::DropId, static_cast<size_t>(IpDrop::count)> drop_ids{};
  engine::DropId drop(IpDrop reason) const { return drop_ids[static_cast<size_t>(reason)]; }
};

/// Adds the nodes ip-fast (which ports feed), ethernet-input, ip4-input, ip4-options, ip4-lookup, ip4-forward,
/// ip4-fragment, ip6-input, ip6-options, ip6-lookup, ip6-forward and the arcs ip4-unicast and ip6-unicast. They lead to
/// nodes of others: punt, neighbor-hold, icmp4-error, icmp6-error, interface-output.
void register_nodes(engine::GraphBuilder& builder, IpState& state);

// What a feature's add_nodes asks for, with the name of its own node; it says that it comes after "ip". Each number has
// one taker, the last one.
/// Frames of an ethertype other than IPv4, IPv6 and VLANs; data at the Ethernet header, without tags.
void take_ethertype(engine::GraphBuilder& builder, IpState& state, uint16_t type, std::string_view node);
/// Packets to this router itself, data at the IP header: those of an IP protocol, and UDP datagrams to a port. Not
/// fragments, packets with IPv6 extension headers, and what this router or its kernel sent: those go to the kernel.
void take_protocol(engine::GraphBuilder& builder, IpState& state, Family family, uint8_t protocol,
                   std::string_view node);
void take_udp_port(engine::GraphBuilder& builder, IpState& state, Family family, uint16_t port, std::string_view node);

}  // namespace floof::ip
