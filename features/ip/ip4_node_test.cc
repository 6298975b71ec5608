// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>

#include "features/ip/fixture_node_test.h"
#include "features/ip/super_port_node_test.h"

namespace floof::ip::test {
namespace {

class Ip4Nodes : public NodeTest {};

TEST_F(Ip4Nodes, ForwardsWithTtlChecksumAndNewEthernetHeader) {
  const Bytes packet = ip4({});
  send4({packet});
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  Bytes want = packet;
  want[8] = 63;
  fix_checksum4(want);
  EXPECT_EQ(l3(out[0].frame), want);
  const Bytes head = {2, 0, 0, 0, 0xff, 0x22, 2, 0, 0, 0, 0, 2, 8, 0};
  EXPECT_EQ(Bytes(out[0].frame.begin(), out[0].frame.begin() + 14), head);
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip4Nodes, TrimsEthernetPadding) {
  Bytes packet = ip4({.payload = Bytes(4, 1)});
  const Bytes whole = packet;
  packet.resize(46, 0x77);
  send4({packet});
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame.size(), 14 + whole.size());
}

TEST_F(Ip4Nodes, LinkLayerOnlyTakesWhatIsForUs) {
  const Bytes packet = ip4({});
  r.run(r.port1,
        {ethernet(Mac{{2, 0, 0, 0, 0, 2}}, ethertype::ip4, packet), ethernet(r.mac(r.e1), ethertype::vlan, packet),
         ethernet(Mac{{255, 255, 255, 255, 255, 255}}, ethertype::ip4, packet), Bytes(13, 2)});
  EXPECT_EQ(r.drops(),
            (Drops{{"l2-not-for-us", 1}, {"unknown-vlan", 1}, {"ip4-l2-broadcast", 1}, {"l2-too-short", 1}}));
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip4Nodes, AnInterfaceMayHaveSeveralMacs) {
  const Mac vrrp{{0, 0, 0x5e, 0, 1, 7}}, other{{0, 0, 0x5e, 0, 1, 8}};
  const Bytes packet = ip4({});
  ASSERT_TRUE(r.engine->set_more_macs(r.e1, std::array{vrrp, other}));
  for (const Mac& mac : {vrrp, r.mac(r.e1), other}) {
    r.run(r.port1, {ethernet(mac, ethertype::ip4, packet)});
    EXPECT_EQ(r.port2.take().size(), 1u) << to_string(mac);
  }
  ASSERT_TRUE(r.engine->set_more_macs(r.e1, {}));
  r.run(r.port1, {ethernet(vrrp, ethertype::ip4, packet)});
  EXPECT_EQ(r.drops(), (Drops{{"l2-not-for-us", 1}}));
  EXPECT_FALSE(r.engine->set_more_macs(r.e1, std::vector<Mac>(engine::MoreMacs::kMost + 1)));
}

TEST_F(Ip4Nodes, OtherProtocolsGoToTheKernelAsReceived) {
  const Bytes arp = ethernet(Mac{{255, 255, 255, 255, 255, 255}}, ethertype::arp, Bytes(28, 1));
  r.run(r.port1, {arp});
  ASSERT_EQ(r.punted.kept.size(), 1u);
  EXPECT_EQ(r.punted.kept[0].bytes, arp);
  EXPECT_EQ(r.punted.kept[0].meta.rx_if, r.e1);
}

TEST_F(Ip4Nodes, NodesTakeEthertypesLocalProtocolsAndPorts) {
  const auto local = [](uint8_t protocol, uint16_t fragment, const Bytes& payload) {
    return ip4({.destination = "192.0.2.1", .protocol = protocol, .fragment = fragment, .payload = payload});
  };
  const std::vector<Bytes> taken = {local(Router::kTakenProtocol, 0, Bytes(4, 1)),
                                    local(17, 0, udp(Router::kTakenPort))};
  const Bytes frame = ethernet(r.mac(r.e1), Router::kTakenType, Bytes(50, 7));
  r.run(r.port1, {frame});
  ASSERT_EQ(r.taken.kept.size(), 1u);
  EXPECT_EQ(r.taken.kept[0].bytes, frame);
  send4(taken);
  ASSERT_EQ(r.taken.kept.size(), 3u);
  EXPECT_EQ(r.taken.kept[1].bytes, taken[0]) << "data at the IP header";
  EXPECT_EQ(r.taken.kept[2].bytes, taken[1]);
  EXPECT_TRUE(r.punted.kept.empty());
  // Others, pieces of datagrams, a datagram that ends before its port, and what is not for this router.
  send4({local(17, 0, udp(Router::kTakenPort + 1)), local(17, 0x2000, udp(Router::kTakenPort)),
         local(17, 0, Bytes(3, 0x12)), local(Router::kTakenProtocol, 0x00b9, Bytes(4, 1)),
         ip4({.protocol = Router::kTakenProtocol})});
  EXPECT_EQ(r.taken.kept.size(), 3u);
  EXPECT_EQ(r.punted.kept.size(), 4u);
  EXPECT_EQ(r.port2.take().size(), 1u);
}

TEST_F(Ip4Nodes, FeaturesSeePacketsToTheRouterItself) {
  engine::Graph& graph = r.engine->graph();
  graph.enable(graph.arc("ip4-local"), "test-local4", r.e1, true);
  const Bytes ours = ip4({.destination = "198.51.100.1"});
  send4({ours, ip4({})});
  EXPECT_EQ(r.drops(), (Drops{{"test-local", 1}}));
  EXPECT_EQ(r.port2.take().size(), 1u);
  graph.enable(graph.arc("ip4-local"), "test-local4", r.e1, false);
  send4({ours});
  EXPECT_EQ(r.punted.kept.size(), 1u);
}

TEST_F(Ip4Nodes, LocalMulticastAndBroadcastGoToTheKernelAsReceived) {
  std::vector<Bytes> packets;
  for (const char* to : {"192.0.2.1", "198.51.100.1", "224.0.0.5", "255.255.255.255", "192.0.2.255", "239.1.2.3"}) {
    packets.push_back(ip4({.destination = to, .ttl = 1}));
  }
  packets.push_back(ip4({.source = "0.0.0.0", .destination = "255.255.255.255"}));  // DHCP
  send4(packets);
  ASSERT_EQ(r.punted.kept.size(), packets.size());
  std::set<Bytes> got, want;
  for (size_t i = 0; i < packets.size(); i++) {
    got.insert(r.punted.kept[i].bytes);
    want.insert(ethernet(r.mac(r.e1), ethertype::ip4, packets[i]));
  }
  EXPECT_EQ(got, want);
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip4Nodes, MartiansAreDropped) {
  for (const char* from : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    send4({ip4({.source = from})});
  }
  send4({ip4({.source = "192.0.2.1"})});  // our own
  for (const char* to : {"0.0.0.0", "0.9.9.9", "127.0.0.1", "240.0.0.1", "255.255.255.254"}) {
    send4({ip4({.destination = to})});
  }
  send4({ip4({.source = "169.254.1.1"}), ip4({.destination = "169.254.1.1"})});
  EXPECT_EQ(
      r.drops(),
      (Drops{{"ip4-source-martian", 6}, {"ip4-source-own", 1}, {"ip4-destination-martian", 5}, {"ip4-link-local", 2}}));
  EXPECT_TRUE(r.port1.take().empty());
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip4Nodes, KindsOfRoutes) {
  send4({ip4({.destination = "10.6.0.1"}), ip4({.destination = "10.7.0.1"}), ip4({.destination = "10.8.0.1"}),
         ip4({.destination = "100.64.0.1"}), ip4({.destination = "198.51.100.77"}), ip4({.destination = "10.5.0.1"})});
  EXPECT_EQ(r.drops(),
            (Drops{{"ip4-blackhole", 1}, {"ip4-unreachable", 1}, {"ip4-prohibited", 1}, {"ip4-no-route", 1}}));
  const auto errors = r.port1.take();
  std::set<int> codes;
  for (const auto& error : errors) {
    EXPECT_EQ(error.frame[34], 3);
    codes.insert(error.frame[35]);
  }
  EXPECT_EQ(codes, (std::set<int>{0, 1, 13}));
  ASSERT_EQ(r.held.kept.size(), 2u);
  for (const auto& held : r.held.kept) {
    const bool glean = !held.notes.adj.valid();
    EXPECT_EQ(held.meta.tx_if, r.e2);
    EXPECT_EQ(held.bytes[16], glean ? 198 : 10) << "data is at the IP header";
    EXPECT_EQ(held.bytes[8], 64) << "untouched";
    if (!glean) {
      EXPECT_EQ(to_string(r.tables->adjacency(held.notes.adj).next_hop), "198.51.100.99");
    }
  }
}

TEST_F(Ip4Nodes, OnLinkTheDestinationIsItsOwnNextHop) {
  const auto known = *parse_ip("198.51.100.40");
  send4({ip4({.destination = "198.51.100.40"})});
  ASSERT_EQ(r.held.kept.size(), 1u);
  EXPECT_FALSE(r.held.kept[0].notes.adj.valid()) << "a stranger";
  r.neighbor(r.e2, "198.51.100.40", 0x40);
  EXPECT_FALSE(r.tables->take_used(r.e2, known));
  send4({ip4({.destination = "198.51.100.40"}), ip4({.destination = "198.51.100.40", .options = Bytes(4, 1)})});
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 2u) << "by both ways";
  for (const auto& sent : out) {
    EXPECT_EQ(sent.frame[5], 0x40);
  }
  EXPECT_TRUE(r.tables->take_used(r.e2, known));
  EXPECT_FALSE(r.tables->take_used(r.e2, known));
  r.tables->clear_neighbor(r.e2, known);
  send4({ip4({.destination = "198.51.100.40"})});
  ASSERT_EQ(r.held.kept.size(), 2u);
  EXPECT_TRUE(r.held.kept[1].notes.adj.valid()) << "it was known before";
}

