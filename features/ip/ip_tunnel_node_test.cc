// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes that lead to a feature's node, neighbours behind a rewrite, packets that come out of other packets, interfaces
// that send by a node: by a tunnel as a feature would build it (tunnel_node_test.h).
#include "features/ip/super_port_node_test.h"

namespace floof::ip::test {
namespace {

class TunnelNodeTest : public NodeTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    r.bind(GetParam());
    r.tables->set_neighbor(t1, kEnd4, r.tunnel.rewrite("10.2.0.9", TestTunnel::kInner4));
    r.tables->set_neighbor(t1, kEnd6, r.tunnel.rewrite("10.2.0.9", TestTunnel::kInner6));
    route("10.20.0.0/16", {PathKind::forward, {{t1, kEnd4}}, {}});
    route("2001:db8:2000::/48", {PathKind::forward, {{t1, kEnd6}}, {}});
  }
  void TearDown() override {
    for (const auto& [prefix, group] : made_) {
      r.tables->remove_route(prefix);
      r.tables->destroy_group(group);
    }
    r.tables->clear_interface(t1);
    r.engine->qsbr().drain();
    r.bind("ip-fast");
    NodeTest::TearDown();
  }
  void route(const char* prefix, const PathSet& set) {
    made_.emplace_back(*parse_prefix(prefix), r.route(prefix, set));
  }

  static Bytes inside(const Bytes& outer) { return Bytes(outer.begin() + 20, outer.end()); }
  /// The inner packets of what left by e2 for the tunnel's end, whose outer headers are right.
  std::vector<Bytes> tunnelled(uint8_t protocol = TestTunnel::kInner4) {
    std::vector<Bytes> out;
    for (const auto& sent : r.port2.take()) {
      const Bytes outer = l3(sent.frame);
      EXPECT_EQ(sent.frame[5], 0x22) << "the way to the end is by 198.51.100.2";
      EXPECT_EQ(check_ip4(outer.data(), static_cast<uint32_t>(outer.size()), static_cast<uint32_t>(outer.size())).next,
                Verdict::lookup);
      const auto& header = *reinterpret_cast<const Ip4Header*>(outer.data());
      EXPECT_EQ(header.total_length.host(), outer.size());
      EXPECT_EQ(header.ttl, 64) << "the router is its sender, not a hop";
      EXPECT_EQ(header.protocol, protocol);
      EXPECT_EQ(header.source.host(), 0xc6336401u);
      EXPECT_EQ(header.destination.host(), 0x0a020009u);
      out.push_back(inside(outer));
    }
    return out;
  }
  /// What the tunnel's other end sends us.
  static Bytes from_end(uint8_t protocol, const Bytes& inner) {
    return ip4({.source = "10.2.0.9", .destination = "198.51.100.1", .protocol = protocol, .payload = inner});
  }
  void receive(uint8_t protocol, const std::vector<Bytes>& inner) {
    std::vector<Bytes> frames;
    for (const Bytes& packet : inner) {
      frames.push_back(ethernet(r.mac(r.e2), ethertype::ip4, from_end(protocol, packet)));
    }
    r.run(r.port2, frames);
  }
  uint64_t count(stats::InterfaceSlot slot) const {
    return stats::Reader::open(r.dir + "/stats")->interface_value(t1, slot);
  }
  static Bytes lowered(Bytes packet) {
    packet[8]--;
    fix_checksum4(packet);
    return packet;
  }

  const IfId t1 = Router::get().tunnel.interface;
  const IpAddress kEnd4 = *parse_ip("10.20.0.1"), kEnd6 = *parse_ip("fe80::1");

 private:
  std::vector<std::pair<Prefix, GroupId>> made_;
};
INSTANTIATE_TEST_SUITE_P(Ways, TunnelNodeTest, testing::Values("ip-fast", "ethernet-input"));

TEST_P(TunnelNodeTest, PacketsLeaveInsideOfOthers) {
  const Bytes four = ip4({.destination = "10.20.0.7"});
  send4({four, four, ip4({.destination = "10.2.0.1"})});
  auto out = r.port2.take();
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(std::count_if(out.begin(), out.end(), [](const auto& sent) { return sent.frame[23] == 17; }), 1);
  EXPECT_EQ(count(stats::tx_packets), 2u);
  EXPECT_EQ(count(stats::tx_bytes), 2 * four.size());
  send4({four});
  EXPECT_EQ(tunnelled(), std::vector<Bytes>{lowered(four)});
  Bytes six = ip6({.destination = "2001:db8:2000::7"});
  send6({six});
  six[7]--;
  EXPECT_EQ(tunnelled(TestTunnel::kInner6), std::vector<Bytes>{six});
  EXPECT_TRUE(r.drops().empty());
  EXPECT_TRUE(r.tables->take_used(t1, kEnd4));
  EXPECT_FALSE(r.tables->neighbor(t1, kEnd4)) << "it has no MAC address";
}

