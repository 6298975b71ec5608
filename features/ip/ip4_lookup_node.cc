// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fast_at_once.h"
#include "features/ip/ip_node.h"
#include "features/ip/lookup_dispatch.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip {

namespace {

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

struct Family4 {
  using Header = Ip4Header;
  static constexpr Nexts::Sender kSender = Nexts::lookup4;
  static constexpr uint8_t kUnreachable = icmp4::unreachable;
  static constexpr Refusal kHost{icmp4::host_unreachable, IpDrop::ip4_unreachable};
  static constexpr Refusal kProhibited{icmp4::prohibited, IpDrop::ip4_prohibited};
  static constexpr Refusal kNoRoute{icmp4::net_unreachable, IpDrop::ip4_no_route};
  static constexpr IpDrop kBlackhole = IpDrop::ip4_blackhole;

  static Ip4 destination(const Ip4Header& ip) { return Ip4(ip.destination.host()); }
  static uint32_t hash(const uint8_t* bytes, uint32_t length, uint32_t seed) { return flow_hash4(bytes, length, seed); }
  static engine::ArcId local_arc(const IpState& state) { return state.ip4_local; }

  /// True: forwarding is allowed. Else the packet is gone.
  static bool may_leave(NodeContext& node, const IpState& state, const Ip4Header& ip, rte_mbuf* packet) {
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
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  if (state.at_once) {
    packets = fast::forward_at_once<Ip4>(node, state, LookupEdge::port_tx, packets);
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
  const LookupDispatch<Family4> dispatch(node, state);
  for (size_t i = 0; i < count; i++) {
    dispatch(groups[i], packets[i]);
  }
}

}  // namespace

engine::NodeSpec ip4_lookup_node(IpState& state) {
  return {
      .name = "ip4-lookup",
      .help =
          "Finds the longest matching route and picks the adjacency by flow; what just goes out is rewritten at once.",
      .process = process,
      .next = {"ip4-forward", "neighbor-hold", "icmp4-error", "port-tx"},
      .state = &state,
      .arcs = {"interface-output", "ip4-local"}};
}

}  // namespace floof::ip
