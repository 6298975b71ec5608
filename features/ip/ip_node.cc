// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/ip_node.h"

#include "engine/offload/offload.h"
#include "features/ip/ip.h"

namespace floof::ip {

void SourceTable::set(IfId interface, std::optional<Ip4> ip4, std::optional<Ip6> ip6) {
  Slot& slot = slots_[interface.value()];
  slot.ip4.store(ip4 ? ip4->value() : 0, std::memory_order_relaxed);
  const Ip6 address = ip6.value_or(Ip6{});
  const uint32_t version = slot.version.load(std::memory_order_relaxed);
  slot.version.store(version + 1, std::memory_order_seq_cst);
  slot.high.store(address.high(), std::memory_order_seq_cst);
  slot.low.store(address.low(), std::memory_order_seq_cst);
  slot.version.store(version + 2, std::memory_order_seq_cst);
}

std::optional<Ip4> SourceTable::ip4(IfId interface) const {
  uint32_t address = slots_[interface.value()].ip4.load(std::memory_order_relaxed);
  if (address == 0) {
    address = slots_[0].ip4.load(std::memory_order_relaxed);
  }
  return address == 0 ? std::nullopt : std::optional(Ip4(address));
}

Ip6 SourceTable::read(const Slot& slot) const {
  for (;;) {
    const uint32_t before = slot.version.load(std::memory_order_seq_cst);
    const Ip6 out =
        Ip6::from_halves(slot.high.load(std::memory_order_seq_cst), slot.low.load(std::memory_order_seq_cst));
    if (before % 2 == 0 && slot.version.load(std::memory_order_seq_cst) == before) {
      return out;
    }
  }
}

std::optional<Ip6> SourceTable::ip6(IfId interface) const {
  Ip6 address = read(slots_[interface.value()]);
  if (address.is_unspecified()) {
    address = read(slots_[0]);
  }
  return address.is_unspecified() ? std::nullopt : std::optional(address);
}

void trim_to(rte_mbuf* packet, uint32_t length) {
  packet->pkt_len = length;
  uint32_t left = length;
  rte_mbuf* segment = packet;
  for (;; segment = segment->next) {
    if (segment->data_len >= left) {
      break;
    }
    left -= segment->data_len;
  }
  segment->data_len = static_cast<uint16_t>(left);
  if (segment->next != nullptr) {
    rte_pktmbuf_free(segment->next);
    segment->next = nullptr;
    uint16_t segments = 1;
    for (const rte_mbuf* s = packet; s != segment; s = s->next) {
      segments++;
    }
    packet->nb_segs = segments;
  }
}

void to_kernel(NodeContext& node, const IpState& state, unsigned punt_edge, uint16_t ethertype, IpDrop from_kernel,
               rte_mbuf* packet) {
  PacketMeta& m = meta(packet);
  if ((m.flags & PacketMeta::from_tap) != 0) {
    node.drop(state.drop(from_kernel), packet);
    return;
  }
  if ((m.flags & PacketMeta::own) == 0) [[likely]] {
    restore_l2(packet);
    node.next(punt_edge, packet);
    return;
  }
  const IfId floof0(state.kernel_interface.load(std::memory_order_relaxed));
  if (!floof0.valid()) {
    node.drop(state.drop(IpDrop::kernel_unreachable), packet);
    return;
  }
  m.rx_if = floof0;
  const uint64_t mac = state.interfaces[floof0].mac_bits.load(std::memory_order_relaxed);
  if (!prepend_l2(packet, mac, 0, ethertype)) {
    node.drop(state.drop(IpDrop::no_headroom), packet);
    return;
  }
  node.next(punt_edge, packet);
}

// What is left to a device, a checksum or TCP segmentation, has to be done before another header is in front. Headers
// are then where the tools for that look for them: behind an Ethernet header.
template <typename Then>
void finish(NodeContext& node, const IpState& state, rte_mbuf* packet, Then then) {
  PacketMeta& m = meta(packet);
  if ((m.flags & PacketMeta::checksum_partial) == 0 && m.gso == PacketMeta::gso_none) [[likely]] {
    then(packet);
    return;
  }
  if (!prepend_l2(packet, 0, 0, ethertype_of(packet))) {
    node.drop_output(state.drop(IpDrop::no_headroom), packet);
    return;
  }
  if (m.gso == PacketMeta::gso_none) {
    if (!engine::complete_checksum(*packet)) {
      node.drop_output(state.drop(IpDrop::offload_malformed), packet);
      return;
    }
    rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
    then(packet);
    return;
  }
  engine::Segmenter segments(*packet, state.pools);
  const bool good = segments.valid();
  while (!segments.done()) {
    rte_mbuf* const piece = segments.next();
    if (piece == nullptr) {
      node.drop_output(state.drop(IpDrop::no_buffer), packet);
      return;
    }
    rte_pktmbuf_adj(piece, sizeof(EthernetHeader));
    then(piece);
  }
  if (!good) {
    node.drop_output(state.drop(IpDrop::offload_malformed), packet);
    return;
  }
  rte_pktmbuf_free(packet);
}

void leave_by_string(NodeContext& node, const IpState& state, const Rewrite& rewrite, Nexts::Sender sender,
                     rte_mbuf* packet) {
  const unsigned edge = state.nexts.edge(sender, rewrite.next.value());
  finish(node, state, packet, [&](rte_mbuf* out) {
    PacketMeta& m = meta(out);
    const uint32_t bytes = out->pkt_len;
    char* const at = rte_pktmbuf_prepend(out, rewrite.length);
    if (at == nullptr) [[unlikely]] {
      node.drop_output(state.drop(IpDrop::no_headroom), out);
      return;
    }
    std::memcpy(at, rewrite.bytes.data(), rewrite.length);
    m.flags = static_cast<uint16_t>(m.flags & ~PacketMeta::checksum_good);  // said of a checksum that is inside now
    node.count_interface(m.tx_if, stats::tx_packets);
    node.count_interface(m.tx_if, stats::tx_bytes, bytes);
    node.next(edge, out);
  });
}

void decapsulate(engine::NodeContext& node, const IpState& state, IfId tunnel, uint16_t type, uint32_t outer,
                 rte_mbuf* packet) {
  rte_pktmbuf_adj(packet, static_cast<uint16_t>(outer));
  const uint32_t bytes = packet->pkt_len;
  prepend_l2(packet, state.interfaces[tunnel].mac_bits.load(std::memory_order_relaxed), 0, type);
  PacketMeta& m = meta(packet);
  const auto rounds = static_cast<uint16_t>(m.flags & -PacketMeta::one_round);
  m = PacketMeta{};
  m.rx_if = tunnel;
  m.flags = rounds;
  node.count_interface(tunnel, stats::rx_packets);
  node.count_interface(tunnel, stats::rx_bytes, bytes);
}

NextId Nexts::add(engine::GraphBuilder& builder, std::string_view node) {
  std::array<uint8_t, kSenders> edges;
  for (size_t i = 0; i < kSenders; i++) {
    edges[i] = static_cast<uint8_t>(builder.add_edge(kNodes[i], node));
  }
  edges_.push_back(edges);
  return NextId(static_cast<uint16_t>(Lead::kFirstNode + edges_.size() - 1));
}

namespace {

unsigned local_taker_of(const Takers::Local& takers, uint8_t protocol, uint32_t header, const rte_mbuf& packet) {
  if ((meta(&packet).flags & (PacketMeta::from_tap | PacketMeta::own)) != 0) {
    return 0;
  }
  if (protocol == protocol::udp && packet.data_len >= header + sizeof(UdpHeader)) {
    const auto* udp = rte_pktmbuf_mtod_offset(&packet, const UdpHeader*, header);
    if (const unsigned edge = Takers::find(takers.udp_ports, udp->destination_port.host()); edge != 0) {
      return edge;
    }
  }
  return takers.protocols[protocol];
}

void take(engine::GraphBuilder& builder, std::string_view from, std::string_view node, std::vector<uint8_t>& edges,
          uint16_t number) {
  edges.resize(size_t{UINT16_MAX} + 1);
  edges[number] = static_cast<uint8_t>(builder.add_edge(from, node));
}

std::string_view local_of(Family family) { return family == Family::ip4 ? "ip4-local" : "ip6-local"; }

}  // namespace

unsigned local_taker(const Takers::Local& takers, const Ip4Header& ip, const rte_mbuf& packet) {
  const bool piece = (ip.fragment.host() & (Ip4Header::kMoreFragments | Ip4Header::kOffsetMask)) != 0;
  return piece ? 0 : local_taker_of(takers, ip.protocol, ip.header_length(), packet);
}

unsigned local_taker(const Takers::Local& takers, const Ip6Header& ip, const rte_mbuf& packet) {
  return local_taker_of(takers, ip.next_header, sizeof ip, packet);
}

void take_ethertype(engine::GraphBuilder& builder, IpState& state, uint16_t type, std::string_view node) {
  take(builder, "ethernet-input", node, state.takers.ethertypes, type);
}

void take_protocol(engine::GraphBuilder& builder, IpState& state, Family family, uint8_t protocol,
                   std::string_view node) {
  auto& local = family == Family::ip4 ? state.takers.ip4 : state.takers.ip6;
  local.protocols[protocol] = static_cast<uint8_t>(builder.add_edge(local_of(family), node));
}

void take_udp_port(engine::GraphBuilder& builder, IpState& state, Family family, uint16_t port, std::string_view node) {
  auto& local = family == Family::ip4 ? state.takers.ip4 : state.takers.ip6;
  take(builder, local_of(family), node, local.udp_ports, port);
}

uint32_t super_packet_headers(rte_mbuf* packet) {
  // csum_start is where TCP begins; a sender whose numbers make no sense is caught again where it is segmented.
  const uint32_t tcp = meta(packet).csum_start;
  const uint32_t longest = 60;
  if (tcp + sizeof(TcpHeader) > packet->data_len) {
    return tcp + longest;
  }
  return tcp + (bytes_of(packet)[tcp + 12] >> 4) * 4u;
}

uint32_t super_packet_segment(rte_mbuf* packet) {
  const uint32_t segment = super_packet_headers(packet) + meta(packet).gso_size;
  return segment < packet->pkt_len ? segment : packet->pkt_len;
}

void register_nodes(engine::GraphBuilder& builder, IpState& state) {
  for (size_t i = 0; i < kDropTexts.size(); i++) {
    state.drop_ids[i] = builder.declare_drop(kDropTexts[i].name, kDropTexts[i].help);
  }
  state.ip4_unicast = builder.add_arc("ip4-unicast", "ip4-lookup");
  state.ip6_unicast = builder.add_arc("ip6-unicast", "ip6-lookup");
  state.ip4_local = builder.add_arc("ip4-local", "ip4-local");
  state.ip6_local = builder.add_arc("ip6-local", "ip6-local");
  state.interface_output = builder.add_arc("interface-output", "interface-tx");
  builder.add_node(ip_fast_node(state));
  builder.add_node(ip_fast_tagged_node(state));
  builder.add_node(ethernet_input_node(state));
  builder.add_node(ip4_input_node(state));
  builder.add_node(ip4_options_node(state));
  builder.add_node(ip4_lookup_node(state));
  builder.add_node(ip4_local_node(state));
  builder.add_node(ip4_forward_node(state));
  builder.add_node(ip4_fragment_node(state));
  builder.add_node(ip6_input_node(state));
  builder.add_node(ip6_options_node(state));
  builder.add_node(ip6_lookup_node(state));
  builder.add_node(ip6_local_node(state));
  builder.add_node(ip6_forward_node(state));
}

}  // namespace floof::ip
