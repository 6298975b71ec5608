// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { punt };  // those of who takes protocols and ports follow

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  take_home<Ip4Header>(node, state, state.takers.ip4, Edge::punt, ethertype::ip4, packets);
}

}  // namespace

engine::NodeSpec ip4_local_node(IpState& state) {
  return {
      .name = "ip4-local",
      .help = "Gives packets to this router itself to the feature that takes their protocol or port, or to the kernel.",
      .process = process,
      .next = {"punt"},
      .state = &state};
}

}  // namespace floof::ip
