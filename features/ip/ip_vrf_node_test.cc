// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets in another VRF: the same destinations lead elsewhere, by the fast way and by the general nodes.
#include "features/ip/fixture_node_test.h"
#include "features/ip/ip_node.h"

namespace floof::ip::test {
namespace {

constexpr VrfId kBlue(7);

class VrfNodeTest : public NodeTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    r.bind(GetParam());
    blue = *r.tables->add_vrf(kBlue);
    group4 = blue->create_group({PathKind::forward, {{r.e3, *parse_ip("203.0.113.2")}}, {}});
    group6 = blue->create_group({PathKind::forward, {{r.e3, *parse_ip("fe80::2")}}, {}});
    blue->set_route(*parse_prefix("10.2.0.0/16"), group4);  // the default VRF's lead to e2
    blue->set_route(*parse_prefix("2001:db8:20::/48"), group6);
  }
  void TearDown() override {
    r.engine->interfaces().set_vrf(r.e1, kDefaultVrf);
    r.tables->remove_vrf(kBlue);
    for (const GroupId group : {group4, group6}) {
      r.tables->destroy_group(group);
    }
    r.bind("ip-fast");
    NodeTest::TearDown();
  }
  /// How many came out of e2 and e3.
  std::pair<size_t, size_t> out() { return {r.port2.take().size(), r.port3.take().size()}; }
  using Out = std::pair<size_t, size_t>;

  ForwardingSink* blue = nullptr;
  GroupId group4, group6;
};
INSTANTIATE_TEST_SUITE_P(Ways, VrfNodeTest, testing::Values("ip-fast", "ethernet-input"));

TEST_P(VrfNodeTest, TheInterfacesVrfDecides) {
  send4({ip4({}), ip4({})});
  send6({ip6({})});
  EXPECT_EQ(out(), Out(3, 0));
  r.engine->interfaces().set_vrf(r.e1, kBlue);
  send4({ip4({}), ip4({})});
  send6({ip6({})});
  EXPECT_EQ(out(), Out(0, 3));
  // What comes in by another interface is not concerned.
  r.run(r.port2, {ethernet(r.mac(r.e2), ethertype::ip4, ip4({.source = "198.51.100.2", .destination = "10.3.0.1"}))});
  EXPECT_EQ(out(), Out(0, 1));
  EXPECT_TRUE(r.drops().empty());
  r.engine->interfaces().set_vrf(r.e1, kDefaultVrf);
  send4({ip4({})});
  EXPECT_EQ(out(), Out(1, 0));
}

TEST_P(VrfNodeTest, NoRouteOfAnotherVrfIsUsed) {
  r.engine->interfaces().set_vrf(r.e1, kBlue);
  send4({ip4({.destination = "10.3.0.1"})});   // the default VRF has it
  send4({ip4({.destination = "192.0.2.1"})});  // and knows this address as its own
  EXPECT_EQ(out(), Out(0, 0));
  EXPECT_TRUE(r.punted.kept.empty());
  EXPECT_EQ(r.drops(), (Drops{{"ip4-no-route", 4}})) << "the errors about them find no way back";
}

TEST_P(VrfNodeTest, AnErrorGoesBackWithinTheVrf) {
  r.engine->interfaces().set_vrf(r.e1, kBlue);
  send4({ip4({.ttl = 1})});
  EXPECT_TRUE(r.port1.take().empty()) << "this VRF has no way back to 192.0.2.2";
  const GroupId back = blue->create_group({PathKind::connected, {}, r.e1});
  blue->set_route(*parse_prefix("192.0.2.0/24"), back);
  send4({ip4({.ttl = 1})});
  EXPECT_EQ(r.port1.take().size(), 1u);
  blue->remove_route(*parse_prefix("192.0.2.0/24"));
  blue->destroy_group(back);
}

TEST_P(VrfNodeTest, WhatIsLeftOfAVrfThatGoesFindsNoRoute) {
  r.engine->interfaces().set_vrf(r.e1, kBlue);
  r.tables->remove_vrf(kBlue);
  send4({ip4({})});
  EXPECT_EQ(out(), Out(0, 0));
  EXPECT_EQ(r.drops(), (Drops{{"ip4-no-route", 2}})) << "the packet, and the error about it";
  r.engine->qsbr().drain();
  send6({ip6({})});
  EXPECT_EQ(out(), Out(0, 0));
  EXPECT_EQ(r.drops(), (Drops{{"ip4-no-route", 2}, {"ip6-no-route", 2}}));
}

TEST_P(VrfNodeTest, AVectorOfManyInterfacesAndVrfsIsLookedUpEachInItsOwn) {
  r.engine->interfaces().set_vrf(r.e1, kBlue);
  r.engine->interfaces().set_vrf(r.e3, VrfId(8));  // there is none
  std::mt19937 rng(1);
  for (const size_t count : {size_t{1}, size_t{2}, size_t{37}, size_t{256}}) {
    std::vector<rte_mbuf*> packets(count);
    std::vector<Ip4> to4(count);
    std::vector<Ip6> to6(count);
    std::vector<GroupId> found4(count), found6(count);
    ASSERT_EQ(rte_pktmbuf_alloc_bulk(r.engine->pools().packets, packets.data(), static_cast<unsigned>(count)), 0);
    const IfId rx[] = {r.e1, r.e2, r.e3, r.floof0};
    for (size_t i = 0; i < count; i++) {
      meta(packets[i]).rx_if = i > 0 && rng() % 2 ? meta(packets[i - 1]).rx_if : rx[rng() % 4];
      to4[i] = Ip4(0x0a020000 | (rng() % 3 << 16) | (rng() & 0xffff));
      to6[i] = Ip6::from_halves(0x20010db800200000 + (rng() % 2 << 20), rng());
    }
    look_up(*r.ip, packets.data(), to4.data(), found4.data(), count);
    look_up(*r.ip, packets.data(), to6.data(), found6.data(), count);
    for (size_t i = 0; i < count; i++) {
      const IfId in = meta(packets[i]).rx_if;
      const VrfId vrf = in == r.e1 ? kBlue : in == r.e3 ? VrfId(8) : kDefaultVrf;
      EXPECT_EQ(found4[i], r.tables->lookup(to4[i], vrf)) << i;
      EXPECT_EQ(found6[i], r.tables->lookup(to6[i], vrf)) << i;
    }
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(count));
  }
  r.engine->interfaces().set_vrf(r.e3, kDefaultVrf);
}

}  // namespace
}  // namespace floof::ip::test
