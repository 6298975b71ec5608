// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fast_at_once.h"
#include "features/ip/ip_node.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { forward, hold, punt, error, port_tx };

void refuse(NodeContext& node, const IpState& state, uint8_t code, IpDrop reason, rte_mbuf* packet) {
  request_error(packet, icmp4::unreachable, code, 0, state.drop(reason));
  node.next(Edge::error, packet);
}

// What enters here from the router's kernel has not passed ip4-input.
bool check_from_kernel(NodeContext& node, const IpState& state, rte_mbuf* packet) {
  const Verdict verdict = check_ip4(bytes_of(packet), packet->data_len, packet->pkt_len);
  if (verdict.next == Verdict::drop || verdict.next == Verdict::error) {
    node.drop(state.drop(verdict.reason), packet);
    return false;
  }
  if (verdict.next == Verdict::kernel) {
    node.drop(state.drop(IpDrop::multicast_from_kernel), packet);
    return false;
  }
  if (const uint32_t length = ip4_length(bytes_of(packet)); length < packet->pkt_len) {
    trim_to(packet, length);
  }
  return true;
}

/// True: forwarding is allowed. Else the packet is gone.
bool may_leave(NodeContext& node, const IpState& state, const Ip4Header& ip, rte_mbuf* packet) {
  constexpr uint32_t kLinkLocal = 0xa9fe;
  if (ip.source.host() >> 16 == kLinkLocal || ip.destination.host() >> 16 == kLinkLocal) [[unlikely]] {
    node.drop(state.drop(IpDrop::ip4_link_local), packet);
    return false;
  }
  if (has_flag(packet, PacketMeta::broadcast)) [[unlikely]] {
    node.drop(state.drop(IpDrop::ip4_l2_broadcast), packet);
    return false;
  }
  return true;
}

void forward_to(NodeContext& node, const IpState& state, const Group& group, rte_mbuf* packet) {
  PacketMeta& m = meta(packet);
  uint32_t hash = 0;
  if (group.single.load(std::memory_order_acquire) == 0) {
    hash = flow_hash4(bytes_of(packet), packet->data_len, state.hash_seed.load(std::memory_order_relaxed));
  }
  PacketNotes& n = notes(packet);
  n.flow_hash = hash;
  n.adj = state.tables.select(group, hash);
  m.tx_if = IfId(state.tables.adjacency(n.adj).interface.load(std::memory_order_relaxed));
  node.next(Edge::forward, packet);
}

/// On link: to the destination itself, or to those who ask for it.
void deliver(NodeContext& node, const IpState& state, const Group& group, rte_mbuf* packet) {
  PacketMeta& m = meta(packet);
  PacketNotes& n = notes(packet);
  m.tx_if = IfId(group.interface.load(std::memory_order_relaxed));
  n.flow_hash = 0;
  n.adj = state.tables.find_neighbor(m.tx_if, Ip4(header<Ip4Header>(packet).destination.host()));
  node.next(n.adj.valid() ? Edge::forward : Edge::hold, packet);
}

void dispatch(NodeContext& node, const IpState& state, GroupId id, rte_mbuf* packet) {
  const Group& group = state.tables.group(id);
  const PathKind kind = group.kind.load(std::memory_order_acquire);
  if (kind == PathKind::local) {
    if (const unsigned taker = local_taker(state.takers.ip4, header<Ip4Header>(packet), *packet); taker != 0) {
      node.next(taker, packet);
      return;
    }
    to_kernel(node, state, Edge::punt, ethertype::ip4, IpDrop::local_from_kernel, packet);
    return;
  }
  if (!may_leave(node, state, header<Ip4Header>(packet), packet)) {
    return;
  }
  switch (kind) {
    case PathKind::forward:
      forward_to(node, state, group, packet);
      break;
    case PathKind::connected:
      deliver(node, state, group, packet);
      break;
    case PathKind::blackhole:
      node.drop(state.drop(IpDrop::ip4_blackhole), packet);
      break;
    case PathKind::unreachable:
      refuse(node, state, icmp4::host_unreachable, IpDrop::ip4_unreachable, packet);
      break;
    case PathKind::prohibit:
      refuse(node, state, icmp4::prohibited, IpDrop::ip4_prohibited, packet);
      break;
    default:
      refuse(node, state, icmp4::net_unreachable, IpDrop::ip4_no_route, packet);
  }
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  if (state.at_once) {
    packets = fast::forward_at_once<Ip4>(node, state, Edge::port_tx, packets);
  }
  if (packets.empty()) [[likely]] {
    return;
  }
  std::array<Ip4, engine::kFrameSize> destinations;
  std::array<GroupId, engine::kFrameSize> groups;
  size_t count = 0;
  for (rte_mbuf* packet : packets) {
    if (has_flag(packet, PacketMeta::from_tap) && !check_from_kernel(node, state, packet)) [[unlikely]] {
      continue;
    }
    packets[count] = packet;
    destinations[count++] = Ip4(header<Ip4Header>(packet).destination.host());
  }
  look_up(state, packets.data(), destinations.data(), groups.data(), count);
  for (size_t i = 0; i < count; i++) {
    dispatch(node, state, groups[i], packets[i]);
  }
}

}  // namespace

engine::NodeSpec ip4_lookup_node(IpState& state) {
  return {
      .name = "ip4-lookup",
      .help =
          "Finds the longest matching route and picks the adjacency by flow; what just goes out is rewritten at once.",
      .process = process,
      .next = {"ip4-forward", "neighbor-hold", "punt", "icmp4-error", "port-tx"},
      .state = &state,
      .arcs = {"interface-output"}};
}

}  // namespace floof::ip
