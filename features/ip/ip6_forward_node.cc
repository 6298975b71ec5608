// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { output, hold, error };

void one(NodeContext& node, const IpState& state, rte_mbuf* packet) {
  PacketMeta& m = meta(packet);
  auto& ip = header<Ip6Header>(packet);
  const bool ours = (m.flags & (PacketMeta::own | PacketMeta::from_tap)) != 0;
  if (ip.hop_limit <= 1 && !ours) [[unlikely]] {
    request_error(packet, icmp6::time_exceeded, 0, 0, state.drop(IpDrop::ip6_hop_limit_expired));
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
  if (length_on_wire(packet) > mtu) [[unlikely]] {
    request_error(packet, icmp6::too_big, 0, mtu, state.drop(IpDrop::ip6_too_big));
    node.next(Edge::error, packet);
    return;
  }
  if (!ours) {
    ip.hop_limit--;
  }
  leave(node, state, adjacency, Nexts::forward6, Edge::output, packet);
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (size_t i = 0; i < packets.size(); i++) {
    prefetch_after(packets, i);
    one(node, state, packets[i]);
  }
}

}  // namespace

engine::NodeSpec ip6_forward_node(IpState& state) {
  return {.name = "ip6-forward",
          .help = "Lowers the hop limit, checks the MTU of the way out and writes the new Ethernet header.",
          .process = process,
          .next = {"interface-output", "neighbor-hold", "icmp6-error"},
          .state = &state};
}

}  // namespace floof::ip
