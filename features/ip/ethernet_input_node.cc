// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { ip4, ip6, punt };

constexpr uint64_t kMacMask = (uint64_t{1} << 48) - 1;

/// Those of a vector that take the two usual ways.
struct Sorted {
  std::array<rte_mbuf*, engine::kFrameSize> ip4, ip6;
  size_t count4 = 0, count6 = 0;
};

void one(NodeContext& node, const IpState& state, rte_mbuf* packet, Sorted& sorted) {
  if (packet->data_len < sizeof(EthernetHeader)) [[unlikely]] {
    node.drop(state.drop(IpDrop::l2_too_short), packet);
    return;
  }
  PacketMeta& m = meta(packet);
  const uint8_t* frame = bytes_of(packet);
  uint64_t destination;
  std::memcpy(&destination, frame, 8);
  destination &= kMacMask;
  if ((destination & 1) != 0) [[unlikely]] {
    m.flags |= PacketMeta::broadcast;
  } else if (!state.interfaces.has_mac(m.rx_if, destination)) [[unlikely]] {
    node.drop(state.drop(IpDrop::l2_not_for_us), packet);
    return;
  }
  switch (const uint16_t type = header<EthernetHeader>(packet).type.host(); type) {
    case ethertype::ip4:
      rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
      sorted.ip4[sorted.count4++] = packet;
      break;
    case ethertype::ip6:
      rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
      sorted.ip6[sorted.count6++] = packet;
      break;
    case ethertype::vlan:
    case ethertype::qinq:
    case ethertype::old_qinq[0]:
    case ethertype::old_qinq[1]:
    case ethertype::old_qinq[2]:
      node.drop(state.drop(IpDrop::unknown_vlan), packet);
      break;
    default:
      const unsigned taker = Takers::find(state.takers.ethertypes, type);
      node.next(taker == 0 ? Edge::punt : taker, packet);
  }
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  Sorted sorted;
  for (size_t i = 0; i < packets.size(); i++) {
    prefetch_after(packets, i);
    one(node, state, packets[i], sorted);
  }
  node.next_all(Edge::ip4, {sorted.ip4.data(), sorted.count4});
  node.next_all(Edge::ip6, {sorted.ip6.data(), sorted.count6});
}

}  // namespace

engine::NodeSpec ethernet_input_node(IpState& state) {
  return {.name = "ethernet-input",
          .help = "Takes frames that are for this router, removes the Ethernet header and sorts by protocol.",
          .process = process,
          .next = {"ip4-input", "ip6-input", "punt"},
          .state = &state};
}

}  // namespace floof::ip
