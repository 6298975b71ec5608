// SPDX-License-Identifier: GPL-3.0-or-later
//
// What floof-bench measures itself against, in the same process and on the same packets: how DPDK's examples l3fwd and
// l3fwd-graph forward them. Their cycles per packet say how fast the machine is right now.
#pragma once

#include <rte_cycles.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_lpm.h>
#include <rte_node_ip4_api.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "programs/bench_router.h"

/// What rte_node_eth_config calls when it joins a port's node for output to ip4_rewrite; no header has it.
extern "C" int ip4_rewrite_set_next(uint16_t port_id, uint16_t next_index);

namespace floof::bench {

inline Result<engine::BenchPorts> yardstick_ports() {
  const Traffic traffic{Family::ip4, {Ip4(0x0a010203)}};
  return engine::open_bench_ports(source_options(traffic, Mac{{2, 0, 0, 0, 0, 1}}));
}

/// DPDK's l3fwd in LPM mode, as plainly as the example has it: four lookups at a time, one route, MAC addresses, TTL
/// and checksum; no checks but the ethertype. Its cycles per packet say how fast the machine is right now.
class L3fwd {
 public:
  static Result<std::unique_ptr<L3fwd>> make() {
    auto out = std::make_unique<L3fwd>();
    const rte_lpm_config config{.max_rules = 16, .number_tbl8s = 256, .flags = 0};
    out->lpm_ = rte_lpm_create("yardstick", SOCKET_ID_ANY, &config);
    if (out->lpm_ == nullptr || rte_lpm_add(out->lpm_, 0x0a000000, 8, 1) != 0) {
      return Error{"yardstick", "no memory for its table", ""};
    }
    auto ports = yardstick_ports();
    if (!ports) {
      return ports.error();
    }
    out->ports_ = std::move(*ports);
    return out;
  }
  ~L3fwd() { rte_lpm_free(lpm_); }

  /// Cycles per packet.
  double measure(unsigned milliseconds) {
    const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * milliseconds;
    uint64_t packets = 0, cycles = 0, now = 0;
    while (now < end) {
      std::array<rte_mbuf*, engine::kFrameSize> vector;
      const unsigned count = ports_.source->receive(vector);
      const uint64_t before = rte_rdtsc();
      forward(std::span(vector.data(), count));
      now = rte_rdtsc();
      cycles += now - before;
      packets += count;
      ports_.sink->transmit(std::span(vector.data(), count));
    }
    return static_cast<double>(cycles) / static_cast<double>(packets);
  }

 private:
  void forward(std::span<rte_mbuf*> packets) {
    for (size_t i = 0; i + 4 <= packets.size(); i += 4) {
      alignas(16) std::array<uint32_t, 4> destinations;
      for (size_t j = 0; j < 4; j++) {
        if (i + j + 4 < packets.size()) {
          rte_prefetch0(rte_pktmbuf_mtod(packets[i + j + 4], void*));
        }
        std::memcpy(&destinations[j], rte_pktmbuf_mtod(packets[i + j], uint8_t*) + 30, 4);
        destinations[j] = __builtin_bswap32(destinations[j]);
      }
      std::array<uint32_t, 4> hops;
      rte_lpm_lookupx4(lpm_, *reinterpret_cast<const xmm_t*>(destinations.data()), hops.data(), 0);
      for (size_t j = 0; j < 4; j++) {
        rewrite(rte_pktmbuf_mtod(packets[i + j], uint8_t*), hops[j]);
      }
    }
  }
  void rewrite(uint8_t* frame, uint32_t hop) const {
    if (frame[12] != 8 || frame[13] != 0) {
      return;
    }
    std::memcpy(frame, macs_[hop].data(), 12);
    uint16_t sum;
    std::memcpy(&sum, frame + 24, 2);
    sum = static_cast<uint16_t>(sum + 1);
    std::memcpy(frame + 24, &sum, 2);
    frame[22]--;
  }

