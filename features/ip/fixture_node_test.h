// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <rte_mempool.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/dataplane/stats_segment.h"
#include "base/test_folder.h"
#include "engine/ports/test_port.h"
#include "features/icmp/icmp.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"
#include "features/ip/ip.h"
#include "features/ip/stages_node_test.h"
#include "features/ip/tunnel_node_test.h"

namespace floof::ip::test {

using Bytes = std::vector<uint8_t>;
using engine::PacketMeta;
using engine::TestPort;

/// A router of three interfaces, and one for a tunnel, around the real ip and icmp nodes, on the test's own thread:
///   e1 192.0.2.1/24 2001:db8:1::1      e2 198.51.100.1/24 2001:db8:2::1, MTU 1500     e3 203.0.113.1/24, MTU 600 (1280
///   IPv6)
/// punt, neighbor-hold and a node that takes some local packets only keep what they get. EAL starts once per process,
/// so there is one router per process.
class Router {
 public:
  struct Kept {
    Bytes bytes;
    PacketMeta meta;
    engine::PacketNotes notes;
  };
  struct Sink {
    std::vector<Kept> kept;
  };

  static Router& get() {
    static const TestFolder folder;
    static Router* router = new Router(folder.path());  // lives until exit: EAL cannot be started twice
    return *router;
  }

  /// Sends the frames in on `port` and turns until everything came out.
  void run(TestPort& port, const std::vector<Bytes>& frames) {
    for (const Bytes& frame : frames) {
      port.push(frame);
    }
    while (engine->turn() > 0) {
    }
  }

  /// Lets the three ports feed this node: "ip-fast", or "ethernet-input" for the general way alone.
  void bind(std::string_view input) {
    for (auto [port, id] : {std::pair(&port1, e1), {&port2, e2}, {&port3, e3}}) {
      engine->unbind(*port);
      engine->bind(*port, id, engine->graph().node(input));
    }
  }

