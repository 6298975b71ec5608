// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { punt, error };

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (rte_mbuf* packet : packets) {
    const Verdict verdict = check_ip4_options(bytes_of(packet), packet->data_len);
    switch (verdict.next) {
      case Verdict::lookup:
      case Verdict::options:
        node.start_arc(state.ip4_unicast, packet, meta(packet).rx_if);
        break;
      case Verdict::kernel:
        to_kernel(node, state, Edge::punt, ethertype::ip4, IpDrop::local_from_kernel, packet);
        break;
      case Verdict::drop:
      case Verdict::error:
        reject(node, state, verdict, Edge::error, packet);
    }
  }
}

}  // namespace

engine::NodeSpec ip4_options_node(IpState& state) {
  return {.name = "ip4-options",
          .help = "Judges IPv4 options: no source routes, router alert to the kernel, the rest passes unchanged.",
          .process = process,
          .next = {"punt", "icmp4-error"},
          .state = &state,
          .arcs = {"ip4-unicast"}};
}

}  // namespace floof::ip
