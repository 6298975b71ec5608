// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/priority_node.h"

#include <cstring>

#include "engine/stage.h"
#include "engine/tags.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/wire.h"
#include "features/vlan/tags.h"

namespace floof::vlan {

namespace {

using engine::meta;
using engine::NodeContext;
using engine::PacketMeta;

// Each does the same to a packet as node and as stage (engine/stage.h).

/// Of the contiguous bytes from the type in front of the IP header on; nothing: it is no IP packet.
std::optional<unsigned> dscp_of(std::span<const uint8_t> bytes) {
  if (bytes.size() < 4) {
    return {};
  }
  switch (load16(&bytes[0])) {
    case ip::ethertype::ip4:
      return bytes[3] >> 2;
    case ip::ethertype::ip6:
      return load16(&bytes[2]) >> 6 & 0x3f;
    default:
      return {};
  }
}

/// As bits of a tag; nothing: it stays.
std::optional<uint32_t> chosen(const PriorityState& state, IfId tx, std::span<const uint8_t> from_type) {
  const Priority* const priority = state.of(tx);
  if (priority == nullptr) {
    return {};
  }
  const auto dscp = dscp_of(from_type);
  auto pcp = dscp ? priority->to_pcp[*dscp] : std::nullopt;
  if (!pcp) {
    pcp = priority->fixed;
  }
  return pcp ? std::optional(uint32_t{*pcp} << 21) : std::nullopt;
}

void choose_pcp(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<PriorityState>();
  for (rte_mbuf* packet : packets) {
    PacketMeta& m = meta(packet);
    const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
    const size_t length = packet->data_len < engine::kMacBytes ? 0 : packet->data_len - engine::kMacBytes;
    if (const auto pcp = chosen(state, m.tx_if, {frame + engine::kMacBytes, length})) {
      m.flags = static_cast<uint16_t>(m.flags & ~PacketMeta::kPriorityMask);
      engine::keep_priority(m, *pcp);
    }
  }
  node.next_feature_all(state.output, packets, &PacketMeta::tx_if);
}

void choose_pcp_stage(engine::StageVector& vector, void* state) {
  for (size_t i = 0; i < vector.count(); i++) {
    const uint8_t* const type = vector.ip(i) - 2;
    if (const auto pcp = chosen(*static_cast<const PriorityState*>(state), meta(vector.packet(i)).tx_if, {type, 4})) {
      vector.set_priority(i, *pcp);
    }
  }
}

/// What the tag that the packet came with asks for. `bits`: its priority.
std::optional<uint8_t> asked_dscp(const PriorityState& state, IfId rx, uint32_t bits) {
  const Priority* const priority = state.of(rx);
  return priority == nullptr ? std::nullopt : priority->to_dscp[bits >> 21 & 7];
}

void write_dscp(ip::Ip4Header& header, uint8_t dscp) {
  uint16_t before, after;
  std::memcpy(&before, &header, sizeof before);
  header.tos = static_cast<uint8_t>(dscp << 2 | (header.tos & 3));
  std::memcpy(&after, &header, sizeof after);
  header.checksum.set_raw(ip::update_checksum(header.checksum.raw(), before, after));
}
void write_dscp(ip::Ip6Header& header, uint8_t dscp) {
  auto* const bytes = reinterpret_cast<uint8_t*>(&header);
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0xf0) | dscp >> 2);
  bytes[1] = static_cast<uint8_t>((bytes[1] & 0x3f) | dscp << 6);
}

template <typename Header>
void write_dscps(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<PriorityState>();
  for (rte_mbuf* packet : packets) {
    const PacketMeta& m = meta(packet);
    if (const auto dscp = asked_dscp(state, m.rx_if, engine::kept_priority(m))) {
      write_dscp(*rte_pktmbuf_mtod(packet, Header*), *dscp);
    }
  }
  node.next_feature_all(std::is_same_v<Header, ip::Ip4Header> ? state.ip4 : state.ip6, packets, &PacketMeta::rx_if);
}

template <typename Header>
void write_dscps_stage(engine::StageVector& vector, void* state) {
  for (size_t i = 0; i < vector.count(); i++) {
    const IfId rx = meta(vector.packet(i)).rx_if;
    if (const auto dscp = asked_dscp(*static_cast<const PriorityState*>(state), rx, vector.priority(i))) {
      write_dscp(*reinterpret_cast<Header*>(vector.ip(i)), *dscp);
    }
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
                    .process = write_dscps<ip::Ip4Header>,
                    .state = &state});
  builder.add_node({.name = "vlan-dscp6",
                    .help = "Writes the DSCP that the priority of the VLAN tag asks for, IPv6.",
                    .process = write_dscps<ip::Ip6Header>,
                    .state = &state});
  builder.add_feature({"interface-output", "vlan-pcp", {}, {}, choose_pcp_stage});
  builder.add_feature({"ip4-unicast", "vlan-dscp4", {}, {}, write_dscps_stage<ip::Ip4Header>});
  builder.add_feature({"ip6-unicast", "vlan-dscp6", {}, {}, write_dscps_stage<ip::Ip6Header>});
}

}  // namespace floof::vlan
