// SPDX-License-Identifier: GPL-3.0-or-later
#include <rte_cycles.h>

#include <algorithm>

#include "engine/worker.h"
#include "features/icmp/icmp.h"
#include "features/icmp/icmp_build.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"

namespace floof::icmp {

namespace {

using engine::meta;
using engine::NodeContext;
using engine::notes;
using engine::PacketMeta;
using engine::PacketNotes;

enum Edge : unsigned { lookup, output, forward };
enum FamilyIndex : size_t { v4, v6 };

Kind kind_of4(uint8_t type, uint8_t code) {
  switch (type) {
    case ip::icmp4::unreachable:
      return code == ip::icmp4::fragmentation_needed ? Kind::too_big : Kind::unreachable;
    case ip::icmp4::time_exceeded:
      return Kind::time_exceeded;
    default:
      return Kind::parameter_problem;
  }
}

Kind kind_of6(uint8_t type) {
  switch (type) {
    case ip::icmp6::unreachable:
      return Kind::unreachable;
    case ip::icmp6::too_big:
      return Kind::too_big;
    case ip::icmp6::time_exceeded:
      return Kind::time_exceeded;
    default:
      return Kind::parameter_problem;
  }
}

/// A new buffer of our own with room for the headers and as much of the original as is to be quoted behind it.
rte_mbuf* quote(const IcmpState& state, rte_mbuf* packet, uint32_t headers, uint32_t quoted) {
  rte_mbuf* out = rte_pktmbuf_alloc(state.ip.pools.packets);
  if (out == nullptr) {
    return nullptr;
  }
  auto* at = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(out, static_cast<uint16_t>(headers + quoted)));
  const void* data = at == nullptr ? nullptr : rte_pktmbuf_read(packet, 0, quoted, at + headers);
  if (data == nullptr) {
    rte_pktmbuf_free(out);
    return nullptr;
  }
  if (data != at + headers) {
    std::memcpy(at + headers, data, quoted);
  }
  PacketMeta& m = meta(out);
  m = PacketMeta{};
  m.rx_if = meta(packet).rx_if;
  m.tx_if = m.rx_if;
  m.flags = PacketMeta::own;
  return out;
}

/// Whether an error of this kind may be made now; counts why not.
bool allowed(NodeContext& node, IcmpState& state, FamilyIndex family, Kind kind, bool may_answer, rte_mbuf* packet) {
  if (!may_answer || (meta(packet).flags & PacketMeta::broadcast) != 0) {
    node.count(state.not_allowed[family]);
    return false;
  }
  auto& worker = state.workers[node.worker().index()];
  if (state.limited && !worker.buckets[family][static_cast<size_t>(kind)].take(state.rate, node.now())) {
    node.count(state.rate_limited[family]);
    return false;
  }
  return true;
}

void answer4(NodeContext& node, IcmpState& state, rte_mbuf* packet) {
  const PacketMeta& m = meta(packet);
  const PacketNotes& n = notes(packet);
  const Error error{n.icmp_type, n.icmp_code, n.icmp_data};
  const Kind kind = kind_of4(error.type, error.code);
  const auto* bytes = rte_pktmbuf_mtod(packet, const uint8_t*);
  if (!allowed(node, state, v4, kind, may_answer4(bytes, packet->data_len), packet)) {
    return;
  }
  // 192.0.0.8 speaks for routers without any IPv4 address (RFC 7600 section 4.8).
  const Ip4 source = state.ip.sources.ip4(m.rx_if).value_or(Ip4(0xc0000008));
  const uint32_t quoted = std::min(packet->pkt_len, kLongest4 - kHeaders4);
  rte_mbuf* out = quote(state, packet, kHeaders4, quoted);
  if (out == nullptr) {
    node.count(state.no_buffer[v4]);
    return;
  }
  auto& worker = state.workers[node.worker().index()];
  const auto& ip = *reinterpret_cast<const ip::Ip4Header*>(bytes);
  build4(rte_pktmbuf_mtod(out, uint8_t*), error, source, Ip4(ip.source.host()), worker.next_id++, quoted);
  node.count(state.sent[v4][static_cast<size_t>(kind)]);
  node.next(Edge::lookup, out);
}

/// Out of a tunnel came no frame, but there is one neighbour behind it.
bool send_back_by_neighbor(NodeContext& node, const IcmpState& state, IfId rx, rte_mbuf* out) {
  const auto& ip = *rte_pktmbuf_mtod(out, const ip::Ip6Header*);
  const AdjId neighbor = state.ip.tables.find_neighbor(rx, Ip6(ip.destination));
  notes(out).adj = neighbor;
  if (neighbor.valid()) {
    node.next(Edge::forward, out);
  }
  return neighbor.valid();
}

/// To a link-local source there is no route: the error goes back to where the frame came from.
bool send_back(NodeContext& node, const IcmpState& state, rte_mbuf* original, rte_mbuf* out) {
  const PacketMeta& m = meta(original);
  if ((m.flags & (PacketMeta::from_tap | PacketMeta::own)) != 0) {
    return false;
  }
  ip::EthernetHeader frame;
  std::memcpy(&frame, rte_pktmbuf_mtod(original, const uint8_t*) - sizeof frame, sizeof frame);
  if (frame.source.is_zero()) {
    return send_back_by_neighbor(node, state, m.rx_if, out);
  }
  auto* at = reinterpret_cast<ip::EthernetHeader*>(rte_pktmbuf_prepend(out, sizeof frame));
  if (at == nullptr || frame.source.is_multicast()) {
    return false;
  }
  at->destination = frame.source;
  at->source = state.ip.interfaces[m.rx_if].mac();
  at->type.set(ip::ethertype::ip6);
  node.next(Edge::output, out);
  return true;
}

void answer6(NodeContext& node, IcmpState& state, rte_mbuf* packet) {
  const PacketMeta& m = meta(packet);
  const PacketNotes& n = notes(packet);
  const Error error{n.icmp_type, n.icmp_code, n.icmp_data};
  const Kind kind = kind_of6(error.type);
  const auto* bytes = rte_pktmbuf_mtod(packet, const uint8_t*);
  if (!allowed(node, state, v6, kind, may_answer6(bytes, packet->data_len, error), packet)) {
    return;
  }
  const auto source = state.ip.sources.ip6(m.rx_if);
  if (!source) {
    node.count(state.no_source[v6]);
    return;
  }
  const uint32_t quoted = std::min(packet->pkt_len, kLongest6 - kHeaders6);
  rte_mbuf* out = quote(state, packet, kHeaders6, quoted);
  if (out == nullptr) {
    node.count(state.no_buffer[v6]);
    return;
  }
  const Ip6 destination(reinterpret_cast<const ip::Ip6Header*>(bytes)->source);
  build6(rte_pktmbuf_mtod(out, uint8_t*), error, *source, destination, quoted);
  if (!destination.is_link_local()) {
    node.next(Edge::lookup, out);
  } else if (!send_back(node, state, packet, out)) {
    node.count(state.not_allowed[v6]);
    rte_pktmbuf_free(out);
    return;
  }
  node.count(state.sent[v6][static_cast<size_t>(kind)]);
}

template <void (*answer)(NodeContext&, IcmpState&, rte_mbuf*)>
void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<IcmpState>();
  for (rte_mbuf* packet : packets) {
    answer(node, state, packet);
    const bool named = (meta(packet).flags & PacketMeta::answer) != 0;
    node.drop(named ? engine::DropId(notes(packet).drop_reason) : state.unnamed_reason, packet);
  }
}

