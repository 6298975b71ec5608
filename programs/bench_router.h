// SPDX-License-Identifier: GPL-3.0-or-later
//
// The router that floof-bench measures: the product's engine and all features' nodes (not their control sides) with one
// interface in, one out and 64 neighbours behind it.
#pragma once

#include <rte_cycles.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/dataplane/stats_segment.h"
#include "engine/engine.h"
#include "engine/ports/bench_port.h"
#include "engine/stage.h"
#include "features/bond/bond_port_node.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/fib/table_generator.h"
#include "features/ip/tables/forwarding.h"
#include "features/vlan/vlan_node.h"
#include "programs/apply_features.h"

namespace floof::bench {

inline constexpr unsigned kNextHops = 64;
inline constexpr size_t kFrameBytes = 64;

/// Destinations of the packets, in the order in which they are sent.
struct Traffic {
  Family family = Family::ip4;
  std::vector<IpAddress> destinations;
  /// VLAN tags of the frames: 0, 1 or 2. Packet n comes in VLAN 1 + n modulo `vlans`, inside of 802.1ad 4000 with two.
  unsigned tags = 0, vlans = 1;
};

inline vlan::VlanSpec vlan_spec(unsigned tags, uint16_t id) {
  vlan::VlanSpec out;
  out.match = tags == 2 ? vlan::Match::two : vlan::Match::one;
  out.outer = tags == 2 ? 4000 : id;
  out.inner = tags == 2 ? id : 0;
  out.protocol = tags == 2 ? vlan::OuterProtocol::dot1ad : vlan::OuterProtocol::dot1q;
  return out;
}

namespace detail {

inline void put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

/// A 64-byte UDP frame for `to`, its destination address still zero.
inline std::vector<uint8_t> frame_for(Family family, const Mac& to) {
  std::vector<uint8_t> out(kFrameBytes);
  std::copy(to.bytes.begin(), to.bytes.end(), out.begin());
  out[6] = 2;
  uint8_t* ip = &out[14];
  if (family == Family::ip4) {
    put16(&out[12], 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, kFrameBytes - 14);
    ip[8] = 64;
    ip[9] = 17;
    put16(ip + 12, 0x0900);  // from 9.0.0.1
    ip[15] = 1;
  } else {
    put16(&out[12], 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, kFrameBytes - 14 - 40);
    ip[6] = 17;
    ip[7] = 64;
    put16(ip + 8, 0x2001);  // from 2001:1::1
    ip[11] = 1;
    ip[23] = 1;
  }
  return out;
}

/// Features that only pass packets on: what it costs that there is one. bench-input, bench-input6 and bench-output are
/// nodes, bench-stage-1 to 5 and bench-stage-out have stages too.
class PassingFeature final : public engine::Feature {
 public:
  explicit PassingFeature(engine::Features&) {}
  void add_nodes(engine::GraphBuilder& builder) override {
    add(builder, "ip4-unicast", "ip4-lookup", "bench-input", nullptr);
    add(builder, "ip6-unicast", "ip6-lookup", "bench-input6", nullptr);
    add(builder, "interface-output", "interface-tx", "bench-output", nullptr);
    for (const char* name : {"bench-stage-1", "bench-stage-2", "bench-stage-3", "bench-stage-4", "bench-stage-5"}) {
      add(builder, "ip4-unicast", "ip4-lookup", name, empty);
    }
    add(builder, "interface-output", "interface-tx", "bench-stage-out", empty);
  }

 private:
  struct Passing {
    engine::ArcId arc;
    IfId engine::PacketMeta::*side;
  };
  void add(engine::GraphBuilder& builder, const char* arc, const char* end, const char* name, engine::Stage stage) {
    auto side = std::string_view(arc) == "interface-output" ? &engine::PacketMeta::tx_if : &engine::PacketMeta::rx_if;
    Passing& passing = nodes_.emplace_back(Passing{builder.add_arc(arc, end), side});
    builder.add_node({.name = name, .help = "Passes on.", .process = pass, .state = &passing});
    builder.add_feature({arc, name, {}, {}, stage});
  }
  static void pass(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    const auto& [arc, side] = node.state<Passing>();
    node.next_feature_all(arc, packets, side);
  }
  static void empty(engine::StageVector&, void*) {}

