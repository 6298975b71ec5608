// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fast_at_once.h"
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { options, punt };

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  if (state.at_once) {
    packets = fast::accept_at_once<Ip6>(node, state, packets);
  }
  for (rte_mbuf* packet : packets) {
    const Verdict verdict = check_ip6(bytes_of(packet), packet->data_len, packet->pkt_len);
    if (verdict.next == Verdict::drop) [[unlikely]] {
      node.drop(state.drop(verdict.reason), packet);
      continue;
    }
    if (const uint32_t length = ip6_length(bytes_of(packet)); length < packet->pkt_len) {
      trim_to(packet, length);
    }
    const IfId rx = meta(packet).rx_if;
    if (verdict.next == Verdict::kernel) [[unlikely]] {
      to_kernel(node, state, Edge::punt, ethertype::ip6, IpDrop::multicast_from_kernel, packet);
    } else if (state.sources.is_own(rx, Ip6Words(header<Ip6Header>(packet).source.data()))) [[unlikely]] {
      node.drop(state.drop(IpDrop::ip6_source_own), packet);
    } else if (verdict.next == Verdict::options) [[unlikely]] {
      node.next(Edge::options, packet);
    } else {
      node.start_arc(state.ip6_unicast, packet, rx);
    }
  }
}

}  // namespace

engine::NodeSpec ip6_input_node(IpState& state) {
  return {.name = "ip6-input",
          .help = "Checks the IPv6 header (RFC 8200) and trims padding.",
          .process = process,
          .next = {"ip6-options", "punt"},
          .state = &state,
          .arcs = {"ip6-unicast"}};
}

}  // namespace floof::ip