TEST_F(Ip4Nodes, GatewayOfTheOtherFamily) {
  send4({ip4({.destination = "10.9.0.1"})});
  const auto out = r.port3.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame[5], 0x32);
  EXPECT_EQ(out[0].frame[12], 8);
}

TEST_F(Ip4Nodes, FlowsSpreadAndStay) {
  std::vector<Bytes> packets;
  for (int i = 0; i < 200; i++) {
    Bytes ports = {0x10, static_cast<uint8_t>(i), 0, 53, 0, 8, 0, 0};
    packets.push_back(ip4({.destination = "10.4.0.1", .payload = ports}));
    packets.push_back(packets.back());
  }
  send4(packets);
  std::map<int, int> by_neighbor;
  std::map<int, std::set<int>> by_flow;
  for (const auto& out : r.port2.take()) {
    by_neighbor[out.frame[5]]++;
    by_flow[out.frame[35]].insert(out.frame[5]);
  }
  EXPECT_EQ(by_neighbor[0x22] + by_neighbor[0x23], 400);
  EXPECT_GT(by_neighbor[0x22], 140);
  EXPECT_GT(by_neighbor[0x23], 140);
  for (const auto& [flow, neighbors] : by_flow) {
    EXPECT_EQ(neighbors.size(), 1u);
  }
}