  std::deque<Passing> nodes_;
};

}  // namespace detail

/// What the source of some traffic is told. IPv4 checksums are made here, not while it is measured.
inline engine::BenchOptions source_options(const Traffic& traffic, const Mac& to) {
  engine::BenchOptions out;
  out.frame = detail::frame_for(traffic.family, to);
  const bool four = traffic.family == Family::ip4;
  engine::BenchField address{four ? 30u : 38u, four ? 4u : 16u, {}}, checksum{24, 2, {}};
  std::vector<uint8_t> header(out.frame.begin() + 14, out.frame.begin() + 34);
  for (const IpAddress& destination : traffic.destinations) {
    const std::string_view wire = destination.wire();
    address.values.insert(address.values.end(), wire.begin(), wire.end());
    if (four) {
      std::memcpy(&header[16], wire.data(), 4);
      header[10] = header[11] = 0;
      const uint16_t sum = ip::internet_checksum(header.data(), header.size());
      checksum.values.push_back(static_cast<uint8_t>(sum));
      checksum.values.push_back(static_cast<uint8_t>(sum >> 8));
    }
  }
  out.fields.push_back(std::move(address));
  if (four) {
    out.fields.push_back(std::move(checksum));
  }
  if (traffic.tags != 0) {
    std::array<uint8_t, 8> tags{};
    vlan::write_tags(vlan_spec(traffic.tags, 1), 0, tags.data());
    const size_t bytes = 4 * traffic.tags;
    out.frame.insert(out.frame.begin() + 12, tags.begin(), tags.begin() + static_cast<long>(bytes));
    for (auto& field : out.fields) {
      field.offset += bytes;
    }
    engine::BenchField id{12 + bytes - 2, 2, {}};
    for (uint32_t i = 0; i < traffic.vlans; i++) {
      id.values.push_back(static_cast<uint8_t>((i + 1) >> 8));
      id.values.push_back(static_cast<uint8_t>(i + 1));
    }
    out.fields.push_back(std::move(id));
  }
  return out;
}

class Router {
 public:
  static Result<std::unique_ptr<Router>> make(unsigned workers);
  ~Router() {
    features_.reset();
    std::filesystem::remove_all(run_dir_);
  }

  engine::Engine& engine() { return features_->engine(); }
  ip::ForwardingTables& tables() { return features_->get<ip::ForwardingTables>(); }
  Mac mac() { return engine().interfaces()[in_].mac(); }
  /// Routes in turn to the 64 neighbours. How many the tables took.
  size_t add_routes(const std::vector<Prefix>& prefixes);

  /// Lets packets of these ports through the router until they are taken away; with two lanes, each has a way out of
  /// its own (lane 1: 11.0.0.0/8).
  void attach(engine::BenchPorts& ports, unsigned lane = 0, const char* input = "ip-fast") {
    engine().interfaces()[out_[lane]].port = ports.sink.get();
    for (size_t i = 0; i < ports.more_sinks.size(); i++) {
      engine().interfaces()[more_out_[i]].port = ports.more_sinks[i].get();
    }
    engine().bind(*ports.source, in_, engine().graph().node(input));
  }
  /// The same by a bond of two members, each of which is the sink.
  void attach_bond(engine::BenchPorts& ports) {
    auto plan = std::make_unique<bond::SendPlan>();
    plan->count = 2;
    plan->senders[0] = {ports.sink.get(), out_[0]};
    plan->senders[1] = {ports.sink.get(), out_[1]};
    plan->capabilities = ports.sink->capabilities();
    for (size_t i = 0; i < plan->buckets.size(); i++) {
      plan->buckets[i] = static_cast<uint8_t>(i % 2);
    }
    bond_ = std::make_unique<bond::BondPort>(1, engine().pools());
    bond_->publish(std::move(plan));
    attach(ports);
    engine().interfaces()[out_[0]].port = bond_.get();
  }
  /// Between VLAN interfaces of one port in and one out: what comes in VLAN 1 + n and to a neighbour of `out` leaves in
  /// the only one there; with several, what is for 10.200.n.0/24 leaves in VLAN 1 + n.
  void attach_vlans(engine::BenchPorts& ports, const Traffic& traffic);
  void detach_vlans(engine::BenchPorts& ports);
  void detach(engine::BenchPorts& ports, unsigned lane = 0) {
    engine().unbind(*ports.source);
    engine().interfaces()[out_[lane]].port = nullptr;
    for (const IfId id : more_out_) {
      engine().interfaces()[id].port = nullptr;
    }
  }
  /// Switches a feature that only passes packets on, for the interface where packets come in or go out, or for another
  /// one that sees none.
  enum class Where : uint8_t { in, out, elsewhere };
  struct Feature {
    std::string arc, node;
    Where where;
  };
  void feature(const Feature& what, bool on) {
    const IfId interface = what.where == Where::in ? in_ : what.where == Where::out ? out_[0] : out_[1];
    auto& graph = engine().graph();
    graph.enable(graph.arc(what.arc), what.node, interface, on);
  }
  /// Without worker threads: packets that came in.
  uint64_t turn_for(unsigned milliseconds) {
    const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * milliseconds;
    uint64_t packets = 0;
    while (rte_rdtsc() < end) {
      packets += engine().turn();
    }
    return packets;
  }
  /// With worker threads: packets that they receive in a TSC cycle.
  double packet_rate(unsigned milliseconds) {
    const auto count = [this] {
      uint64_t sum = 0;
      for (const auto& worker : engine().workers()) {
        sum += worker.packets;
      }
      return std::pair(sum, rte_rdtsc());
    };
    const auto [packets, start] = count();
    usleep(milliseconds * 1000);
    const auto [more, end] = count();
    return static_cast<double>(more - packets) / static_cast<double>(end - start);
  }
  Result<stats::Reader> counters() const { return stats::Reader::open(run_dir_ + "/stats"); }