void declare(engine::GraphBuilder& builder, IcmpState& state) {
  static constexpr std::string_view kKindNames[] = {"unreachable", "too-big", "time-exceeded", "parameter-problem"};
  state.unnamed_reason =
      builder.declare_drop("answered-by-icmp", "The packet could not be forwarded; its sender was told by ICMP.");
  for (const FamilyIndex f : {v4, v6}) {
    const std::string icmp = f == v4 ? "icmp4" : "icmp6";
    for (size_t k = 0; k < IcmpState::kKinds; k++) {
      state.sent[f][k] = builder.declare_counter(icmp + "-sent-" + std::string(kKindNames[k]), "packets",
                                                 "ICMP errors of this kind that this router sent.");
    }
    state.rate_limited[f] = builder.declare_counter(icmp + "-rate-limited", "packets",
                                                    "ICMP errors that were not sent because of the rate limit.");
    state.not_allowed[f] = builder.declare_counter(
        icmp + "-not-allowed", "packets", "ICMP errors that must not be sent (about errors, broadcasts, fragments).");
    state.no_source[f] = builder.declare_counter(icmp + "-no-source", "packets",
                                                 "ICMP errors not sent because this router has no address.");
    state.no_buffer[f] =
        builder.declare_counter(icmp + "-no-buffer", "packets", "ICMP errors not sent because no buffer was free.");
  }
}

}  // namespace

void register_nodes(engine::GraphBuilder& builder, IcmpState& state) {
  declare(builder, state);
  state.rate = TokenRate::of(rte_get_tsc_hz(), kErrorsPerSecond, kErrorBurst);
  builder.add_node({.name = "icmp4-error",
                    .help = "Makes ICMP errors about packets that cannot be forwarded (RFC 1812 4.3.2).",
                    .process = process<answer4>,
                    .next = {"ip4-lookup", "interface-output"},
                    .state = &state});
  builder.add_node({.name = "icmp6-error",
                    .help = "Makes ICMPv6 errors about packets that cannot be forwarded (RFC 4443).",
                    .process = process<answer6>,
                    .next = {"ip6-lookup", "interface-output", "ip6-forward"},
                    .state = &state});
}

}  // namespace floof::icmp
