// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where packets go when the best next hop is lost, before BIRD has said a word. All of it without `settle`: at once.
#include <fmt/format.h>

#include <map>

#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

class RibBackupTest : public RibTest {
 protected:
  const BgpPath a = direct("192.0.2.1", 1, 1), b = worse(direct("192.0.2.2", 2, 2), 1);

  static BgpPath worse(BgpPath path, uint32_t by) {
    path.as_path_length += by;
    return path;
  }
  static Prefix route(uint32_t i) { return Prefix(IpAddress(Ip4(0x14000000u + (i << 8))), 24); }
  void tell(const Prefix& p, const std::vector<BgpPath>& paths) {
    rib.set_best(p, paths.front());
    for (uint32_t id = 0; id < paths.size(); id++) {
      rib.set_path(p, id + 1, paths[id]);
    }
  }
  void link(uint16_t id, bool up) {
    up ? void(down.erase(id)) : void(down.insert(id));
    rib.link_changed(IfId(id));
  }
  void neighbor(uint16_t interface, std::string_view gateway, bool answers) {
    if (answers) {
      tables.set_neighbor(IfId(interface), address(gateway), *parse_mac("02:00:00:00:00:01"));
    } else {
      tables.clear_neighbor(IfId(interface), address(gateway));
    }
    rib.neighbor_changed(IfId(interface), address(gateway));
  }
};