 private:
  void add_interfaces();
  void add_next_hops();
  void add_hosts();
  void add_spread();

  std::string run_dir_;
  EventLoop loop_;
  std::unique_ptr<engine::Features> features_;
  std::vector<GroupId> groups4_, groups6_;
  IfId in_;
  std::array<IfId, 2> out_;
  std::array<IfId, 3> more_out_;  ///< with out_[0], ways out of 12.0.0.0/8
  std::unique_ptr<bond::BondPort> bond_;
  std::vector<IfId> vlans_;
  std::unique_ptr<vlan::TagTable> tag_table_;
};

inline Result<std::unique_ptr<Router>> Router::make(unsigned workers) {
  auto router = std::make_unique<Router>();
  router->run_dir_ = std::filesystem::temp_directory_path() / ("floof-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(router->run_dir_);
  auto entries = apply_features();
  static const engine::FeatureEntry bench{
      .name = "bench", .after = {"ip"}, .make = engine::make_feature<detail::PassingFeature>};
  entries.push_back(&bench);
  router->features_ = std::make_unique<engine::Features>(
      std::move(entries), engine::Setup{.instance = "bench", .run_dir = router->run_dir_}, router->loop_);
  auto running = router->features_->make({.run_dir = router->run_dir_,
                                          .workers = workers,
                                          .polling = engine::Polling::busy,
                                          .cores = workers == 2 ? std::vector<unsigned>{0, 1} : std::vector<unsigned>{},
                                          .extra_memory = size_t{256} << 20});
  if (!running) {
    return running.error();
  }
  router->add_interfaces();
  router->add_next_hops();
  router->add_hosts();
  router->add_spread();
  return router;
}

inline void Router::add_interfaces() {
  auto& interfaces = engine().interfaces();
  for (auto [name, id] : {std::pair{"in", &in_},
                          {"out", &out_[0]},
                          {"out2", &out_[1]},
                          {"more1", &more_out_[0]},
                          {"more2", &more_out_[1]},
                          {"more3", &more_out_[2]}}) {
    *id = *interfaces.allocate(name);
    interfaces[*id].admin_up = interfaces[*id].link_up = true;
    interfaces[*id].set_mac(Mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(id->value())}});
  }
}

inline void Router::add_next_hops() {
  for (uint32_t i = 0; i < kNextHops; i++) {
    const IpAddress gateway4 = Ip4(0xc6336400 + i + 1), gateway6 = Ip6::from_halves(0xfe80ull << 48, i + 1);
    for (const auto& [gateway, groups] : {std::pair{gateway4, &groups4_}, std::pair{gateway6, &groups6_}}) {
      tables().set_neighbor(out_[0], gateway, Mac{{2, 0, 0, 1, 0, static_cast<uint8_t>(i)}});
      groups->push_back(tables().create_group({ip::PathKind::forward, {{out_[0], gateway, 1}}, IfId{}}));
    }
  }
  tables().set_neighbor(out_[1], Ip4(0xcb007101), Mac{{2, 0, 0, 2, 0, 1}});
  tables().set_route(*parse_prefix("11.0.0.0/8"),
                     tables().create_group({ip::PathKind::forward, {{out_[1], Ip4(0xcb007101), 1}}, IfId{}}));
}