  std::map<std::string, uint64_t> drops() const {
    std::map<std::string, uint64_t> out;
    const auto reader = stats::Reader::open(dir + "/stats");
    for (const auto& counter : reader->counters()) {
      if (const uint64_t value = reader->value(counter.first_slot); counter.kind == stats::Kind::drop && value > 0) {
        out[counter.name] = value;
      }
    }
    return out;
  }
  uint64_t node_packets(std::string_view name) const {
    const auto reader = stats::Reader::open(dir + "/stats");
    for (const auto& counter : reader->counters()) {
      if (counter.kind == stats::Kind::node && name == counter.name) {
        return reader->value(counter.first_slot + 1);
      }
    }
    return 0;
  }
  /// Everything that is counted but the nodes' own: drops, other counters, interfaces.
  std::map<std::string, uint64_t> counts() const {
    std::map<std::string, uint64_t> out = drops();
    const auto reader = stats::Reader::open(dir + "/stats");
    for (const auto& counter : reader->counters()) {
      if (counter.kind == stats::Kind::counter) {
        out[counter.name] = reader->value(counter.first_slot);
      }
    }
    for (const IfId id : {e1, e2, e3}) {
      for (uint32_t slot = 0; slot < stats::kPerInterface; slot++) {
        out[std::to_string(id.value()) + " " + std::string(stats::kInterfaceSlots[slot].name)] =
            reader->interface_value(id, static_cast<stats::InterfaceSlot>(slot));
      }
    }
    return out;
  }
  uint64_t counter(std::string_view name) const {
    const auto reader = stats::Reader::open(dir + "/stats");
    for (const auto& counter : reader->counters()) {
      if (counter.kind == stats::Kind::counter && name == counter.name) {
        return reader->value(counter.first_slot);
      }
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  /// Forgets what was counted and kept; the rate limiter starts anew.
  void reset() {
    engine->clear_counters();
    for (TestPort* port : {&port1, &port2, &port3, &kernel}) {
      port->take();
    }
    punted.kept.clear();
    held.kept.clear();
    taken.kept.clear();
    for (auto& worker : icmp->workers) {
      worker.buckets = {};
    }
  }

  GroupId route(const char* prefix, const PathSet& set) {
    const GroupId group = tables->create_group(set);
    tables->set_route(*parse_prefix(prefix), group);
    return group;
  }
  void neighbor(IfId interface, const char* address, uint8_t last) {
    tables->set_neighbor(interface, *parse_ip(address), Mac{{2, 0, 0, 0, 0xff, last}});
  }
  Mac mac(IfId interface) const { return engine->interfaces()[interface].mac(); }
  size_t free_buffers() const {
    return rte_mempool_avail_count(engine->pools().packets) + rte_mempool_avail_count(engine->pools().large);
  }

  const std::string dir;
  EventLoop loop;
  std::unique_ptr<engine::Engine> engine;
  TestPort port1, port2, port3, kernel;
  std::unique_ptr<ForwardingTables> tables;
  std::unique_ptr<IpState> ip;
  std::unique_ptr<icmp::IcmpState> icmp;
  StageFeatures features;
  TestTunnel tunnel;
  static constexpr uint16_t kTakenType = 0x88b5, kTakenPort = 4789;
  static constexpr uint8_t kTakenProtocol = 253;
  Sink punted, held, taken;
  IfId e1, e2, e3, floof0;
  NextId to_taker;
  engine::DropId local_drop;

 private:
  explicit Router(std::string run_dir)
      : dir(std::move(run_dir)),
        engine(start()),
        port1(engine->pools()),
        port2(engine->pools()),
        port3(engine->pools()),
        kernel(engine->pools(), {}, PacketMeta::from_tap) {
    tables = std::make_unique<ForwardingTables>(engine->qsbr());
    ip = std::make_unique<IpState>(*tables, engine->interfaces(), engine->pools());
    icmp = std::make_unique<icmp::IcmpState>(*ip);
    e1 = interface("e1", port1, 1, 1500);
    e2 = interface("e2", port2, 2, 1500);
    e3 = interface("e3", port3, 3, 600);
    floof0 = interface("floof0", kernel, 9, 1500);
    ip->set_kernel_interface(floof0);
    tunnel.interface = *engine->interfaces().allocate("t1");
    auto& t1 = engine->interfaces()[tunnel.interface];
    t1.mtu = 1480;
    t1.set_mac(Mac{{2, 0, 0, 0, 0, 0x71}});
    t1.admin_up = t1.link_up = true;
    engine::GraphBuilder builder;
    register_nodes(builder, *ip);
    features.add_nodes(builder);
    tunnel.add_nodes(builder, *ip);
    builder.add_node({.name = "test-taker", .help = "test", .process = keep, .state = &taken});
    to_taker = add_next(builder, *ip, "test-taker");
    take_ethertype(builder, *ip, kTakenType, "test-taker");
    for (const Family family : {Family::ip4, Family::ip6}) {
      take_protocol(builder, *ip, family, kTakenProtocol, "test-taker");
      take_udp_port(builder, *ip, family, kTakenPort, "test-taker");
    }
    local_drop = builder.declare_drop("test-local", "test");
    for (const char* arc : {"ip4-local", "ip6-local"}) {
      const std::string_view node = arc[2] == '4' ? "test-local4" : "test-local6";
      builder.add_node({.name = node, .help = "test", .process = drop_local, .state = this});
      builder.add_feature({.arc = arc, .node = node});
    }
    icmp::register_nodes(builder, *icmp);
    builder.add_node({.name = "punt", .help = "test", .process = keep, .state = &punted});
    builder.add_node({.name = "neighbor-hold", .help = "test", .process = keep, .state = &held});
    builder.add_node(
        {.name = "from-kernel", .help = "test", .process = from_kernel, .next = {"ip4-lookup", "ip6-lookup"}});
    const auto running = engine->run(std::move(builder));
    EXPECT_TRUE(running.ok()) << (running ? "" : running.error().text());
    bind("ip-fast");
    engine->bind(kernel, floof0, engine->graph().node("from-kernel"));
    set_up_routes();
  }

  std::unique_ptr<engine::Engine> start() {
    auto started = engine::Engine::start({.run_dir = dir, .workers = 0, .buffers = 8192}, loop);
    EXPECT_TRUE(started.ok()) << (started ? "" : started.error().text());
    return std::move(*started);
  }

  IfId interface(const char* name, TestPort& port, uint8_t mac, uint16_t mtu) {
    const IfId id = *engine->interfaces().allocate(name);
    auto& slot = engine->interfaces()[id];
    slot.port = &port;
    slot.mtu = mtu;
    slot.set_mac(Mac{{2, 0, 0, 0, 0, mac}});
    slot.admin_up = slot.link_up = true;
    return id;
  }

  void set_up_routes() {
    ip->set_interface_source(e1, *parse_ip4("192.0.2.1"), *parse_ip6("2001:db8:1::1"));
    ip->set_interface_source(e2, *parse_ip4("198.51.100.1"), *parse_ip6("2001:db8:2::1"));
    ip->set_default_source(*parse_ip4("10.255.0.1"), *parse_ip6("2001:db8:ff::1"));
    for (const char* own : {"192.0.2.1/32", "198.51.100.1/32", "203.0.113.1/32", "10.255.0.1/32", "192.0.2.255/32",
                            "2001:db8:1::1/128", "2001:db8:2::1/128", "2001:db8:ff::1/128"}) {
      route(own, {PathKind::local, {}, e1});
    }
    route("192.0.2.0/24", {PathKind::connected, {}, e1});
    route("198.51.100.0/24", {PathKind::connected, {}, e2});
    route("2001:db8:1::/64", {PathKind::connected, {}, e1});
    route("2001:db8:2::/64", {PathKind::connected, {}, e2});
    neighbor(e1, "192.0.2.2", 0x12);
    neighbor(e2, "198.51.100.2", 0x22);
    neighbor(e2, "198.51.100.3", 0x23);
    neighbor(e3, "203.0.113.2", 0x32);
    neighbor(e1, "2001:db8:1::2", 0x12);
    neighbor(e2, "2001:db8:2::2", 0x22);
    neighbor(e3, "fe80::2", 0x32);
    const auto via = [](IfId out, const char* gateway) {
      return PathSet{PathKind::forward, {{out, *parse_ip(gateway)}}, {}};
    };
    route("10.2.0.0/16", via(e2, "198.51.100.2"));
    route("10.3.0.0/16", via(e3, "203.0.113.2"));
    route("10.4.0.0/16", {PathKind::forward, {{e2, *parse_ip("198.51.100.2")}, {e2, *parse_ip("198.51.100.3")}}, {}});
    route("10.5.0.0/16", via(e2, "198.51.100.99"));  // a gateway that nobody has resolved
    route("10.6.0.0/16", {PathKind::blackhole, {}, {}});
    route("10.7.0.0/16", {PathKind::unreachable, {}, {}});
    route("10.8.0.0/16", {PathKind::prohibit, {}, {}});
    route("10.9.0.0/16", via(e3, "fe80::2"));  // RFC 8950
    route("2001:db8:20::/48", via(e2, "2001:db8:2::2"));
    route("2001:db8:30::/48", via(e3, "fe80::2"));
    route("2001:db8:50::/48", via(e2, "2001:db8:2::99"));
    route("2001:db8:60::/48", {PathKind::blackhole, {}, {}});
    route("2001:db8:70::/48", {PathKind::unreachable, {}, {}});
    route("2001:db8:80::/48", {PathKind::prohibit, {}, {}});
  }

  static void keep(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      Bytes bytes(packet->pkt_len);
      const void* data = rte_pktmbuf_read(packet, 0, packet->pkt_len, bytes.data());
      if (data != bytes.data()) {
        std::memcpy(bytes.data(), data, bytes.size());
      }
      node.state<Sink>().kept.push_back({std::move(bytes), engine::meta(packet), engine::notes(packet)});
      rte_pktmbuf_free(packet);
    }
  }

  static void drop_local(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      node.drop(node.state<Router>().local_drop, packet);
    }
  }