TEST_F(RibBackupTest, ALostLinkMovesAllToTheNextBest) {
  for (uint32_t i = 0; i < 1000; i++) {
    tell(route(i), i % 2 ? std::vector{a, b} : std::vector{a, worse(direct("192.0.2.3", 3, 3), 1)});
  }
  tell(prefix("2001:db8::/32"), {direct("fe80::1", 1, 1), worse(direct("fe80::2", 2, 2), 1)});
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  const uint64_t before = rib.group_updates();
  link(1, false);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  EXPECT_EQ(fib("20.0.2.1"), to(3, "192.0.2.3"));
  EXPECT_EQ(fib("2001:db8::1"), to(2, "fe80::2"));
  EXPECT_EQ(rib.group_updates() - before, 3u) << "one for each pair of best and backup";
  settle(10'000ms);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  // BIRD says the same later, which changes nothing.
  rib.set_best(route(1), b);
  rib.remove_path(route(1), 1);
  forever();
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  link(1, true);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  EXPECT_EQ(fib("20.0.2.1"), to(1, "192.0.2.1")) << "BIRD did not say otherwise";
}

TEST_F(RibBackupTest, TheOrderIsBirds) {
  const Prefix p = route(1);
  const auto rank = [&](auto change) {
    BgpPath first = direct("192.0.2.8", 8, 8), second = direct("192.0.2.7", 7, 7);
    change(first, second);
    tell(p, {a, second, first});
    settle();
    EXPECT_EQ(rib.find(p)->backups, std::vector{first.next_hop});
  };
  rank([](BgpPath& first, BgpPath& second) { first.preference = second.preference + 1, first.local_pref = 1; });
  rank([](BgpPath& first, BgpPath& second) { first.local_pref = second.local_pref + 1, first.as_path_length = 9; });
  rank([](BgpPath& first, BgpPath& second) { second.as_path_length++, first.origin = 2; });
  rank([](BgpPath& first, BgpPath& second) { second.origin = 1, first.internal = true; });
  rank([](BgpPath&, BgpPath& second) { second.internal = true; });
  rank([](BgpPath& first, BgpPath& second) { first.first_as = second.first_as, second.med = 5; });
  rank([](BgpPath&, BgpPath& second) { second.kind = PathKind::blackhole; });
}

TEST_F(RibBackupTest, ADeadNeighborCountsAsLostWhileThereIsABetterOne) {
  tell(route(1), {a, b});
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1")) << "nobody has answered yet";
  neighbor(2, "192.0.2.2", true);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2")) << "who answers goes first";
  neighbor(1, "192.0.2.1", true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  neighbor(1, "192.0.2.1", false);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  neighbor(2, "192.0.2.2", false);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1")) << "none is better";
  neighbor(1, "192.0.2.9", true);
  neighbor(1, "192.0.2.1", true);
  const uint64_t before = rib.group_updates();
  neighbor(1, "192.0.2.1", true);
  neighbor(2, "192.0.2.2", true);
  EXPECT_EQ(rib.group_updates(), before) << "a refresh is nothing";
}

TEST_F(RibBackupTest, WhatBfdSaysCountsForNeighborsAndGateways) {
  connected("192.0.2.0/24", 1);
  rib.set(Source::feed_table, prefix("10.255.0.1/32"), via("192.0.2.1", 1, 10));
  tell(route(1), {a, b});
  tell(route(2), {recursive("10.255.0.1", 1), worse(b, 1)});
  neighbor(1, "192.0.2.1", true);
  neighbor(2, "192.0.2.2", true);
  settle();
  EXPECT_EQ(fib("20.0.2.1"), to(1, "192.0.2.1"));
  rib.set_lost(address("10.255.0.1"), true);
  EXPECT_EQ(fib("20.0.2.1"), to(2, "192.0.2.2"));
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  rib.set_lost(address("10.255.0.1"), false);
  EXPECT_EQ(fib("20.0.2.1"), to(1, "192.0.2.1"));
  rib.set_lost(address("192.0.2.1"), true);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  EXPECT_EQ(fib("20.0.2.1"), to(2, "192.0.2.2")) << "the IGP's neighbour";
  rib.set_lost(address("192.0.2.2"), true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1")) << "none is better";
  rib.set_lost(address("192.0.2.1"), false);
  rib.set_lost(address("192.0.2.2"), false);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
}

TEST_F(RibBackupTest, ALinkThatReturnsIsUsedWhenItsGatewayIsFoundAgain) {
  tell(route(1), {a, b});
  neighbor(1, "192.0.2.1", true);
  neighbor(2, "192.0.2.2", true);
  settle();
  link(1, false);
  neighbor(1, "192.0.2.1", false);  // Linux forgets the neighbours of a link without carrier
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  link(1, true);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  neighbor(1, "192.0.2.1", true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
}

TEST_F(RibBackupTest, AMemberThatLeavesAndABackupBehindAllMembers) {
  rib.configure({.multipath = 4});
  const BgpPath a2 = direct("192.0.2.9", 3, 3);
  tell(route(1), {a, a2, b});
  for (const auto& [interface, gateway] : std::map<uint16_t, const char*>{{1, "192.0.2.1"}, {3, "192.0.2.9"}}) {
    neighbor(interface, gateway, true);
  }
  settle();
  EXPECT_EQ(fib("20.0.1.1").paths.size(), 2u);
  neighbor(3, "192.0.2.9", false);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  neighbor(3, "192.0.2.9", true);
  EXPECT_EQ(fib("20.0.1.1").paths.size(), 2u);
  link(1, false);
  EXPECT_EQ(fib("20.0.1.1"), to(3, "192.0.2.9"));
  link(3, false);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "192.0.2.2"));
  link(2, false);
  EXPECT_EQ(fib("20.0.1.1").kind, PathKind::drop);
}

TEST_F(RibBackupTest, ASecondBackupGoesOverAnotherLink) {
  const BgpPath beside = worse(direct("192.0.2.5", 1, 5), 1), far = worse(direct("198.51.100.1", 2, 6), 5);
  tell(route(1), {a, beside, far});
  settle();
  EXPECT_EQ(rib.find(route(1))->backups, (std::vector{beside.next_hop, far.next_hop}));
  neighbor(1, "192.0.2.5", true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.5"));
  link(1, false);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "198.51.100.1"));
}

TEST_F(RibBackupTest, RecursiveNextHopsFollowTheIgp) {
  connected("192.0.2.0/24", 1);
  connected("198.51.100.0/24", 2);
  rib.set(Source::feed_table, prefix("10.255.0.1/32"), via("192.0.2.1", 1, 10));
  rib.set(Source::feed_table, prefix("10.255.0.2/32"), via("198.51.100.1", 2, 20));
  rib.set(Source::feed_table, prefix("10.0.0.0/8"), {.kind = PathKind::blackhole});
  for (uint32_t i = 0; i < 1000; i++) {
    tell(route(i), {recursive("10.255.0.1", 1), worse(recursive("10.255.0.2", 2), 1)});
  }
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  uint64_t before = rib.group_updates();
  link(1, false);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "198.51.100.1"));
  EXPECT_LE(rib.group_updates() - before, 3u);
  link(1, true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  neighbor(2, "198.51.100.1", true);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "198.51.100.1")) << "of the IGP's neighbours one answers";
  neighbor(1, "192.0.2.1", true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  // The IGP loses the way: what covers it is an aggregate that swallows packets, which is no way for BIRD either.
  before = rib.group_updates();
  rib.remove(Source::feed_table, prefix("10.255.0.1/32"));
  settle();
  settle(60ms);
  EXPECT_EQ(fib("20.0.1.1"), to(2, "198.51.100.1"));
  EXPECT_LE(rib.group_updates() - before, 2u);
  rib.remove(Source::feed_table, prefix("10.255.0.2/32"));
  settle();
  settle(60ms);
  EXPECT_EQ(fib("20.0.1.1").kind, PathKind::blackhole);
}

