// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/lcp_node.h"

#include <rte_cycles.h>

#include <cstring>
#include <string>

#include "engine/worker.h"
#include "features/ip/checks/wire.h"

namespace floof::lcp {

namespace {

using engine::meta;
using engine::NodeContext;
using engine::PacketMeta;

/// Packets for one kernel port, sent together.
class Batch {
 public:
  Batch(NodeContext& node, const LcpState& state) : node_(node), state_(state) {}
  ~Batch() { flush(); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void add(IfId interface, engine::Port* port, rte_mbuf* packet) {
    if (count_ == packets_.size() || interface != interface_) {
      flush();
    }
    interface_ = interface;
    port_ = port;
    packets_[count_++] = packet;
  }

 private:
  void flush() {
    if (count_ == 0) {
      return;
    }
    const unsigned sent = port_->transmit({packets_.data(), count_});
    node_.count(state_.to_kernel, interface_.value(), sent);
    if (sent < count_) {
      node_.count_drop(state_.failed, count_ - sent);
      node_.count_interface(interface_, stats::rx_drops, count_ - sent);
    }
    count_ = 0;
  }

  NodeContext& node_;
  const LcpState& state_;
  std::array<rte_mbuf*, engine::kFrameSize> packets_;
  unsigned count_ = 0;
  IfId interface_;
  engine::Port* port_ = nullptr;
};

void count(std::atomic<uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

/// Whether a frame that says it is from this neighbour has its MAC address: what has another one is of somebody who
/// uses its name, or comes by a router.
bool is_from(const LcpState& state, IfId interface, const IpAddress& sender, const uint8_t* frame) {
  if (state.tables == nullptr) {
    return true;
  }
  const AdjId adj = sender.is_ip4() ? state.tables->find_neighbor(interface, sender.ip4())
                                    : state.tables->find_neighbor(interface, sender.ip6());
  if (!adj.valid()) {
    return true;
  }
  const ip::Adjacency& neighbor = state.tables->adjacency(adj);
  uint64_t mac = 0;
  std::memcpy(&mac, frame + 6, 6);
  return neighbor.state.load(std::memory_order_acquire) != ip::Adjacency::resolved ||
         neighbor.dst_mac.load(std::memory_order_relaxed) == mac;
}

/// Data is at the Ethernet header, as received.
void punt(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<LcpState>();
  auto& shares = state.workers[node.worker().index()]->shares;
  const BgpPeers& peers = *state.peers.load(std::memory_order_acquire);
  Batch batch(node, state);
  for (rte_mbuf* packet : packets) {
    const PacketMeta& m = meta(packet);
    if ((m.flags & PacketMeta::from_tap) != 0) [[unlikely]] {
      node.drop(state.loop, packet);
      continue;
    }
    engine::Port* port = state.interfaces[m.rx_if].kernel_port.load(std::memory_order_acquire);
    if (port == nullptr) [[unlikely]] {
      node.drop(state.no_kernel_port, packet);
      continue;
    }
    const auto* const frame = rte_pktmbuf_mtod(packet, const uint8_t*);
    const Judged judged = classify(frame, packet->data_len, m.rx_if, peers);
    if (judged.stranger) [[unlikely]] {
      node.drop(judged.kind == PuntClass::bgp ? state.bgp_stranger : state.bfd_stranger, packet);
      continue;
    }
    const auto kind = static_cast<size_t>(judged.kind);
    const bool known = judged.known && is_from(state, m.rx_if, judged.sender, frame);
    LcpState::Share& share = shares[known ? 1 : 0][m.rx_if.value()][kind];
    if (!share.bucket.take(state.rates[known ? 1 : 0][m.rx_if.value()][kind].get(), node.now())) [[unlikely]] {
      count(share.limited);
      node.drop(state.limited[kind], packet);
      continue;
    }
    count(share.passed);
    node.count(state.punted[kind]);
    batch.add(m.rx_if, port, packet);
  }
}

bool is_multicast(rte_mbuf* packet) {
  return packet->data_len >= sizeof(ip::EthernetHeader) &&
         rte_pktmbuf_mtod(packet, ip::EthernetHeader*)->destination.is_multicast();
}

/// Whatever Linux sends by an interface's TAP leaves by that interface, byte for byte.
void lcp_input(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<LcpState>();
  bool carried = true;
  for (rte_mbuf* packet : packets) {
    PacketMeta& m = meta(packet);
    m.tx_if = m.rx_if;
    carried = carried && state.interfaces[m.rx_if].port.load(std::memory_order_acquire) != nullptr;
  }
  if (carried) [[likely]] {
    return node.next_all(0, packets);
  }
  for (rte_mbuf* packet : packets) {
    // A loopback has no neighbours that could hear what Linux tells them.
    if (is_multicast(packet) && state.interfaces[meta(packet).rx_if].port.load(std::memory_order_acquire) == nullptr) {
      node.count(state.unheard);
      rte_pktmbuf_free(packet);
    } else {
      node.next(0, packet);
    }
  }
}

enum Edge : unsigned { ip4, ip6 };

/// What the router itself sends to somewhere off its own links, for the FIB to route.
void lcp_floof0_input(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<LcpState>();
  for (rte_mbuf* packet : packets) {
    if (packet->data_len <= sizeof(ip::EthernetHeader)) {
      node.drop(state.not_ip, packet);
      continue;
    }
    const auto& frame = *rte_pktmbuf_mtod(packet, ip::EthernetHeader*);
    const uint16_t type = frame.type.host();
    if (frame.destination.is_multicast()) {
      // What Linux tells its neighbours on the link (MLD, above all): there are none.
      node.count(state.unheard);
      rte_pktmbuf_free(packet);
      continue;
    }
    if (type != ip::ethertype::ip4 && type != ip::ethertype::ip6) {
      node.drop(state.not_ip, packet);
      continue;
    }
    rte_pktmbuf_adj(packet, sizeof(ip::EthernetHeader));
    node.next(type == ip::ethertype::ip4 ? Edge::ip4 : Edge::ip6, packet);
  }
}

}  // namespace

LcpState::LcpState(engine::InterfaceTable& table, unsigned worker_count) : interfaces(table) {
  for (unsigned i = 0; i < worker_count; i++) {
    workers.push_back(std::make_unique<PerWorker>());
  }
}

void LcpState::set_rate(size_t interface, size_t kind, const PuntLimit& limit, uint64_t ticks_per_second, bool open) {
  const bool of_peers = kind == static_cast<size_t>(PuntClass::bgp) || kind == static_cast<size_t>(PuntClass::bfd);
  const uint32_t part = of_peers && !open ? kStrangersShare : 1;
  rates[0][interface][kind].set(TokenRate::of(ticks_per_second, limit.rate / part, limit.burst / part));
  rates[1][interface][kind].set(TokenRate::of(ticks_per_second, limit.rate, limit.burst));
}

void register_nodes(engine::GraphBuilder& builder, LcpState& state) {
  for (size_t i = 0; i < kPuntClasses; i++) {
    const std::string kind(to_string(static_cast<PuntClass>(i)));
    state.limited[i] = builder.declare_drop(
        "punt-limit-" + kind,
        "More traffic for the router itself than its kernel gets of this kind from one interface.");
    state.punted[i] = builder.declare_counter("punt-" + kind, "packets", "Packets handed to the router's own kernel.");
  }
  state.loop = builder.declare_drop("punt-loop", "The packet came from the router's own kernel and is not given back.");
  state.no_kernel_port = builder.declare_drop("punt-no-kernel", "The interface has no TAP in the router's namespace.");
  state.failed =
      builder.declare_drop("punt-failed", "Linux did not take the packet: its queue is full or the TAP is down.");
  state.not_ip = builder.declare_drop("lcp-not-ip", "Linux sent something by floof0 that is neither IPv4 nor IPv6.");
  state.bgp_stranger = builder.declare_drop("bgp-stranger", "TCP of BGP from an address that is no configured peer.");
  state.bfd_stranger = builder.declare_drop(
      "bfd-stranger",
      "BFD that came over a router (TTL below 255, RFC 5881), or multihop BFD from no configured peer.");
  state.to_kernel = builder.declare_interface_counter("punted", "packets", "Given to Linux.");
  state.unheard = builder.declare_counter(
      "lcp-unheard", "packets", "Multicast that Linux sent by floof0 or a loopback, where nobody listens (MLD).");
  for (size_t interface = 0; interface < kMaxInterfaces; interface++) {
    for (size_t kind = 0; kind < kPuntClasses; kind++) {
      state.set_rate(interface, kind, kPuntLimits[kind], rte_get_tsc_hz(), true);
    }
  }
  builder.add_node({.name = "punt",
                    .help = "Hands frames to the router's own kernel, limited per kind.",
                    .process = punt,
                    .state = &state});
  builder.add_node({.name = "lcp-input",
                    .help = "Sends what Linux sends by an interface's TAP.",
                    .process = lcp_input,
                    .next = {"interface-output"},
                    .state = &state});
  builder.add_node({.name = "lcp-floof0-input",
                    .help = "Routes what Linux sends off its own links.",
                    .process = lcp_floof0_input,
                    .next = {"ip4-lookup", "ip6-lookup"},
                    .state = &state});
}

}  // namespace floof::lcp
