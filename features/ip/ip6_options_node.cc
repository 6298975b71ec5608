// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { punt, error };

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (rte_mbuf* packet : packets) {
    const Verdict verdict = check_ip6_extensions(bytes_of(packet), packet->data_len, packet->pkt_len);
    switch (verdict.next) {
      case Verdict::lookup:
      case Verdict::options:
        node.start_arc(state.ip6_unicast, packet, meta(packet).rx_if);
        break;
      case Verdict::kernel:
        to_kernel(node, state, Edge::punt, ethertype::ip6, IpDrop::local_from_kernel, packet);
        break;
      case Verdict::drop:
      case Verdict::error:
        reject(node, state, verdict, Edge::error, packet);
    }
  }
}

}  // namespace

engine::NodeSpec ip6_options_node(IpState& state) {
  return {.name = "ip6-options",
          .help = "Judges IPv6 extension headers: hop-by-hop options, routing header type 0, chains that do not end.",
          .process = process,
          .next = {"punt", "icmp6-error"},
          .state = &state,
          .arcs = {"ip6-unicast"}};
}

}  // namespace floof::ip