TEST_F(Ip4Nodes, TimeToLive) {
  send4({ip4({.ttl = 1}), ip4({.ttl = 0}), ip4({.ttl = 2})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-ttl-expired", 2}}));
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame[22], 1);
  EXPECT_EQ(r.port1.take().size(), 2u);
}

TEST_F(Ip4Nodes, Options) {
  const auto with = [](Bytes options) { return ip4({.options = std::move(options)}); };
  const Bytes record_route = {7, 7, 4, 0, 0, 0, 0, 0};
  send4({with(record_route), with({1, 1, 1, 1}), with({0, 9, 9, 9}), with({68, 4, 5, 0})});
  EXPECT_EQ(r.port2.take().size(), 4u);
  EXPECT_TRUE(r.drops().empty());
  send4({with({131, 7, 4, 10, 2, 0, 9, 0}), with({137, 7, 4, 10, 2, 0, 9, 0})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-source-route", 2}}));
  send4({with({148, 4, 0, 0})});
  EXPECT_EQ(r.punted.kept.size(), 1u);
  r.reset();
  send4({with({7, 0, 0, 0}), with({7, 1, 0, 0}), with({7, 5, 0, 0}), with({1, 1, 1, 7}), with({148, 3, 0, 0})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-options-malformed", 5}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 5u);
  for (const auto& error : errors) {
    EXPECT_EQ(error.frame[34], 12);
    EXPECT_GE(error.frame[38], 20);  // the pointer
    EXPECT_LT(error.frame[38], 24);
  }
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip4Nodes, MalformedFragments) {
  send4({ip4({.fragment = 0x2000, .payload = Bytes(31, 1)}), ip4({.fragment = 0x2001, .payload = {}}),
         ip4({.fragment = 0x1fff, .payload = Bytes(32, 1)})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-fragment-malformed", 3}}));
  send4({ip4({.fragment = 0x2000, .payload = Bytes(32, 1)}), ip4({.fragment = 0x0004, .payload = Bytes(5, 1)})});
  EXPECT_EQ(r.port2.take().size(), 2u);
}

TEST_F(Ip4Nodes, CutAtEveryByteIsNeverForwarded) {
  const Bytes packet = ip4({.options = {7, 7, 4, 0, 0, 0, 0, 0}});
  uint64_t cut = 0;
  for (size_t length = 0; length < packet.size(); length++) {
    send4({Bytes(packet.begin(), packet.begin() + static_cast<long>(length))});
    cut++;
  }
  const auto drops = r.drops();
  EXPECT_EQ(drops.at("ip4-too-short"), 20u);
  EXPECT_EQ(drops.at("ip4-header-length"), 8u);
  EXPECT_EQ(drops.at("ip4-truncated"), cut - 28);
  EXPECT_EQ(drops.size(), 3u);
  EXPECT_TRUE(r.port1.take().empty());
  EXPECT_TRUE(r.port2.take().empty());
  const Bytes frame = ethernet(r.mac(r.e1), ethertype::ip4, packet);
  r.reset();
  for (size_t length = 1; length < 14; length++) {
    r.run(r.port1, {Bytes(frame.begin(), frame.begin() + static_cast<long>(length))});
  }
  EXPECT_EQ(r.drops(), (Drops{{"l2-too-short", 13}}));
}

TEST_F(Ip4Nodes, WrongHeaderFieldsAreDroppedByName) {
  const auto broken = [](size_t at, uint8_t value) {
    Bytes packet = ip4({});
    packet[at] = value;
    fix_checksum4(packet);
    return packet;
  };
  for (int version = 0; version < 16; version++) {
    if (version != 4) {
      send4({broken(0, static_cast<uint8_t>(version << 4 | 5))});
    }
  }
  for (uint8_t ihl = 0; ihl < 5; ihl++) {
    send4({broken(0, 0x40 | ihl)});
  }
  send4({broken(0, 0x4f), broken(3, 19), broken(2, 0x40)});
  Bytes bad_sum = ip4({});
  bad_sum[10] ^= 1;
  send4({bad_sum});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-version", 15},
                              {"ip4-header-length", 6},
                              {"ip4-total-length", 1},
                              {"ip4-truncated", 1},
                              {"ip4-checksum", 1}}));
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip4Nodes, AnySingleBitErrorInTheHeaderIsCaught) {
  const Bytes good = ip4({});
  for (size_t bit = 0; bit < 160; bit++) {
    Bytes packet = good;
    packet[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    send4({packet});
  }
  EXPECT_TRUE(r.port2.take().empty());
  EXPECT_TRUE(r.port1.take().empty());
  uint64_t dropped = 0;
  for (const auto& [reason, count] : r.drops()) {
    dropped += count;
  }
  EXPECT_EQ(dropped, 160u);
}

// -- From the router's own kernel -------------------------------------------------------------------------------------

TEST_F(Ip4Nodes, FromTheKernel) {
  const Mac any{};
  const auto from_kernel = [&](const Bytes& packet) { r.run(r.kernel, {ethernet(any, ethertype::ip4, packet)}); };
  from_kernel(ip4({.source = "10.255.0.1", .ttl = 1}));  // a first traceroute probe
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame[22], 1) << "the router is the sender: nothing is taken off";
  from_kernel(ip4({.source = "10.255.0.1", .destination = "192.0.2.1"}));
  from_kernel(ip4({.source = "10.255.0.1", .destination = "224.0.0.5"}));
  from_kernel(Bytes(10, 0x45));
  EXPECT_EQ(r.drops(), (Drops{{"local-from-kernel", 1}, {"multicast-from-kernel", 1}, {"ip4-too-short", 1}}));
  EXPECT_TRUE(r.punted.kept.empty());
}

TEST_F(Ip4Nodes, ErrorsAboutTheKernelsOwnPacketsReachIt) {
  r.run(r.kernel, {ethernet(Mac{}, ethertype::ip4, ip4({.source = "10.255.0.1", .destination = "100.64.0.1"}))});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-no-route", 1}}));
  ASSERT_EQ(r.punted.kept.size(), 1u);
  const auto& kept = r.punted.kept[0];
  EXPECT_EQ(kept.meta.rx_if, r.floof0);
  EXPECT_EQ(Bytes(kept.bytes.begin(), kept.bytes.begin() + 6), Bytes({2, 0, 0, 0, 0, 9}));
  EXPECT_EQ(kept.bytes[12], 8);
  EXPECT_EQ(kept.bytes[34], 3);
}

// -- TCP super packets ------------------------------------------------------------------------------------------------

class Ip4Super : public NodeTest {
 protected:
  void send_super(const Bytes& packet, uint16_t gso_size) {
    SuperPort port(r.engine->pools(), gso_size);
    port.inner().push(ethernet(r.mac(r.e1), ethertype::ip4, packet));
    r.engine->bind(port, r.e1, r.engine->graph().node("ethernet-input"));
    while (r.engine->turn() > 0) {
    }
    r.engine->unbind(port);
  }
};

TEST_F(Ip4Super, ThatFitsIsNotTooBig) {
  send_super(tcp_super("10.2.0.1", 0x4000), 1460);
  EXPECT_EQ(r.port2.take().size(), 3u);
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip4Super, WithSegmentsBeyondTheMtu) {
  send_super(tcp_super("10.3.0.1", 0x4000), 1460);
  EXPECT_EQ(r.drops(), (Drops{{"ip4-needs-fragmentation", 1}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].frame[35], 4);
  EXPECT_EQ(errors[0].frame[40] << 8 | errors[0].frame[41], 600);
  r.reset();
  send_super(tcp_super("10.3.0.1", 0), 1460);
  const auto out = r.port3.take();
  EXPECT_EQ(out.size(), (4000 + 559) / 560u);
  for (const auto& segment : out) {
    EXPECT_LE(segment.frame.size(), 14 + 600u);
  }
}

}  // namespace
}  // namespace floof::ip::test
