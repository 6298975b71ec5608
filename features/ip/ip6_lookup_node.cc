// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fast_at_once.h"
#include "features/ip/ip_node.h"
#include "features/ip/lookup_dispatch.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip {

namespace {

// What enters here from the router's kernel has not passed ip6-input.
bool check_from_kernel(NodeContext& node, const IpState& state, rte_mbuf* packet) {
  const Verdict verdict = check_ip6(bytes_of(packet), packet->data_len, packet->pkt_len);
  if (verdict.next == Verdict::drop || verdict.next == Verdict::error) {
    node.drop(state.drop(verdict.reason), packet);
    return false;
  }
  if (verdict.next == Verdict::kernel) {
    const bool group = Ip6(header<Ip6Header>(packet).destination).is_multicast();
    node.drop(state.drop(group ? IpDrop::multicast_from_kernel : IpDrop::ip6_link_local), packet);
    return false;
  }
  if (const uint32_t length = ip6_length(bytes_of(packet)); length < packet->pkt_len) {
    trim_to(packet, length);
  }
  return true;
}

struct Family6 {
  using Header = Ip6Header;
  static constexpr Nexts::Sender kSender = Nexts::lookup6;
  static constexpr uint8_t kUnreachable = icmp6::unreachable;
  static constexpr Refusal kHost{icmp6::address_unreachable, IpDrop::ip6_unreachable};
  static constexpr Refusal kProhibited{icmp6::prohibited, IpDrop::ip6_prohibited};
  static constexpr Refusal kNoRoute{icmp6::no_route, IpDrop::ip6_no_route};
  static constexpr IpDrop kBlackhole = IpDrop::ip6_blackhole;

  static Ip6 destination(const Ip6Header& ip) { return Ip6(ip.destination); }
  static uint32_t hash(const uint8_t* bytes, uint32_t length, uint32_t seed) { return flow_hash6(bytes, length, seed); }
  static engine::ArcId local_arc(const IpState& state) { return state.ip6_local; }

  /// True: forwarding is allowed. Else the packet is gone. RFC 4291 2.5.6, RFC 4443 3.1 code 2.
  static bool may_leave(NodeContext& node, const IpState& state, const Ip6Header& ip, rte_mbuf* packet) {
    const auto link_local = [](const std::array<uint8_t, 16>& a) { return a[0] == 0xfe && (a[1] & 0xc0) == 0x80; };
    if (link_local(ip.destination)) [[unlikely]] {
      node.drop(state.drop(IpDrop::ip6_link_local), packet);
      return false;
    }
    if (link_local(ip.source)) [[unlikely]] {
      request_error(packet, icmp6::unreachable, icmp6::beyond_scope, 0, state.drop(IpDrop::ip6_link_local));
      node.next(LookupEdge::error, packet);
      return false;
    }
    if (has_flag(packet, PacketMeta::broadcast)) [[unlikely]] {
      node.drop(state.drop(IpDrop::ip6_l2_multicast), packet);
      return false;
    }
    return true;
  }
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  if (state.at_once) {
    packets = fast::forward_at_once<Ip6>(node, state, LookupEdge::port_tx, packets);
  }
  if (packets.empty()) [[likely]] {
    return;
  }
  std::array<Ip6, engine::kFrameSize> destinations;
  std::array<GroupId, engine::kFrameSize> groups;
  size_t count = 0;
  for (rte_mbuf* packet : packets) {
    if (has_flag(packet, PacketMeta::from_tap) && !check_from_kernel(node, state, packet)) [[unlikely]] {
      continue;
    }
    packets[count] = packet;
    destinations[count++] = Ip6(header<Ip6Header>(packet).destination);
  }
  look_up(state, packets.data(), destinations.data(), groups.data(), count);
  const LookupDispatch<Family6> dispatch(node, state);
  for (size_t i = 0; i < count; i++) {
    dispatch(groups[i], packets[i]);
  }
}

}  // namespace

engine::NodeSpec ip6_lookup_node(IpState& state) {
  return {
      .name = "ip6-lookup",
      .help =
          "Finds the longest matching route and picks the adjacency by flow; what just goes out is rewritten at once.",
      .process = process,
      .next = {"ip6-forward", "neighbor-hold", "icmp6-error", "port-tx"},
      .state = &state,
      .arcs = {"interface-output", "ip6-local"}};
}

}  // namespace floof::ip