  rte_lpm* lpm_ = nullptr;
  engine::BenchPorts ports_;
  std::array<std::array<uint8_t, 12>, 4> macs_{};
};

/// DPDK's l3fwd-graph: the nodes pkt_cls, ip4_lookup and ip4_rewrite of its library librte_node, as they are, between
/// our source and our sink. They check nothing of the header (the network card told that it is IPv4), count nothing per
/// interface and know one next hop per route.
class L3fwdGraph {
 public:
  static Result<std::unique_ptr<L3fwdGraph>> make() {
    auto out = std::make_unique<L3fwdGraph>();
    auto ports = yardstick_ports();
    if (!ports) {
      return ports.error();
    }
    out->ports_ = std::move(*ports);
    current_ = out.get();
    const auto source = add_node("floof_source", RTE_NODE_SOURCE_F, receive, "pkt_cls");
    const auto sink = add_node("floof_sink", 0, transmit, nullptr);
    const char* to_sink = "floof_sink";
    std::array<const char*, 4> nodes{"floof_source", "pkt_cls", "ip4_lookup", "ip4_rewrite"};
    rte_graph_param parameters{};
    parameters.socket_id = static_cast<int>(rte_socket_id());
    parameters.nb_node_patterns = nodes.size();
    parameters.node_patterns = nodes.data();
    uint8_t macs[14] = {2, 0, 0, 1, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    const rte_node_t rewrite = rte_node_from_name("ip4_rewrite");
    rte_node_edge_update(rewrite, RTE_EDGE_ID_INVALID, &to_sink, 1);
    if (source == RTE_NODE_ID_INVALID || sink == RTE_NODE_ID_INVALID ||
        ip4_rewrite_set_next(0, static_cast<uint16_t>(rte_node_edge_count(rewrite) - 1)) != 0 ||
        (out->id_ = rte_graph_create("l3fwd-graph", &parameters)) == RTE_GRAPH_ID_INVALID ||
        rte_node_ip4_rewrite_add(1, macs, sizeof macs, 0) != 0 ||
        rte_node_ip4_route_add(0x0a000000, 8, 1, RTE_NODE_IP4_LOOKUP_NEXT_REWRITE) != 0) {
      return Error{"yardstick", "DPDK's graph does not start", ""};
    }
    return out;
  }
  ~L3fwdGraph() {
    if (id_ != RTE_GRAPH_ID_INVALID) {
      rte_graph_destroy(id_);
    }
  }

  /// Cycles per packet in its three nodes; 0 if none got through.
  double measure(unsigned milliseconds) {
    rte_graph* graph = rte_graph_lookup("l3fwd-graph");
    const uint64_t before = cycles(), packets_before = transmitted_;
    const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * milliseconds;
    while (rte_rdtsc() < end) {
      rte_graph_walk(graph);
    }
    const uint64_t packets = transmitted_ - packets_before;
    return packets == 0 ? 0 : static_cast<double>(cycles() - before) / static_cast<double>(packets);
  }

 private:
  static rte_node_t add_node(const char* name, uint64_t flags, rte_node_process_t process, const char* next) {
    // The names of next nodes lie behind the struct.
    auto* spec = static_cast<rte_node_register*>(std::calloc(1, sizeof(rte_node_register) + sizeof(char*)));
    std::strcpy(spec->name, name);
    spec->flags = flags;
    spec->process = process;
    spec->parent_id = RTE_NODE_ID_INVALID;
    if (next != nullptr) {
      spec->nb_edges = 1;
      spec->next_nodes[0] = next;
    }
    const rte_node_t out = __rte_node_register(spec);
    std::free(spec);
    return out;
  }
  static uint16_t receive(rte_graph* graph, rte_node* node, void**, uint16_t) {
    const unsigned count =
        current_->ports_.source->receive(std::span(reinterpret_cast<rte_mbuf**>(node->objs), RTE_GRAPH_BURST_SIZE));
    for (unsigned i = 0; i < count; i++) {
      static_cast<rte_mbuf*>(node->objs[i])->packet_type = RTE_PTYPE_L3_IPV4;
    }
    node->idx = static_cast<uint16_t>(count);
    rte_node_next_stream_move(graph, node, 0);
    return static_cast<uint16_t>(count);
  }
  static uint16_t transmit(rte_graph*, rte_node*, void** packets, uint16_t count) {
    current_->ports_.sink->transmit(std::span(reinterpret_cast<rte_mbuf**>(packets), count));
    current_->transmitted_ += count;
    return count;
  }
  uint64_t cycles() const {
    uint64_t sum = 0;
    for (const char* name : {"pkt_cls", "ip4_lookup", "ip4_rewrite"}) {
      sum += rte_graph_node_get_by_name("l3fwd-graph", name)->total_cycles;
    }
    return sum;
  }

  inline static L3fwdGraph* current_ = nullptr;  ///< whose packets the nodes carry: they are global
  engine::BenchPorts ports_;
  rte_graph_t id_ = RTE_GRAPH_ID_INVALID;
  uint64_t transmitted_ = 0;
};

}  // namespace floof::bench
