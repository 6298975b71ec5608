// SPDX-License-Identifier: GPL-3.0-or-later
//
// What several ip nodes do to packets. Worker thread.
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/graph.h"
#include "engine/packet.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"
#include "features/ip/error_request.h"
#include "features/ip/ip.h"

namespace floof::ip {

// One per file X_node.cc.
engine::NodeSpec ip_fast_node(IpState& state);
engine::NodeSpec ip_fast_tagged_node(IpState& state);
engine::NodeSpec ethernet_input_node(IpState& state);
engine::NodeSpec ip4_input_node(IpState& state);
engine::NodeSpec ip4_options_node(IpState& state);
engine::NodeSpec ip4_lookup_node(IpState& state);
engine::NodeSpec ip4_local_node(IpState& state);
engine::NodeSpec ip4_forward_node(IpState& state);
engine::NodeSpec ip4_fragment_node(IpState& state);
engine::NodeSpec ip6_input_node(IpState& state);
engine::NodeSpec ip6_options_node(IpState& state);
engine::NodeSpec ip6_lookup_node(IpState& state);
engine::NodeSpec ip6_local_node(IpState& state);
engine::NodeSpec ip6_forward_node(IpState& state);

using engine::meta;
using engine::NodeContext;
using engine::notes;
using engine::PacketMeta;
using engine::PacketNotes;

template <typename T>
T& header(rte_mbuf* packet) {
  return *rte_pktmbuf_mtod(packet, T*);
}
inline const uint8_t* bytes_of(rte_mbuf* packet) { return rte_pktmbuf_mtod(packet, const uint8_t*); }
inline uint16_t ethertype_of(rte_mbuf* packet) {
  return bytes_of(packet)[0] >> 4 == 4 ? ethertype::ip4 : ethertype::ip6;
}
inline bool has_flag(rte_mbuf* packet, unsigned flags) { return (meta(packet).flags & flags) != 0; }

/// Fetches what the packets after number `i` of a vector will need: a full vector does not fit into the nearest cache.
inline void prefetch_after(std::span<rte_mbuf*> packets, size_t i) {
  constexpr size_t kMbuf = 8, kData = 4;
  if (i + kMbuf < packets.size()) {
    rte_prefetch0(packets[i + kMbuf]);
    rte_prefetch0(&meta(packets[i + kMbuf]));
  }
  if (i + kData < packets.size()) {
    rte_prefetch0(rte_pktmbuf_mtod(packets[i + kData], void*));
  }
}

/// The same where there are VRFs.
template <typename Address>
[[gnu::noinline]] void look_up_by_vrf(const IpState& state, rte_mbuf* const* packets, const Address* destinations,
                                      GroupId* out, size_t count) {
  const auto vrf_of = [&](IfId rx) { return state.interfaces[rx].vrf.load(std::memory_order_relaxed); };
  for (size_t first = 0; first < count;) {
    IfId rx = meta(packets[first]).rx_if;
    const uint16_t vrf = vrf_of(rx);
    size_t end = first + 1;
    for (; end < count; end++) {
      const IfId next = meta(packets[end]).rx_if;
      if (next != rx && vrf_of(next) != vrf) {
        break;
      }
      rx = next;
    }
    state.tables.lookup(VrfId(vrf), std::span(destinations + first, end - first), std::span(out + first, end - first));
    first = end;
  }
}

/// Where a vector's packets go: each destination is looked up in the VRF of the interface that its packet came in by.
template <typename Address>
void look_up(const IpState& state, rte_mbuf* const* packets, const Address* destinations, GroupId* out, size_t count) {
  if (!state.interfaces.has_vrfs()) [[likely]] {
    state.tables.lookup(std::span(destinations, count), std::span(out, count));
  } else {
    look_up_by_vrf(state, packets, destinations, out, count);
  }
}

/// Cuts what lies beyond `length` (Ethernet padding). `length` is at least what the first segment needs.
void trim_to(rte_mbuf* packet, uint32_t length);

/// Puts the Ethernet header back in front, as it was received: nobody wrote into the headroom since.
inline void restore_l2(rte_mbuf* packet) { rte_pktmbuf_prepend(packet, sizeof(EthernetHeader)); }

/// Puts a new Ethernet header in front. False: no room.
inline bool prepend_l2(rte_mbuf* packet, uint64_t destination, uint64_t source, uint16_t type) {
  char* at = rte_pktmbuf_prepend(packet, sizeof(EthernetHeader));
  if (at == nullptr) [[unlikely]] {
    return false;
  }
  const uint64_t first = destination | source << 48;
  const uint32_t second = static_cast<uint32_t>(source >> 16);
  const uint16_t third = be16::from(type).raw();
  std::memcpy(at, &first, 8);
  std::memcpy(at + 8, &second, 4);
  std::memcpy(at + 12, &third, 2);
  return true;
}

/// The same for a packet with a rewrite of its own instead of an Ethernet header.
void leave_by_string(NodeContext& node, const IpState& state, const Rewrite& rewrite, Nexts::Sender sender,
                     rte_mbuf* packet);

/// Puts in front what the adjacency says and hands the packet on: by `output` with an Ethernet header, else to the
/// rewrite's own next node. The header in it is done, meta.tx_if is set.
inline void leave(NodeContext& node, const IpState& state, const Adjacency& adjacency, Nexts::Sender sender,
                  unsigned output, rte_mbuf* packet) {
  if (const Rewrite* string = adjacency.string.load(std::memory_order_acquire); string != nullptr) [[unlikely]] {
    leave_by_string(node, state, *string, sender, packet);
    return;
  }
  const uint64_t source = state.interfaces[meta(packet).tx_if].mac_bits.load(std::memory_order_relaxed);
  if (!prepend_l2(packet, adjacency.dst_mac.load(std::memory_order_relaxed), source, ethertype_of(packet)))
      [[unlikely]] {
    node.drop_output(state.drop(IpDrop::no_headroom), packet);
    return;
  }
  node.next(output, packet);
}

/// RFC 1141: the checksum follows without looking at the rest of the header.
inline void decrement_ttl(Ip4Header& ip) {
  uint16_t before;  // the word of TTL and protocol, read and written whole
  std::memcpy(&before, &ip.ttl, 2);
  const auto after = static_cast<uint16_t>(before - be16::from(0x0100).raw());
  std::memcpy(&ip.ttl, &after, 2);
  ip.checksum.set_raw(update_checksum(ip.checksum.raw(), before, after));
}

/// Carries out a verdict that says drop or error. `error_edge` leads to the family's ICMP error node.
inline void reject(NodeContext& node, const IpState& state, const Verdict& verdict, unsigned error_edge,
                   rte_mbuf* packet) {
  if (verdict.next == Verdict::error) {
    request_error(packet, verdict.icmp_type, verdict.icmp_code, verdict.icmp_data, state.drop(verdict.reason));
    node.next(error_edge, packet);
  } else {
    node.drop(state.drop(verdict.reason), packet);
  }
}

/// For the router's own kernel. What came from it does not go back; what we made ourselves has no frame of its own and
/// goes by way of floof0.
void to_kernel(NodeContext& node, const IpState& state, unsigned punt_edge, uint16_t ethertype, IpDrop from_kernel,
               rte_mbuf* packet);

/// Who takes a packet to this router itself: an edge, 0: the kernel.
unsigned local_taker(const Takers::Local& takers, const Ip4Header& ip, const rte_mbuf& packet);
unsigned local_taker(const Takers::Local& takers, const Ip6Header& ip, const rte_mbuf& packet);

/// What ip4-local and ip6-local do: to a feature that takes the packet, else by `punt_edge` to the kernel.
template <typename Header>
void take_home(NodeContext& node, const IpState& state, const Takers::Local& takers, unsigned punt_edge, uint16_t type,
               std::span<rte_mbuf*> packets) {
  for (rte_mbuf* packet : packets) {
    if (const unsigned taker = local_taker(takers, header<Header>(packet), *packet); taker != 0) {
      node.next(taker, packet);
    } else {
      to_kernel(node, state, punt_edge, type, IpDrop::local_from_kernel, packet);
    }
  }
}

/// Headers of each segment of a TCP super packet, from the IP header on.
uint32_t super_packet_headers(rte_mbuf* packet);
/// The longest segment of a TCP super packet, from the IP header on.
uint32_t super_packet_segment(rte_mbuf* packet);
/// What a packet needs of its way out.
inline uint32_t length_on_wire(rte_mbuf* packet) {
  return meta(packet).gso == PacketMeta::gso_none ? packet->pkt_len : super_packet_segment(packet);
}

}  // namespace floof::ip