/// 12.0.0.0/8 to 64 neighbours on four interfaces: the next /16 goes to the next one.
inline void Router::add_spread() {
  for (uint32_t i = 0; i < 256; i++) {
    const IfId out = i % 4 == 0 ? out_[0] : more_out_[i % 4 - 1];
    const Ip4 gateway(0xc6336500 + i % kNextHops);
    tables().set_neighbor(out, gateway, Mac{{2, 0, 0, 5, 0, static_cast<uint8_t>(i % kNextHops)}});
    tables().set_route(Prefix(Ip4(0x0c000000 + i * 65536), 16),
                       tables().create_group({ip::PathKind::forward, {{out, gateway, 1}}, IfId{}}));
  }
}

inline constexpr uint64_t kOnLink6 = 0x20010db800300000;

/// 172.30.0.0/24 and 2001:db8:30::/64 on link, and 172.31.0.0/24 with a route for each of its hosts.
inline void Router::add_hosts() {
  const GroupId here = tables().create_group({ip::PathKind::connected, {}, out_[0]});
  tables().set_route(*parse_prefix("172.30.0.0/24"), here);
  tables().set_route(*parse_prefix("2001:db8:30::/64"), here);
  for (uint32_t i = 1; i < 255; i++) {
    const Mac mac{{2, 0, 0, 3, 0, static_cast<uint8_t>(i)}};
    const Ip4 on_link(0xac1e0000 + i), routed(0xac1f0000 + i);
    tables().set_neighbor(out_[0], on_link, mac);
    tables().set_neighbor(out_[0], Ip6::from_halves(kOnLink6, i), mac);
    tables().set_neighbor(out_[0], routed, mac);
    tables().set_route(Prefix(routed, 32),
                       tables().create_group({ip::PathKind::forward, {{out_[0], routed, 1}}, IfId{}}));
  }
}

inline void Router::attach_vlans(engine::BenchPorts& ports, const Traffic& traffic) {
  auto& interfaces = engine().interfaces();
  interfaces[out_[0]].port = ports.sink.get();
  std::vector<vlan::TagTable::Entry> entries;
  const auto add = [&](IfId parent, const char* prefix, uint16_t id) {
    const IfId made = *interfaces.allocate(prefix + std::to_string(id));
    auto& slot = interfaces[made];
    slot.set_mac(interfaces[parent].mac());
    slot.port = interfaces[parent].port.load();
    vlan::set_tags(slot, parent, vlan_spec(traffic.tags, id));
    slot.admin_up = slot.link_up = true;
    vlans_.push_back(made);
    return made;
  };
  for (uint16_t id = 1; id <= traffic.vlans; id++) {
    entries.push_back({vlan_spec(traffic.tags, id), add(in_, "in.", id)});
    if (traffic.vlans > 1) {
      const IfId out = add(out_[0], "out.", id);
      const Ip4 gateway(0x0ac80000u + (id - 1u) * 256 + 254);
      tables().set_neighbor(out, gateway, Mac{{2, 0, 0, 4, 0, static_cast<uint8_t>(id)}});
      tables().set_route(Prefix(Ip4(gateway.value() & ~255u), 24),
                         tables().create_group({ip::PathKind::forward, {{out, gateway, 1}}, IfId{}}));
    }
  }
  if (traffic.vlans == 1) {
    vlan::set_tags(interfaces[out_[0]], IfId{}, vlan_spec(traffic.tags, 2));
  }
  tag_table_ = std::make_unique<vlan::TagTable>(entries);
  features_->get<vlan::VlanState>().tables[in_.value()] = tag_table_.get();
  engine().bind(*ports.source, in_, engine().graph().node("vlan-input"));
}

inline void Router::detach_vlans(engine::BenchPorts& ports) {
  detach(ports);
  features_->get<vlan::VlanState>().tables[in_.value()] = nullptr;
  auto& interfaces = engine().interfaces();
  interfaces[out_[0]].tag_bytes = 0;
  for (const IfId id : std::exchange(vlans_, {})) {
    tables().clear_interface(id);
    interfaces.release(id);
  }
}

inline size_t Router::add_routes(const std::vector<Prefix>& prefixes) {
  size_t taken = 0, next = 0;
  for (const Prefix& prefix : prefixes) {
    const auto& groups = prefix.family() == Family::ip4 ? groups4_ : groups6_;
    taken += tables().set_route(prefix, groups[next++ % kNextHops]);
  }
  return taken;
}

}  // namespace floof::bench