TEST_P(TunnelNodeTest, TheTunnelsMtuCounts) {
  send4({ip4({.destination = "10.20.0.7", .fragment = 0x4000, .payload = Bytes(1461)})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-needs-fragmentation", 1}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].frame[40] << 8 | errors[0].frame[41], 1480);
  const Bytes whole = ip4({.destination = "10.20.0.7", .payload = Bytes(2000, 0x31)});
  send4({whole});
  const auto pieces = tunnelled();
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].size() + pieces[1].size(), whole.size() + 20);
}

TEST_P(TunnelNodeTest, WhatIsLeftToADeviceIsDoneBefore) {
  SuperPort port(r.engine->pools(), 1400);
  port.inner().push(ethernet(r.mac(r.e1), ethertype::ip4, tcp_super("10.20.0.7", 0x4000)));
  r.engine->bind(port, r.e1, r.engine->graph().node("ethernet-input"));
  while (r.engine->turn() > 0) {
  }
  r.engine->unbind(port);
  const auto segments = tunnelled();
  ASSERT_EQ(segments.size(), 3u);
  for (const Bytes& segment : segments) {
    EXPECT_LE(segment.size(), 1440u);
    uint32_t sum = 6 + static_cast<uint32_t>(segment.size()) - 20;  // TCP with its pseudo header
    for (size_t i = 12; i < segment.size(); i += 2) {
      sum += segment[i] << 8 | (i + 1 < segment.size() ? segment[i + 1] : 0);
    }
    while (sum >> 16 != 0) {
      sum = (sum & 0xffff) + (sum >> 16);
    }
    EXPECT_EQ(sum, 0xffffu);
  }
  EXPECT_EQ(count(stats::tx_packets), 3u);
}

TEST_P(TunnelNodeTest, PacketsThatComeOutAreFramesOfTheTunnel) {
  const Bytes four = ip4({.source = "10.20.0.7", .destination = "192.0.2.2"});
  receive(TestTunnel::kInner4, {four, four});
  auto out = r.port1.take();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(l3(out[1].frame), lowered(four));
  EXPECT_EQ(count(stats::rx_packets), 2u);
  EXPECT_EQ(count(stats::rx_bytes), 2 * four.size());
  EXPECT_EQ(r.node_packets("ip4-input"), GetParam() == std::string("ip-fast") ? 0u : 2u) << "the outer ones at most";
  Bytes six = ip6({.source = "2001:db8:2000::7", .destination = "2001:db8:1::2"});
  receive(TestTunnel::kInner6, {six});
  out = r.port1.take();
  ASSERT_EQ(out.size(), 1u);
  six[7]--;
  EXPECT_EQ(l3(out[0].frame), six);
  EXPECT_TRUE(r.drops().empty());
}

TEST_P(TunnelNodeTest, TheKernelGetsAFrameForTheTunnelsInterface) {
  const Bytes ours = ip4({.source = "10.20.0.7", .destination = "192.0.2.1"});
  receive(TestTunnel::kInner4, {ours});
  ASSERT_EQ(r.punted.kept.size(), 1u);
  const auto& kept = r.punted.kept[0];
  EXPECT_EQ(kept.meta.rx_if, t1);
  EXPECT_EQ(Bytes(kept.bytes.begin(), kept.bytes.begin() + 14), Bytes({2, 0, 0, 0, 0, 0x71, 0, 0, 0, 0, 0, 0, 8, 0}));
  EXPECT_EQ(l3(kept.bytes), ours);
}

TEST_P(TunnelNodeTest, ErrorsGoBackThroughIt) {
  const Bytes late = ip4({.source = "10.20.0.7", .destination = "192.0.2.2", .ttl = 1});
  receive(TestTunnel::kInner4, {late});
  auto errors = tunnelled();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0][20], icmp4::time_exceeded);
  EXPECT_EQ(Bytes(errors[0].begin() + 28, errors[0].end()), late) << "it quotes what was inside";
  // There is no route to a link-local address: it is the one behind the tunnel.
  receive(TestTunnel::kInner6, {ip6({.source = "fe80::1", .destination = "2001:db8:1::2", .hop_limit = 1})});
  errors = tunnelled(TestTunnel::kInner6);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0][40], icmp6::unreachable) << "beyond the scope of its source";
  receive(TestTunnel::kInner6, {ip6({.source = "fe80::77", .destination = "2001:db8:1::2", .hop_limit = 1})});
  EXPECT_TRUE(r.port2.take().empty()) << "nobody knows where that one is";
  EXPECT_EQ(r.counter("icmp6-not-allowed"), 1u);
}

TEST_P(TunnelNodeTest, ATunnelThatLeadsIntoItselfEnds) {
  route("10.2.0.9/32", {PathKind::forward, {{t1, kEnd4}}, {}});
  send4({ip4({.destination = "10.20.0.7", .ttl = 255})});
  EXPECT_EQ(r.drops(), (Drops{{"no-headroom", 1}}));
  r.reset();
  r.tables->set_neighbor(t1, kEnd4, r.tunnel.rewrite("198.51.100.1", TestTunnel::kInner4));
  send4({ip4({.destination = "10.20.0.7", .ttl = 255})});
  EXPECT_EQ(r.punted.kept.size(), 1u) << "what this router sent itself is not taken out";
}

