// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { punt };  // those of who takes protocols and ports follow

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (rte_mbuf* packet : packets) {
    if (const unsigned taker = local_taker(state.takers.ip6, header<Ip6Header>(packet), *packet); taker != 0) {
      node.next(taker, packet);
    } else {
      to_kernel(node, state, Edge::punt, ethertype::ip6, IpDrop::local_from_kernel, packet);
    }
  }
}

}  // namespace

engine::NodeSpec ip6_local_node(IpState& state) {
  return {
      .name = "ip6-local",
      .help = "Gives packets to this router itself to the feature that takes their protocol or port, or to the kernel.",
      .process = process,
      .next = {"punt"},
      .state = &state};
}

}  // namespace floof::ip