  // What features/lcp does for the TAP floof0.
  static void from_kernel(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      const bool six = rte_pktmbuf_mtod(packet, EthernetHeader*)->type.host() == ethertype::ip6;
      rte_pktmbuf_adj(packet, sizeof(EthernetHeader));
      node.next(six ? 1 : 0, packet);
    }
  }
};

// -- Packets ----------------------------------------------------------------------------------------------------------

inline Bytes ethernet(const Mac& destination, uint16_t type, const Bytes& payload) {
  Bytes out(destination.bytes.begin(), destination.bytes.end());
  for (const uint8_t b : {2, 0, 0, 0, 0xee, 7}) {
    out.push_back(b);
  }
  out.push_back(static_cast<uint8_t>(type >> 8));
  out.push_back(static_cast<uint8_t>(type));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

struct Ip4Spec {
  const char* source = "192.0.2.2";
  const char* destination = "10.2.0.1";
  uint8_t ttl = 64;
  uint8_t protocol = 17;
  uint16_t fragment = 0;
  Bytes options = {};
  Bytes payload = Bytes(32, 0xab);
};

inline void fix_checksum4(Bytes& packet) {
  const size_t length = std::min<size_t>((packet[0] & 0xf) * 4u, packet.size());
  packet[10] = packet[11] = 0;
  const uint16_t sum = internet_checksum(packet.data(), length);
  std::memcpy(&packet[10], &sum, 2);
}

inline Bytes ip4(const Ip4Spec& spec) {
  Bytes out(20 + spec.options.size());
  auto& ip = *reinterpret_cast<Ip4Header*>(out.data());
  ip.version_ihl = static_cast<uint8_t>(0x40 | out.size() / 4);
  ip.total_length.set(static_cast<uint16_t>(out.size() + spec.payload.size()));
  ip.id.set(0x1234);
  ip.fragment.set(spec.fragment);
  ip.ttl = spec.ttl;
  ip.protocol = spec.protocol;
  ip.source.set(parse_ip4(spec.source)->value());
  ip.destination.set(parse_ip4(spec.destination)->value());
  std::copy(spec.options.begin(), spec.options.end(), out.begin() + 20);
  fix_checksum4(out);
  out.insert(out.end(), spec.payload.begin(), spec.payload.end());
  return out;
}

struct Ip6Spec {
  const char* source = "2001:db8:1::2";
  const char* destination = "2001:db8:20::1";
  uint8_t hop_limit = 64;
  uint8_t next_header = 17;
  Bytes payload = Bytes(32, 0xab);
};

inline Bytes ip6(const Ip6Spec& spec) {
  Bytes out(40);
  auto& ip = *reinterpret_cast<Ip6Header*>(out.data());
  ip.version_class_flow.set(0x60000000);
  ip.payload_length.set(static_cast<uint16_t>(spec.payload.size()));
  ip.next_header = spec.next_header;
  ip.hop_limit = spec.hop_limit;
  ip.source = parse_ip6(spec.source)->bytes();
  ip.destination = parse_ip6(spec.destination)->bytes();
  out.insert(out.end(), spec.payload.begin(), spec.payload.end());
  return out;
}

inline Bytes udp(uint16_t port) {
  Bytes out(24, 0x55);
  out[2] = static_cast<uint8_t>(port >> 8);
  out[3] = static_cast<uint8_t>(port);
  return out;
}

/// The part of a frame behind its Ethernet header.
inline Bytes l3(const Bytes& frame) { return Bytes(frame.begin() + 14, frame.end()); }

/// What came out of a router test; every packet that went in must be in exactly one place.
class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    r.reset();
    free_ = r.free_buffers();
  }
  void TearDown() override { EXPECT_EQ(r.free_buffers(), free_) << "packet buffers leak"; }

  /// Sends IP packets in on e1, with its MAC address.
  void send4(const std::vector<Bytes>& packets) { send(packets, ethertype::ip4); }
  void send6(const std::vector<Bytes>& packets) { send(packets, ethertype::ip6); }
  void send(const std::vector<Bytes>& packets, uint16_t type) {
    std::vector<Bytes> frames;
    for (const Bytes& packet : packets) {
      frames.push_back(ethernet(r.mac(r.e1), type, packet));
    }
    r.run(r.port1, frames);
  }
  using Drops = std::map<std::string, uint64_t>;

  Router& r = Router::get();

 private:
  size_t free_ = 0;
};

}  // namespace floof::ip::test