TEST_F(RibBackupTest, GatewaysBehindARouteMoveWithItsBackup) {
  tell(prefix("10.255.0.0/16"), {a, worse(recursive("10.9.9.9", 3), 1), worse(b, 2)});
  rib.set(Source::feed_table, prefix("10.9.9.9/32"), via("192.0.2.3", 3, 1));
  rib.set_best(route(1), recursive("10.255.0.1", 4));
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  link(1, false);
  EXPECT_EQ(fib("10.255.0.1"), to(3, "192.0.2.3"));
  EXPECT_EQ(fib("20.0.1.1").kind, PathKind::drop) << "not through a route that is itself resolved";
  link(1, true);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
}

TEST_F(RibBackupTest, AStaticRouteFallsBackToBgp) {
  rib.set(Source::feed_table, route(1), via("192.0.2.5", 5));
  rib.set_path(route(1), 1, b);
  rib.set_path(route(1), 2, a);
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(5, "192.0.2.5"));
  link(5, false);
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
}

TEST_F(RibBackupTest, NeighborsOfBackupsAreWatchedWhileTheirLinksAreUp) {
  std::map<std::pair<uint16_t, IpAddress>, int> in_use;
  rib.watch_next_hops([&](IfId i, const IpAddress& of, bool added) { in_use[{i.value(), of}] += added ? 1 : -1; });
  const std::pair key(uint16_t{2}, address("192.0.2.2"));
  tell(route(1), {a, b});
  tell(route(2), {a, b});
  settle();
  EXPECT_EQ(in_use[key], 1);
  link(2, false);
  EXPECT_EQ(in_use[key], 0);
  link(2, true);
  EXPECT_EQ(in_use[key], 1);
  link(1, false);
  EXPECT_EQ(in_use[key], 1);
  for (const uint32_t i : {1u, 2u}) {
    rib.remove_best(route(i));
    rib.remove_path(route(i), 1);
    rib.remove_path(route(i), 2);
  }
  forever();
  for (const auto& [neighbor, count] : in_use) {
    EXPECT_EQ(count, 0) << to_string(neighbor.second);
  }
}

TEST_F(RibBackupTest, WithVeryManyPairsFurtherOnesHaveNone) {
  const auto gateway = [](uint32_t i) { return fmt::format("10.1.{}.{}", i >> 8, i & 255); };
  constexpr uint32_t kPairs = 16'500;
  for (uint32_t i = 0; i < kPairs; i++) {
    tell(route(i), {direct(gateway(i), 1, 1), b});
  }
  settle();
  link(1, false);
  size_t moved = 0;
  for (uint32_t i = 0; i < kPairs; i++) {
    moved += fib(to_string(route(i).address())).kind == PathKind::forward ? 1 : 0;
  }
  EXPECT_GT(moved, 16'000u);
  EXPECT_LT(moved, kPairs);
}

}  // namespace
}  // namespace floof::route