TEST_P(TunnelNodeTest, TunnelsInTunnelsEnd) {
  Bytes packet = ip4({.source = "10.20.0.7", .destination = "192.0.2.2"});
  for (int i = 0; i < 5; i++) {
    packet = from_end(TestTunnel::kInner4, packet);
  }
  receive(TestTunnel::kInner4, {packet});
  EXPECT_EQ(r.port1.take().size(), 1u);
  for (int i = 0; i < 20; i++) {
    packet = from_end(TestTunnel::kInner4, packet);
  }
  receive(TestTunnel::kInner4, {packet});
  EXPECT_EQ(r.drops(), (Drops{{"graph-loop", 1}}));
}

TEST_P(TunnelNodeTest, CutAndBrokenPacketsInsideAreCounted) {
  const Bytes four = ip4({.source = "10.20.0.7", .destination = "192.0.2.2"});
  for (size_t length = 0; length < four.size(); length++) {
    receive(TestTunnel::kInner4, {Bytes(four.begin(), four.begin() + static_cast<ptrdiff_t>(length))});
  }
  EXPECT_TRUE(r.port1.take().empty());
  EXPECT_EQ(r.drops(), (Drops{{"ip4-too-short", 20}, {"ip4-truncated", four.size() - 20}}));
}

TEST_P(TunnelNodeTest, ItMayBeOneOfSeveralPaths) {
  route("10.21.0.0/16", {PathKind::forward, {{t1, kEnd4}, {r.e1, *parse_ip("192.0.2.2")}}, {}});
  std::vector<Bytes> packets;
  for (uint16_t port = 0; port < 200; port++) {
    packets.push_back(ip4({.destination = "10.21.0.1", .payload = udp(port)}));
  }
  send4(packets);
  const size_t by_tunnel = tunnelled().size(), by_e1 = r.port1.take().size();
  EXPECT_EQ(by_tunnel + by_e1, 200u);
  EXPECT_GT(by_tunnel, 60u);
  EXPECT_GT(by_e1, 60u);
}

TEST_P(TunnelNodeTest, AnotherRewriteOrAMacAddressTakesOver) {
  const Bytes packet = ip4({.destination = "10.20.0.7"});
  r.tables->set_neighbor(t1, kEnd4, r.tunnel.rewrite("10.2.0.9", TestTunnel::kInner6));
  send4({packet});
  EXPECT_EQ(tunnelled(TestTunnel::kInner6).size(), 1u);
  r.tables->set_neighbor(t1, kEnd4, Mac{{2, 0, 0, 0, 0, 0x55}});
  r.engine->interfaces()[t1].sender = r.tunnel.sender;
  send4({packet});
  ASSERT_EQ(r.taken.kept.size(), 1u) << "a frame of an interface that sends by a node";
  EXPECT_EQ(r.taken.kept[0].bytes[5], 0x55);
  EXPECT_EQ(count(stats::tx_packets), 2u);
  r.engine->interfaces()[t1].sender = 0;
  send4({packet});
  EXPECT_EQ(r.drops(), (Drops{{"interface-down", 1}}));
  r.tables->clear_neighbor(t1, kEnd4);
  send4({packet});
  EXPECT_EQ(r.held.kept.size(), 1u);
}

TEST_P(TunnelNodeTest, FramesOfAnInterfaceThatSendsByANodeGetItsTags) {
  auto& slot = r.engine->interfaces()[t1];
  slot.sender = r.tunnel.sender;
  slot.tag_bytes = 4;
  slot.tags = 0x64000081;  // 0x8100, VLAN 100
  r.tables->set_neighbor(t1, kEnd4, Mac{{2, 0, 0, 0, 0, 0x55}});
  send4({ip4({.destination = "10.20.0.7"})});
  ASSERT_EQ(r.taken.kept.size(), 1u);
  const Bytes& frame = r.taken.kept[0].bytes;
  EXPECT_EQ(Bytes(frame.begin() + 12, frame.begin() + 18), Bytes({0x81, 0, 0, 100, 8, 0}));
  slot.send_untagged();
  slot.sender = 0;
}

TEST_P(TunnelNodeTest, ARouteLeadsToAFeaturesNode) {
  route("10.30.0.0/16", {.kind = PathKind::node, .next = r.to_taker, .index = 77});
  route("2001:db8:3000::/48", {.kind = PathKind::node, .next = r.to_taker, .index = 78});
  const Bytes four = ip4({.destination = "10.30.0.1"}), six = ip6({.destination = "2001:db8:3000::1"});
  send4({four});
  send6({six});
  ASSERT_EQ(r.taken.kept.size(), 2u);
  EXPECT_EQ(r.taken.kept[0].bytes, four);
  EXPECT_EQ(r.taken.kept[0].notes.next_index, 77u);
  EXPECT_EQ(r.taken.kept[1].bytes, six);
  EXPECT_EQ(r.taken.kept[1].notes.next_index, 78u);
  send4({ip4({.source = "169.254.0.1", .destination = "10.30.0.1"})});
  EXPECT_EQ(r.drops(), (Drops{{"ip4-link-local", 1}})) << "what must not be forwarded does not get there";
}

}  // namespace
}  // namespace floof::ip::test
