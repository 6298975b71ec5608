// SPDX-License-Identifier: GPL-3.0-or-later
//
// IPv4 and IPv6 unicast forwarding: the nodes between a port's frames and the way out.
//
//   ip-fast ─ interface-output               plain packets: whole, correct, unicast, their next hop known
//      │ all others
//   ethernet-input ─┬─ ip4-input ─(arc ip4-unicast)─ ip4-lookup ─ ip4-forward ─┬─ interface-output
//                   │      └ ip4-options ─┘            │                        ├─ ip4-fragment ─ interface-output
//                   │                                  └ (arc ip4-local) ─ ip4-local ─ punt
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

/// Nodes of features that routes and rewrites may lead to, and the edges there. Filled while nodes are added
/// (add_next), then only read.
class Nexts {
 public:
  enum Sender : uint8_t { lookup4, lookup6, forward4, forward6, fragment4, kSenders };
  static constexpr std::array<std::string_view, kSenders> kNodes = {"ip4-lookup", "ip6-lookup", "ip4-forward",
                                                                    "ip6-forward", "ip4-fragment"};
  /// Worker. `next`: the value of a NextId.
  unsigned edge(Sender from, uint16_t next) const { return edges_[next - Lead::kFirstNode][from]; }
  NextId add(engine::GraphBuilder& builder, std::string_view node);

 private:
  std::vector<std::array<uint8_t, kSenders>> edges_;
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
  Nexts nexts;

  // Set by register_nodes:
  engine::ArcId ip4_unicast, ip6_unicast, ip4_local, ip6_local, interface_output;
  std::array<engine::DropId, static_cast<size_t>(IpDrop::count)> drop_ids{};
  engine::DropId drop(IpDrop reason) const { return drop_ids[static_cast<size_t>(reason)]; }
};

/// Adds the nodes ip-fast (which ports feed), ethernet-input, ip4-input, ip4-options, ip4-lookup, ip4-local,
/// ip4-forward, ip4-fragment, ip6-input, ip6-options, ip6-lookup, ip6-local, ip6-forward and the arcs ip4-unicast and
/// ip6-unicast (packets to look up, by rx_if), ip4-local and ip6-local (packets to this router itself, by rx_if). They
/// lead to nodes of others: punt, neighbor-hold, icmp4-error, icmp6-error, interface-output.
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

/// Lets routes and rewrites (tables/forwarding_sink.h) lead to a feature's node. By a route of kind `node` it gets
/// packets of both families that may be forwarded, data at the IP header, nothing changed, with notes().next_index as
/// the route says; the time to live is for it to lower. By a rewrite it gets packets that leave, with the rewrite in
/// front; tx_if is the neighbour's interface.
inline NextId add_next(engine::GraphBuilder& builder, IpState& state, std::string_view node) {
  return state.nexts.add(builder, node);
}

/// Makes a packet that was inside of another a frame of the interface that stands for the tunnel, as one that came from
/// a port: an Ethernet header to that interface's MAC address takes the place of the last bytes of `outer`, how much
/// goes off the front (14 or more). So everything behind, the kernel too, is as without a tunnel; the node gives it to
/// "ethernet-input", or to "ip-fast". `type`: ethertype::ip4 or ip6. Counts it as received there. Worker.
void decapsulate(engine::NodeContext& node, const IpState& state, IfId tunnel, uint16_t type, uint32_t outer,
                 rte_mbuf* packet);

}  // namespace floof::ip
