// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { output, fragment, hold, error };

// A TCP super packet whose segments are too long, and which may be fragmented: shorter segments do the same.
bool shorten_segments(rte_mbuf* packet, uint32_t mtu) {
  const uint32_t headers = super_packet_headers(packet);
  if (headers + 8 > mtu) {
    return false;
  }
  meta(packet).gso_size = static_cast<uint16_t>(mtu - headers);
  return true;
}

/// For a packet that is too long for the way out. True: it fits now. Else it went elsewhere.
bool make_fit(NodeContext& node, const IpState& state, uint32_t mtu, rte_mbuf* packet) {
  const bool may_fragment = (header<Ip4Header>(packet).fragment.host() & Ip4Header::kDontFragment) == 0;
  const bool super = meta(packet).gso != PacketMeta::gso_none;
  if (may_fragment && super && shorten_segments(packet, mtu)) {
    return true;
  }
  if (may_fragment && !super) {
    node.next(Edge::fragment, packet);
    return false;
  }
  request_error(packet, icmp4::unreachable, icmp4::fragmentation_needed, mtu,
                state.drop(IpDrop::ip4_needs_fragmentation));
  node.next(Edge::error, packet);
  return false;
}

void one(NodeContext& node, const IpState& state, rte_mbuf* packet) {
  PacketMeta& m = meta(packet);
  auto& ip = header<Ip4Header>(packet);
  const bool ours = (m.flags & (PacketMeta::own | PacketMeta::from_tap)) != 0;
  if (ip.ttl <= 1 && !ours) [[unlikely]] {
    request_error(packet, icmp4::time_exceeded, 0, 0, state.drop(IpDrop::ip4_ttl_expired));
    node.next(Edge::error, packet);
    return;
  }
  const Adjacency& adjacency = state.tables.adjacency(notes(packet).adj);
  if (adjacency.state.load(std::memory_order_acquire) != Adjacency::resolved) [[unlikely]] {
    node.next(Edge::hold, packet);
    return;
  }
  adjacency.use();
  const engine::Interface& out = state.interfaces[m.tx_if];
  const uint32_t mtu = out.mtu.load(std::memory_order_relaxed);
  if (length_on_wire(packet) > mtu && !make_fit(node, state, mtu, packet)) [[unlikely]] {
    return;
  }
  if (!ours) {
    decrement_ttl(ip);
  }
  leave(node, state, adjacency, Nexts::forward4, Edge::output, packet);
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (size_t i = 0; i < packets.size(); i++) {
    prefetch_after(packets, i);
    one(node, state, packets[i]);
  }
}

}  // namespace

engine::NodeSpec ip4_forward_node(IpState& state) {
  return {.name = "ip4-forward",
          .help = "Lowers the time to live, checks the MTU of the way out and writes the new Ethernet header.",
          .process = process,
          .next = {"interface-output", "ip4-fragment", "neighbor-hold", "icmp4-error"},
          .state = &state};
}

}  // namespace floof::ip
