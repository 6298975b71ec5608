// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/priority_node.h"

#include <cstring>

#include "engine/tags.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/wire.h"
#include "features/vlan/tags.h"

namespace floof::vlan {

namespace {

using engine::meta;
using engine::NodeContext;
using engine::PacketMeta;

/// Of a frame that starts with its Ethernet header; nothing: it is no IP packet.
std::optional<unsigned> dscp_of(const rte_mbuf* packet) {
  constexpr unsigned kIp = sizeof(ip::EthernetHeader);
  if (packet->data_len < kIp + 2) {
    return {};
  }
  const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
  switch (detail::load16(frame + engine::kMacBytes)) {
    case ip::ethertype::ip4:
      return frame[kIp + 1] >> 2;
    case ip::ethertype::ip6:
      return detail::load16(frame + kIp) >> 6 & 0x3f;
    default:
      return {};
  }
}

void choose_pcp(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<PriorityState>();
  for (rte_mbuf* packet : packets) {
    PacketMeta& m = meta(packet);
    if (const Priority* const priority = state.of(m.tx_if)) {
      const auto dscp = dscp_of(packet);
      auto pcp = dscp ? priority->to_pcp[*dscp] : std::nullopt;
      if (!pcp) {
        pcp = priority->fixed;
      }
      if (pcp) {
        m.flags = static_cast<uint16_t>(m.flags & ~PacketMeta::kPriorityMask);
        engine::keep_priority(m, uint32_t{*pcp} << 21);
      }
    }
    node.next_feature(state.output, packet, m.tx_if);
  }
}

/// The PCP that the packet's tag had.
unsigned pcp_of(const PacketMeta& m) { return engine::kept_priority(m) >> 21; }

void write_dscp4(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<PriorityState>();
  for (rte_mbuf* packet : packets) {
    const PacketMeta& m = meta(packet);
    const Priority* const priority = state.of(m.rx_if);
    if (const auto dscp = priority != nullptr ? priority->to_dscp[pcp_of(m)] : std::nullopt) {
      auto& header = *rte_pktmbuf_mtod(packet, ip::Ip4Header*);
      uint16_t before, after;
      std::memcpy(&before, &header, sizeof before);
      header.tos = static_cast<uint8_t>(*dscp << 2 | (header.tos & 3));
      std::memcpy(&after, &header, sizeof after);
      header.checksum.set_raw(ip::update_checksum(header.checksum.raw(), before, after));
    }
    node.next_feature(state.ip4, packet, m.rx_if);
  }
}

void write_dscp6(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<PriorityState>();
  for (rte_mbuf* packet : packets) {
    const PacketMeta& m = meta(packet);
    const Priority* const priority = state.of(m.rx_if);
    if (const auto dscp = priority != nullptr ? priority->to_dscp[pcp_of(m)] : std::nullopt) {
      auto* const header = rte_pktmbuf_mtod(packet, uint8_t*);
      header[0] = static_cast<uint8_t>((header[0] & 0xf0) | *dscp >> 2);
      header[1] = static_cast<uint8_t>((header[1] & 0x3f) | *dscp << 6);
    }
    node.next_feature(state.ip6, packet, m.rx_if);
  }
}

}  // namespace

void PriorityState::set(engine::Engine& engine, IfId interface, const Priority& priority) {
  const bool out = priority.chooses_pcp(), in = priority.writes_dscp();
  const auto at = owned_.find(interface);
  if (at == owned_.end() ? !out && !in : *at->second == priority) {
    return;
  }
  auto fresh = out || in ? std::make_unique<const Priority>(priority) : nullptr;
  by_interface_[interface.value()].store(fresh.get());
  engine::Graph& graph = engine.graph();
  graph.enable(output, "vlan-pcp", interface, out);
  graph.enable(ip4, "vlan-dscp4", interface, in);
  graph.enable(ip6, "vlan-dscp6", interface, in);
  engine.synchronize();
  if (fresh) {
    owned_[interface] = std::move(fresh);
  } else {
    owned_.erase(interface);
  }
}

void register_priority_nodes(engine::GraphBuilder& builder, PriorityState& state) {
  state.output = builder.add_arc("interface-output", "interface-tx");
  state.ip4 = builder.add_arc("ip4-unicast", "ip4-lookup");
  state.ip6 = builder.add_arc("ip6-unicast", "ip6-lookup");
  builder.add_node({.name = "vlan-pcp",
                    .help = "Chooses the priority of the VLAN tag by the packet's DSCP.",
                    .process = choose_pcp,
                    .state = &state});
  builder.add_node({.name = "vlan-dscp4",
                    .help = "Writes the DSCP that the priority of the VLAN tag asks for, IPv4.",
                    .process = write_dscp4,
                    .state = &state});
  builder.add_node({.name = "vlan-dscp6",
                    .help = "Writes the DSCP that the priority of the VLAN tag asks for, IPv6.",
                    .process = write_dscp6,
                    .state = &state});
  builder.add_feature({"interface-output", "vlan-pcp", {}, {}});
  builder.add_feature({"ip4-unicast", "vlan-dscp4", {}, {}});
  builder.add_feature({"ip6-unicast", "vlan-dscp6", {}, {}});
}

}  // namespace floof::vlan
