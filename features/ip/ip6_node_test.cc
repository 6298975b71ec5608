// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>

#include "features/ip/fixture_node_test.h"

namespace floof::ip::test {
namespace {

class Ip6Nodes : public NodeTest {};

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) {
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

/// Hop-by-hop options in front of `next`.
Bytes with_option(Bytes option, uint8_t next = 17, Bytes rest = Bytes(16, 0xab)) {
  Bytes header = {next, 0};
  header.insert(header.end(), option.begin(), option.end());
  header.resize(8);
  return join({header, rest});
}

TEST_F(Ip6Nodes, ForwardsWithHopLimitAndNewEthernetHeader) {
  const Bytes packet = ip6({});
  send6({packet});
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  Bytes want = packet;
  want[7] = 63;
  EXPECT_EQ(l3(out[0].frame), want);
  const Bytes head = {2, 0, 0, 0, 0xff, 0x22, 2, 0, 0, 0, 0, 2, 0x86, 0xdd};
  EXPECT_EQ(Bytes(out[0].frame.begin(), out[0].frame.begin() + 14), head);
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip6Nodes, TrimsPadding) {
  Bytes packet = ip6({.payload = Bytes(3, 1)});
  packet.resize(60, 0x77);
  send6({packet});
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame.size(), 14 + 43u);
}

TEST_F(Ip6Nodes, NodesTakeLocalProtocolsAndPorts) {
  const auto local = [](uint8_t next, const Bytes& payload) {
    return ip6({.destination = "2001:db8:1::1", .next_header = next, .payload = payload});
  };
  const std::vector<Bytes> taken = {local(Router::kTakenProtocol, Bytes(4, 1)), local(17, udp(Router::kTakenPort))};
  send6(taken);
  ASSERT_EQ(r.taken.kept.size(), 2u);
  EXPECT_EQ(r.taken.kept[0].bytes, taken[0]);
  EXPECT_EQ(r.taken.kept[1].bytes, taken[1]);
  // Others, a fragment, and what is not for this router.
  Bytes fragment = {17, 0, 0, 1, 0, 0, 0, 9};
  const Bytes inside = udp(Router::kTakenPort);
  fragment.insert(fragment.end(), inside.begin(), inside.end());
  send6({local(17, udp(Router::kTakenPort + 1)), local(44, fragment), ip6({.next_header = Router::kTakenProtocol})});
  EXPECT_EQ(r.taken.kept.size(), 2u);
  EXPECT_EQ(r.punted.kept.size(), 2u);
  EXPECT_EQ(r.port2.take().size(), 1u);
}

TEST_F(Ip6Nodes, FeaturesSeePacketsToTheRouterItself) {
  engine::Graph& graph = r.engine->graph();
  graph.enable(graph.arc("ip6-local"), "test-local6", r.e1, true);
  const Bytes ours = ip6({.destination = "2001:db8:2::1"});
  send6({ours, ip6({})});
  EXPECT_EQ(r.drops(), (Drops{{"test-local", 1}}));
  EXPECT_EQ(r.port2.take().size(), 1u);
  graph.enable(graph.arc("ip6-local"), "test-local6", r.e1, false);
  send6({ours});
  EXPECT_EQ(r.punted.kept.size(), 1u);
}

TEST_F(Ip6Nodes, LocalMulticastAndLinkLocalGoToTheKernelAsReceived) {
  std::vector<Bytes> packets;
  for (const char* to : {"2001:db8:1::1", "ff02::5", "ff02::1:ff00:1", "fe80::1", "ff05::2"}) {
    packets.push_back(ip6({.destination = to, .hop_limit = 1}));
  }
  packets.push_back(ip6({.source = "::", .destination = "ff02::1:ff00:1"}));
  packets.push_back(ip6({.source = "fe80::2", .destination = "2001:db8:1::1"}));
  send6(packets);
  std::set<Bytes> got, want;
  for (const auto& kept : r.punted.kept) {
    got.insert(kept.bytes);
  }
  for (const auto& packet : packets) {
    want.insert(ethernet(r.mac(r.e1), ethertype::ip6, packet));
  }
  EXPECT_EQ(got, want);
  EXPECT_TRUE(r.drops().empty());
}

TEST_F(Ip6Nodes, MartiansAreDropped) {
  for (const char* from : {"::", "::1", "ff02::1", "::ffff:192.0.2.2"}) {
    send6({ip6({.source = from})});
  }
  for (const char* to : {"::", "::1", "ff01::1", "ff00::1", "::ffff:10.2.0.1"}) {
    send6({ip6({.destination = to})});
  }
  send6({ip6({.source = "2001:db8:1::1"})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-source-martian", 4}, {"ip6-destination-martian", 5}, {"ip6-source-own", 1}}));
  EXPECT_TRUE(r.port1.take().empty());
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip6Nodes, LinkLocalSourceIsBeyondScope) {
  send6({ip6({.source = "fe80::77"})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-link-local", 1}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 1u);
  const Bytes head = {2, 0, 0, 0, 0xee, 7, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};  // back to the frame's sender
  EXPECT_EQ(Bytes(errors[0].frame.begin(), errors[0].frame.begin() + 14), head);
  EXPECT_EQ(errors[0].frame[54], 1);
  EXPECT_EQ(errors[0].frame[55], 2);
}

TEST_F(Ip6Nodes, KindsOfRoutes) {
  send6({ip6({.destination = "2001:db8:60::1"}), ip6({.destination = "2001:db8:70::1"}),
         ip6({.destination = "2001:db8:80::1"}), ip6({.destination = "2001:db9::1"}),
         ip6({.destination = "2001:db8:2::77"}), ip6({.destination = "2001:db8:50::1"})});
  EXPECT_EQ(r.drops(),
            (Drops{{"ip6-blackhole", 1}, {"ip6-unreachable", 1}, {"ip6-prohibited", 1}, {"ip6-no-route", 1}}));
  std::set<int> codes;
  for (const auto& error : r.port1.take()) {
    EXPECT_EQ(error.frame[54], 1);
    codes.insert(error.frame[55]);
  }
  EXPECT_EQ(codes, (std::set<int>{0, 1, 3}));
  ASSERT_EQ(r.held.kept.size(), 2u);
  for (const auto& held : r.held.kept) {
    EXPECT_EQ(held.meta.tx_if, r.e2);
    EXPECT_EQ(held.bytes[0] >> 4, 6);
    EXPECT_EQ(held.bytes[7], 64);
  }
}

TEST_F(Ip6Nodes, HopLimitAndMtu) {
  send6({ip6({.hop_limit = 1}), ip6({.hop_limit = 0}), ip6({.hop_limit = 2})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-hop-limit-expired", 2}}));
  EXPECT_EQ(r.port2.take().size(), 1u);
  for (const auto& error : r.port1.take()) {
    EXPECT_EQ(error.frame[54], 3);
    EXPECT_EQ(error.frame[55], 0);
  }
  r.reset();
  r.engine->interfaces()[r.e3].mtu = 1280;
  send6({ip6({.destination = "2001:db8:30::1", .payload = Bytes(1241, 1)}),
         ip6({.destination = "2001:db8:30::1", .payload = Bytes(1240, 1)})});
  r.engine->interfaces()[r.e3].mtu = 600;
  EXPECT_EQ(r.drops(), (Drops{{"ip6-too-big", 1}}));
  EXPECT_EQ(r.port3.take().size(), 1u);
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].frame[54], 2);
  EXPECT_EQ(errors[0].frame[60] << 8 | errors[0].frame[61], 1280);
  EXPECT_LE(errors[0].frame.size(), 14 + 1280u);
}

TEST_F(Ip6Nodes, HopByHopOptions) {
  const auto packet = [](Bytes option) { return ip6({.next_header = 0, .payload = with_option(std::move(option))}); };
  send6({packet({1, 4, 0, 0, 0, 0}), packet({0, 0, 0, 0, 0, 0}), packet({0x1e, 4, 9, 9, 9, 9})});
  EXPECT_EQ(r.port2.take().size(), 3u);
  EXPECT_TRUE(r.drops().empty());
  send6({packet({5, 2, 0, 0, 1, 0})});
  EXPECT_EQ(r.punted.kept.size(), 1u);
  send6({packet({0x5e, 4, 9, 9, 9, 9})});  // 01: silently
  EXPECT_EQ(r.drops(), (Drops{{"ip6-option-unknown", 1}}));
  EXPECT_TRUE(r.port1.take().empty());
  send6({packet({0x9e, 4, 9, 9, 9, 9}), packet({0xde, 4, 9, 9, 9, 9})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-option-unknown", 3}}));
  const auto errors = r.port1.take();
  ASSERT_EQ(errors.size(), 2u);
  for (const auto& error : errors) {
    EXPECT_EQ(error.frame[54], 4);
    EXPECT_EQ(error.frame[55], 2);
    EXPECT_EQ(error.frame[61], 42);  // where the option starts
  }
  r.reset();
  send6({packet({0xc2, 4, 0, 1, 0, 0}), packet({5, 200, 0, 0}), packet({0, 0, 0, 0, 0, 7}), packet({5, 1, 0, 0})});
  Bytes jumbo = packet({0xc2, 4, 0, 1, 0, 0});
  jumbo[4] = jumbo[5] = 0;
  send6({jumbo});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-jumbo", 2}, {"ip6-option-malformed", 3}}));
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip6Nodes, ExtensionHeaders) {
  const Bytes udp(16, 1);
  const auto chain = [&](uint8_t first, const Bytes& headers) {
    return ip6({.next_header = first, .payload = join({headers, udp})});
  };
  const Bytes to_udp = {17, 0, 1, 4, 0, 0, 0, 0};
  send6({chain(60, to_udp), chain(43, {17, 0, 4, 1, 0, 0, 0, 0}), chain(44, {17, 0, 0, 0, 0, 0, 0, 1}),
         chain(51, to_udp), ip6({.next_header = 59, .payload = {}}), chain(50, {})});
  EXPECT_EQ(r.port2.take().size(), 6u);
  EXPECT_TRUE(r.drops().empty());
  send6({chain(43, {17, 0, 0, 1, 0, 0, 0, 0})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-routing-header-0", 1}}));
  r.reset();
  send6({chain(60, join({{0, 0, 1, 4, 0, 0, 0, 0}, to_udp}))});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-extension-order", 1}}));
  r.reset();
  Bytes eight, nine;
  for (int i = 0; i < 7; i++) {
    eight = join({eight, {60, 0, 1, 4, 0, 0, 0, 0}});
  }
  nine = join({eight, {60, 0, 1, 4, 0, 0, 0, 0}, to_udp});
  eight = join({eight, to_udp});
  send6({chain(60, eight)});
  EXPECT_EQ(r.port2.take().size(), 1u);
  send6({chain(60, nine)});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-extension-chain-too-long", 1}}));
  r.reset();
  send6({ip6({.next_header = 60, .payload = {17, 5, 1, 4, 0, 0, 0, 0}}),
         ip6({.next_header = 60, .payload = {17, 0, 1}}), ip6({.next_header = 44, .payload = {17, 0, 0, 0}})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-extension-truncated", 3}}));
  r.reset();
  send6({ip6({.next_header = 44, .payload = join({{17, 0, 0, 1, 0, 0, 0, 9}, Bytes(15, 1)})}),
         ip6({.next_header = 44, .payload = {17, 0, 0, 8, 0, 0, 0, 9}}),
         ip6({.next_header = 44, .payload = join({{17, 0, 0xff, 0xf8, 0, 0, 0, 9}, Bytes(16, 1)})})});
  EXPECT_EQ(r.drops(), (Drops{{"ip6-fragment-malformed", 3}}));
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip6Nodes, CutAtEveryByteIsNeverForwarded) {
  const Bytes packet =
      ip6({.next_header = 0,
           .payload = with_option({1, 4, 0, 0, 0, 0}, 60, join({{17, 0, 1, 4, 0, 0, 0, 0}, Bytes(8, 1)}))});
  for (size_t length = 0; length < packet.size(); length++) {
    send6({Bytes(packet.begin(), packet.begin() + static_cast<long>(length))});
  }
  EXPECT_EQ(r.drops(), (Drops{{"ip6-too-short", 40}, {"ip6-truncated", packet.size() - 40}}));
  // And with a payload length that tells the truth about the cut:
  r.reset();
  for (size_t length = 41; length < 56; length++) {
    Bytes cut(packet.begin(), packet.begin() + static_cast<long>(length));
    cut[5] = static_cast<uint8_t>(length - 40);
    send6({cut});
  }
  EXPECT_EQ(r.drops(), (Drops{{"ip6-extension-truncated", 15}}));
  EXPECT_TRUE(r.port2.take().empty());
}

TEST_F(Ip6Nodes, WrongVersions) {
  for (uint8_t version = 0; version < 16; version++) {
    Bytes packet = ip6({});
    packet[0] = static_cast<uint8_t>(version << 4);
    send6({packet});
  }
  EXPECT_EQ(r.drops(), (Drops{{"ip6-version", 15}}));
  EXPECT_EQ(r.port2.take().size(), 1u);
}

TEST_F(Ip6Nodes, FromTheKernel) {
  const auto from_kernel = [&](const Bytes& packet) { r.run(r.kernel, {ethernet(Mac{}, ethertype::ip6, packet)}); };
  from_kernel(ip6({.source = "2001:db8:ff::1", .hop_limit = 1}));
  const auto out = r.port2.take();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].frame[21], 1);
  from_kernel(ip6({.source = "2001:db8:ff::1", .destination = "2001:db8:1::1"}));
  from_kernel(ip6({.source = "2001:db8:ff::1", .destination = "ff02::5"}));
  from_kernel(ip6({.source = "2001:db8:ff::1", .destination = "fe80::5"}));
  from_kernel(Bytes(20, 0x60));
  EXPECT_EQ(
      r.drops(),
      (Drops{{"local-from-kernel", 1}, {"multicast-from-kernel", 1}, {"ip6-link-local", 1}, {"ip6-too-short", 1}}));
  r.reset();
  from_kernel(ip6({.source = "2001:db8:ff::1", .destination = "2001:db9::1"}));
  ASSERT_EQ(r.punted.kept.size(), 1u);
  EXPECT_EQ(r.punted.kept[0].meta.rx_if, r.floof0);
  EXPECT_EQ(r.punted.kept[0].bytes[54], 1);
}

}  // namespace
}  // namespace floof::ip::test
