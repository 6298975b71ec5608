// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib/rib.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

TEST_F(RibTest, TheSmallestSourceWins) {
  const Prefix p = prefix("10.0.0.0/24");
  rib.set(Source::kernel, p, via("192.0.2.5", 5));
  settle();
  EXPECT_EQ(fib("10.0.0.1"), to(5, "192.0.2.5"));
  rib.set_best(p, direct("192.0.2.4", 4, 1));
  settle();
  EXPECT_EQ(fib("10.0.0.1"), to(4, "192.0.2.4"));
  rib.set(Source::feed_table, p, via("192.0.2.3", 3));
  settle();
  EXPECT_EQ(fib("10.0.0.1"), to(3, "192.0.2.3"));
  connected("10.0.0.0/24", 2);
  settle();
  EXPECT_EQ(fib("10.0.0.1"), (PathSet{.kind = PathKind::connected, .interface = IfId(2)}));
  EXPECT_EQ(rib.find(p)->candidates.size(), 4u);
  EXPECT_TRUE(rib.find(p)->candidates[0].chosen);
  // A connected subnet without link leaves its place.
  down.insert(2);
  rib.link_changed(IfId(2));
  settle();
  EXPECT_EQ(fib("10.0.0.1"), to(3, "192.0.2.3"));
  down.clear();
  rib.link_changed(IfId(2));
  settle();
  EXPECT_EQ(fib("10.0.0.1").kind, PathKind::connected);
  for (const Source s : {Source::connected, Source::feed_table, Source::kernel}) {
    rib.remove(s, p);
  }
  rib.remove_best(p);
  forever();
  EXPECT_EQ(fib("10.0.0.1").kind, PathKind::drop);
  EXPECT_EQ(rib.size(Family::ip4), 0u);
}

TEST_F(RibTest, SpecialKindsAndOnLinkRoutes) {
  rib.set(Source::feed_table, prefix("10.0.0.0/8"), {.kind = PathKind::blackhole});
  rib.set(Source::feed_table, prefix("10.1.0.0/16"), {.kind = PathKind::unreachable});
  rib.set(Source::feed_table, prefix("10.2.0.0/16"), {.kind = PathKind::prohibit});
  rib.set(Source::feed_table, prefix("10.3.0.0/16"), {.next_hops = {{.interface = IfId(3)}}});
  rib.set(Source::feed_table, prefix("10.4.0.0/16"), {});
  rib.set_best(prefix("10.5.0.0/16"), {.kind = PathKind::blackhole, .next_hop = {std::nullopt, address("192.0.2.1")}});
  rib.set(Source::local, prefix("10.6.0.1/32"), {.kind = PathKind::local, .next_hops = {{.interface = IfId(3)}}});
  settle();
  EXPECT_EQ(fib("10.9.0.1").kind, PathKind::blackhole);
  EXPECT_EQ(fib("10.1.0.1").kind, PathKind::unreachable);
  EXPECT_EQ(fib("10.2.0.1").kind, PathKind::prohibit);
  EXPECT_EQ(fib("10.3.0.1"), (PathSet{.kind = PathKind::connected, .interface = IfId(3)}));
  EXPECT_EQ(fib("10.4.0.1").kind, PathKind::drop);
  EXPECT_EQ(fib("10.5.0.1").kind, PathKind::blackhole);
  EXPECT_EQ(fib("10.6.0.1"), (PathSet{.kind = PathKind::local, .interface = IfId(3)}));
}

TEST_F(RibTest, GatewaysAreResolvedButNotThroughResolvedRoutes) {
  connected("192.0.2.0/24", 1);
  rib.set_best(prefix("203.0.113.0/24"), recursive("10.255.0.2", 1));
  settle();
  EXPECT_EQ(fib("203.0.113.1").kind, PathKind::drop) << "nothing leads to the gateway";
  rib.set(Source::feed_table, prefix("10.255.0.2/32"), via("192.0.2.2", 1, 7));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.2"));
  // On the connected subnet the gateway itself is the next hop.
  rib.set_best(prefix("203.0.114.0/24"), recursive("192.0.2.77", 1));
  settle();
  EXPECT_EQ(fib("203.0.114.1"), to(1, "192.0.2.77"));
  // The longest match counts, also when it is of no use: BIRD's rule.
  rib.set_best(prefix("203.0.115.0/24"), recursive("203.0.113.9", 1));
  settle();
  EXPECT_EQ(fib("203.0.115.1").kind, PathKind::drop);
  // A direct BGP route may carry others.
  rib.set_best(prefix("203.0.113.0/24"), direct("192.0.2.3", 1, 2));
  settle();
  EXPECT_EQ(fib("203.0.115.1"), to(1, "192.0.2.3"));
  // Link-local gateways mean nothing without a link.
  rib.set_best(prefix("2001:db8::/32"), recursive("fe80::1", 1));
  rib.set(Source::connected, prefix("fe80::/64"), {.kind = PathKind::connected, .next_hops = {{IfId(1)}}});
  settle();
  EXPECT_EQ(fib("2001:db8::1").kind, PathKind::drop);
  // RFC 8950.
  rib.set_best(prefix("203.0.116.0/24"), direct("fe80::1", 1, 2));
  settle();
  EXPECT_EQ(fib("203.0.116.1"), to(1, "fe80::1"));
  // An own address and a blackhole on the way.
  rib.set(Source::local, prefix("192.0.2.77/32"), {.kind = PathKind::local, .next_hops = {{IfId(1)}}});
  settle();
  EXPECT_EQ(fib("203.0.114.1").kind, PathKind::drop);
  rib.remove(Source::local, prefix("192.0.2.77/32"));
  rib.set(Source::feed_table, prefix("192.0.2.77/32"), {.kind = PathKind::blackhole});
  forever();
  EXPECT_EQ(fib("203.0.114.1").kind, PathKind::blackhole);
}

TEST_F(RibTest, MultipathFollowsTheMergeRule) {
  rib.configure({.multipath = 3});
  const Prefix p = prefix("203.0.113.0/24");
  const BgpPath a = direct("192.0.2.1", 1, 1), b = direct("192.0.2.2", 2, 2);
  BgpPath longer = direct("192.0.2.3", 3, 3), other_med = direct("192.0.2.4", 4, 1);
  longer.as_path_length = 3;
  other_med.med = 10;
  rib.set_best(p, a);
  uint32_t id = 0;
  for (const BgpPath& path : {a, b, longer, other_med}) {
    rib.set_path(p, ++id, path);
  }
  settle();
  EXPECT_EQ(fib("203.0.113.1").paths,
            (std::vector<Path>{{IfId(1), address("192.0.2.1")}, {IfId(2), address("192.0.2.2")}}));
  rib.set_path(p, 5, direct("192.0.2.5", 5, 5));
  rib.set_path(p, 6, direct("192.0.2.6", 6, 6));
  settle();
  EXPECT_EQ(fib("203.0.113.1").paths.size(), 3u) << "the limit";
  ASSERT_EQ(rib.find(p)->candidates.size(), 1u);
  EXPECT_EQ(rib.find(p)->candidates[0].paths.size(), 3u);
  EXPECT_EQ(rib.find(p)->candidates[0].paths[0], a);
  rib.configure({.multipath = 1});
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.1"));
}

TEST_F(RibTest, MergeRuleIsBirds) {
  const BgpPath best{.local_pref = 100, .as_path_length = 2, .first_as = 1, .origin = 0, .med = 5};
  EXPECT_TRUE(mergeable(best, best));
  const auto differs = [&](auto change) {
    BgpPath other = best;
    change(other);
    return mergeable(best, other);
  };
  EXPECT_FALSE(differs([](BgpPath& p) { p.local_pref = 99; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.as_path_length = 3; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.origin = 2; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.med = 6; }));
  EXPECT_TRUE(differs([](BgpPath& p) { p.med = 6, p.first_as = 2; })) << "another neighbour's MED says nothing";
  EXPECT_FALSE(differs([](BgpPath& p) { p.internal = true; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.igp_metric = 1; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.preference = 1; }));
  EXPECT_FALSE(differs([](BgpPath& p) { p.kind = PathKind::unreachable; }));
  EXPECT_TRUE(differs([](BgpPath& p) { p.peer = 9, p.next_hop.gateway = IpAddress(Ip4(1)); }));
}

TEST_F(RibTest, MultipathMembersMustBeEquallyFar) {
  rib.configure({.multipath = 8});
  connected("192.0.2.0/24", 1);
  connected("198.51.100.0/24", 2);
  rib.set(Source::feed_table, prefix("10.255.0.1/32"), via("192.0.2.1", 1, 10));
  rib.set(Source::feed_table, prefix("10.255.0.2/32"), via("198.51.100.1", 2, 20));
  const Prefix p = prefix("203.0.113.0/24");
  rib.set_best(p, recursive("10.255.0.1", 1));
  rib.set_path(p, 1, recursive("10.255.0.1", 1));
  rib.set_path(p, 2, recursive("10.255.0.2", 2));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.1"));
  rib.set(Source::feed_table, prefix("10.255.0.2/32"), via("198.51.100.1", 2, 10));
  settle();
  EXPECT_EQ(fib("203.0.113.1").paths.size(), 2u);
  down.insert(1);
  rib.link_changed(IfId(1));
  EXPECT_EQ(fib("203.0.113.1"), to(2, "198.51.100.1")) << "at once, without settle";
}

// -- Two roads out of step --------------------------------------------------------------------------------------

TEST_F(RibTest, FeedTableWithdrawnBeforeBestArrives) {
  const Prefix p = prefix("203.0.113.0/24");
  rib.set(Source::feed_table, p, via("192.0.2.1", 1));
  rib.set_path(p, 1, direct("192.0.2.2", 2, 1));
  settle();
  rib.remove(Source::feed_table, p);
  settle(10'000ms);
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.1"));
  EXPECT_TRUE(rib.find(p)->held);
  rib.set_best(p, direct("192.0.2.2", 2, 1));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  EXPECT_FALSE(rib.find(p)->held);
}

TEST_F(RibTest, BestWithdrawnBeforeFeedTableArrives) {
  const Prefix p = prefix("203.0.113.0/24");
  const BgpPath path = direct("192.0.2.2", 2, 1);
  rib.set_best(p, path);
  rib.set_path(p, 1, path);
  settle();
  rib.remove_best(p);
  settle(29'000ms);
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  rib.set(Source::feed_table, p, via("192.0.2.1", 1));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.1"));
  // The other outcome: the path goes from feed-all too, and the prefix after the short delay.
  rib.remove(Source::feed_table, p);
  rib.set_best(p, path);
  settle();
  rib.remove_best(p);
  settle();
  rib.remove_path(p, 1);
  settle(10ms);
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  settle(60ms);
  EXPECT_EQ(fib("203.0.113.1").kind, PathKind::drop);
  EXPECT_EQ(rib.size(Family::ip4), 0u);
}

TEST_F(RibTest, AHoldEndsAtItsLimitOrWithItsLink) {
  const Prefix p = prefix("203.0.113.0/24"), q = prefix("203.0.114.0/24");
  const BgpPath path = direct("192.0.2.2", 2, 1);
  for (const Prefix& each : {p, q}) {
    rib.set_best(each, path);
    rib.set_path(each, 1, path);
  }
  settle();
  rib.remove_best(p);
  settle();
  rib.set_path(p, 2, direct("192.0.2.3", 3, 2));  // does not make it longer
  settle(29'900ms);
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  rib.remove_best(q);
  settle(200ms);
  EXPECT_EQ(fib("203.0.113.1").kind, PathKind::drop);
  EXPECT_EQ(fib("203.0.114.1"), to(2, "192.0.2.2"));
  down.insert(2);
  rib.link_changed(IfId(2));
  settle();
  settle(60ms);
  EXPECT_FALSE(tables.longest_match(address("203.0.114.1")));
}

TEST_F(RibTest, BestThatFeedAllDoesNotKnowWaitsWhileTheOldOneIsValid) {
  const Prefix p = prefix("203.0.113.0/24");
  const BgpPath old = direct("192.0.2.2", 2, 1), young = direct("192.0.2.3", 3, 2);
  rib.set_best(p, old);
  rib.set_path(p, 1, old);
  settle();
  rib.set_best(p, young);
  settle(1000ms);
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  rib.set_path(p, 2, young);
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(3, "192.0.2.3"));
  // The old one is not valid any more: no waiting.
  rib.set_best(p, direct("192.0.2.4", 4, 3));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(3, "192.0.2.3"));
  rib.remove_path(p, 2);
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(4, "192.0.2.4"));
  // A feed that is being refilled proves nothing.
  rib.set_path(p, 3, direct("192.0.2.4", 4, 3));
  settle();
  rib.mark_paths(Family::ip4);
  rib.set_best(p, young);
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(3, "192.0.2.3"));
  // At the limit the newer word counts.
  rib.set_path(p, 3, young);
  settle();
  rib.set_best(p, old);
  settle(31'000ms);
  settle(31'000ms);
  EXPECT_EQ(rib.find(p)->held, false);
}

TEST_F(RibTest, DeleteAndAddIsNoGap) {
  const Prefix p = prefix("203.0.113.0/24");
  rib.set(Source::feed_table, p, via("192.0.2.1", 1));
  settle();
  rib.remove(Source::feed_table, p);
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(1, "192.0.2.1"));
  rib.set(Source::feed_table, p, via("192.0.2.2", 2));
  settle();
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  settle(1000ms);
  EXPECT_EQ(fib("203.0.113.1"), to(2, "192.0.2.2"));
  rib.remove(Source::feed_table, p);
  settle();
  ASSERT_TRUE(rib.next_deadline());
  settle(51ms);
  EXPECT_FALSE(tables.longest_match(address("203.0.113.1")));
  // Addresses of ours go at once.
  rib.set(Source::local, prefix("192.0.2.9/32"), {.kind = PathKind::local, .next_hops = {{IfId(1)}}});
  settle();
  rib.remove(Source::local, prefix("192.0.2.9/32"));
  settle();
  EXPECT_FALSE(tables.longest_match(address("192.0.2.9")));
}

/// A prefix moves between static, OSPF and BGP; each road keeps its order, but they are interleaved at random.
TEST_F(RibTest, APrefixThatMovesIsNeverWithoutARoute) {
  std::mt19937 random(7);
  const Prefix p = prefix("203.0.113.0/24");
  const std::array<BgpPath, 2> bgp{direct("192.0.2.1", 1, 1), direct("192.0.2.2", 2, 2)};
  const std::array<RouteInfo, 2> igp{via("192.0.2.3", 3), via("192.0.2.4", 4)};
  using Road = std::vector<std::function<void()>>;
  for (const BgpPath& path : bgp) {
    rib.set_path(p, path.peer, path);
  }
  int state = 0;  // 0, 1: BGP; 2, 3: feed table
  rib.set_best(p, bgp[0]);
  settle();
  for (int move = 0; move < 3000; move++) {
    const int next = static_cast<int>(random() % 4);
    std::array<Road, 2> roads;  // netlink, feed-best
    if (state >= 2 && (next < 2 || random() % 2)) {
      roads[0].push_back([&] { rib.remove(Source::feed_table, p); });
    }
    if (next >= 2) {
      roads[0].push_back([&, next] { rib.set(Source::feed_table, p, igp[next - 2]); });
      if (state < 2) {
        roads[1].push_back([&] { rib.remove_best(p); });
      }
    } else {
      roads[1].push_back([&, next] { rib.set_best(p, bgp[next]); });
    }
    std::array<size_t, 2> at{};
    while (at[0] < roads[0].size() || at[1] < roads[1].size()) {
      const unsigned road = random() % 2;
      if (at[road] < roads[road].size()) {
        roads[road][at[road]++]();
        if (random() % 2) {
          settle(std::chrono::milliseconds(random() % 10));
        }
        ASSERT_EQ(fib("203.0.113.1").kind, PathKind::forward) << "move " << move;
      }
    }
    settle(100ms);
    state = next;
    ASSERT_EQ(fib("203.0.113.1"), to(static_cast<uint16_t>(state + 1), fmt::format("192.0.2.{}", state + 1)))
        << "move " << move;
  }
}

TEST_F(RibTest, MarkAndSweepPerSourceAndFamily) {
  for (int i = 0; i < 10; i++) {
    const Prefix p4(IpAddress(Ip4(0x0a000000u + (i << 8))), 24);
    const Prefix p6(IpAddress(Ip6::from_halves(0x20010db800000000u + i, 0)), 64);
    for (const Prefix& p : {p4, p6}) {
      rib.set(Source::feed_table, p, via("192.0.2.1", 1));
      rib.set_best(p, direct("192.0.2.2", 2, 1));
      rib.set_path(p, 1, direct("192.0.2.2", 2, 1));
    }
  }
  settle();
  rib.mark(Source::feed_table, Family::ip4);
  rib.mark(Source::feed_best, Family::ip6);
  rib.mark_paths(Family::ip6);
  EXPECT_TRUE(rib.find(prefix("10.0.3.0/24"))->candidates[0].stale);
  rib.set(Source::feed_table, prefix("10.0.3.0/24"), via("192.0.2.1", 1));
  rib.set_best(prefix("2001:db8:0:4::/64"), direct("192.0.2.2", 2, 1));
  rib.set_path(prefix("2001:db8:0:5::/64"), 1, direct("192.0.2.2", 2, 1));
  EXPECT_FALSE(rib.find(prefix("10.0.3.0/24"))->candidates[0].stale);
  EXPECT_EQ(rib.sweep(Source::feed_table, Family::ip4), 9u);
  EXPECT_EQ(rib.sweep(Source::feed_table, Family::ip6), 0u);
  EXPECT_EQ(rib.sweep(Source::feed_best, Family::ip6), 9u);
  EXPECT_EQ(rib.sweep(Source::feed_best, Family::ip4), 0u);
  EXPECT_EQ(rib.sweep_paths(Family::ip6), 9u);
  EXPECT_EQ(rib.sweep_paths(Family::ip4), 0u);
  forever();
  EXPECT_EQ(fib("10.0.3.1"), to(1, "192.0.2.1"));
  EXPECT_EQ(fib("10.0.4.1"), to(2, "192.0.2.2"));
  EXPECT_EQ(rib.count(Source::feed_table, Family::ip4), 1u);
  EXPECT_EQ(rib.count(Source::feed_best, Family::ip6), 1u);
}

TEST_F(RibTest, MarksWithoutSweepsKeepWhatIsStaleApart) {
  rib.set(Source::kernel, prefix("10.0.0.0/24"), via("192.0.2.1", 1));
  for (int i = 1; i <= 100; i++) {  // the numbers of rounds come round three times
    rib.mark(Source::feed_best, Family::ip4);
    rib.mark_paths(Family::ip4);
    rib.mark(Source::kernel, Family::ip4);
    const Prefix p(IpAddress(Ip4(0x14000000u + (i << 8))), 24);
    rib.set_best(p, direct("192.0.2.2", 2, 1));
    rib.set_path(p, 1, direct("192.0.2.2", 2, 1));
  }
  EXPECT_FALSE(rib.find(prefix("20.0.100.0/24"))->candidates[0].stale);
  for (const char* const lost : {"20.0.1.0/24", "20.0.37.0/24", "20.0.68.0/24", "20.0.99.0/24", "10.0.0.0/24"}) {
    EXPECT_TRUE(rib.find(prefix(lost))->candidates[0].stale) << lost;
  }
  EXPECT_EQ(rib.sweep(Source::feed_best, Family::ip4), 99u);
  EXPECT_EQ(rib.sweep_paths(Family::ip4), 99u);
  EXPECT_EQ(rib.sweep(Source::kernel, Family::ip4), 1u);
  forever();
  EXPECT_EQ(rib.size(Family::ip4), 1u);
}

TEST_F(RibTest, ASweepIsDoneInSlicesAndAMarkEndsIt) {
  constexpr uint32_t kRoutes = 20'000;
  const auto route = [](uint32_t i) { return Prefix(IpAddress(Ip4(0x14000000u + (i << 8))), 24); };
  const auto tell = [&](uint32_t first) {
    for (uint32_t i = first; i < kRoutes; i++) {
      rib.set_best(route(i), direct("192.0.2.2", 2, 1));
    }
  };
  tell(0);
  settle();
  rib.mark(Source::feed_best, Family::ip4);
  EXPECT_EQ(rib.sweep(Source::feed_best, Family::ip4), kRoutes);
  EXPECT_GT(rib.count(Source::feed_best, Family::ip4), kRoutes / 2) << "all at once";
  rib.set_best(route(kRoutes - 1), direct("192.0.2.2", 2, 1));
  rib.mark(Source::feed_best, Family::ip4);
  EXPECT_EQ(rib.count(Source::feed_best, Family::ip4), 1u);
  tell(kRoutes - 10);
  EXPECT_EQ(rib.sweep(Source::feed_best, Family::ip4), 0u);
  forever();
  EXPECT_EQ(rib.count(Source::feed_best, Family::ip4), 10u);
  EXPECT_EQ(tables.routes(Family::ip4), 10u);
}

TEST_F(RibTest, NextHopsInUseAreReported) {
  std::map<std::pair<uint16_t, IpAddress>, int> in_use;
  rib.watch_next_hops([&](IfId i, const IpAddress& a, bool added) { in_use[{i.value(), a}] += added ? 1 : -1; });
  rib.set(Source::feed_table, prefix("10.0.0.0/24"), via("192.0.2.1", 1));
  rib.set(Source::feed_table, prefix("10.0.1.0/24"), via("192.0.2.1", 1));
  settle();
  EXPECT_EQ((in_use[{1, address("192.0.2.1")}]), 1);
  int others = 0;
  rib.watch_next_hops({});  // nobody, while there are some
  rib.watch_next_hops([&](IfId, const IpAddress&, bool) { others++; });
  EXPECT_EQ(others, 1);
  rib.watch_next_hops([&](IfId i, const IpAddress& a, bool added) { in_use[{i.value(), a}] += added ? 1 : -1; });
  in_use[{1, address("192.0.2.1")}] = 1;
  rib.remove(Source::feed_table, prefix("10.0.0.0/24"));
  forever();
  EXPECT_EQ((in_use[{1, address("192.0.2.1")}]), 1);
  rib.remove(Source::feed_table, prefix("10.0.1.0/24"));
  forever();
  EXPECT_EQ((in_use[{1, address("192.0.2.1")}]), 0);
}

TEST_F(RibTest, TellsItsPrefixesInParts) {
  std::mt19937 random(3);
  for (int i = 0; i < 500; i++) {
    rib.set_best(Prefix(IpAddress(Ip4(random())), 8 + random() % 25), direct("192.0.2.2", 2, 1));
  }
  settle();
  std::set<Prefix> all;
  size_t told = 0, parts = 0;
  for (std::optional<uint32_t> at = 1; at; parts++) {
    at = rib.prefixes(Family::ip4, *at, 77, [&](const Prefix& one) { told++, all.insert(one); });
    if (parts == 3) {  // what stays is told, whatever else comes and goes
      rib.remove_best(*all.begin());
      rib.set_best(prefix("10.1.2.3/32"), direct("192.0.2.2", 2, 1));
      settle();
    }
  }
  EXPECT_GT(parts, 6u);
  EXPECT_GE(all.size(), rib.size(Family::ip4) - 1);
  const Prefix half = prefix("128.0.0.0/1");
  EXPECT_EQ(rib.count_within(half), static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](auto& p) {
              return half.contains(p) && rib.find(p);
            })));
}

TEST_F(RibTest, TellsWhatCoversAPrefixAndSinceWhen) {
  connected("192.0.2.0/24", 1);
  rib.set(Source::feed_table, prefix("10.0.0.0/8"), via("192.0.2.1", 1, 10));
  settle();
  EXPECT_EQ(rib.covering(prefix("10.1.0.0/16"))->prefix, prefix("10.0.0.0/8"));
  EXPECT_FALSE(rib.covering(prefix("10.0.0.0/8")));
  EXPECT_FALSE(rib.covering(prefix("0.0.0.0/0")));
  const auto since = rib.find(prefix("10.0.0.0/8"))->since;
  ASSERT_TRUE(since);
  forever();
  EXPECT_EQ(rib.find(prefix("10.0.0.0/8"))->since, since) << "nothing has changed";
  rib.set(Source::feed_table, prefix("10.0.0.0/8"), via("192.0.2.2", 1, 10));
  settle();
  EXPECT_GT(rib.find(prefix("10.0.0.0/8"))->since, since);
}

TEST_F(RibTest, ALinkFlapIsAFewWritesHoweverManyRoutes) {
  constexpr uint32_t kRoutes = 200'000;
  connected("192.0.2.0/24", 1);
  connected("198.51.100.0/24", 2);
  rib.set(Source::feed_table, prefix("10.255.0.1/32"), via("192.0.2.1", 1, 10));
  settle();
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < kRoutes; i++) {
    const Prefix p(IpAddress(Ip4(0x14000000u + (i << 8))), 24);
    const BgpPath path = recursive(i % 2 ? "10.255.0.1" : "192.0.2.77", i % 2);
    rib.set_best(p, path);
    rib.set_path(p, 1, path);
  }
  settle();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("routes_per_second", static_cast<int>(kRoutes / took.count()));
  fmt::print("{} routes in {:.2f} s\n", kRoutes, took.count());
  EXPECT_EQ(tables.routes(Family::ip4), kRoutes + 3);
  uint64_t before = rib.group_updates();
  down.insert(1);
  rib.link_changed(IfId(1));
  settle();
  EXPECT_EQ(fib("20.0.1.1").kind, PathKind::drop);
  down.clear();
  rib.link_changed(IfId(1));
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(1, "192.0.2.1"));
  EXPECT_EQ(fib("20.0.0.1"), to(1, "192.0.2.77"));
  EXPECT_LE(rib.group_updates() - before, 12u);
  before = rib.group_updates();
  rib.set(Source::feed_table, prefix("10.255.0.1/32"), via("198.51.100.1", 2, 10));
  settle();
  EXPECT_EQ(fib("20.0.1.1"), to(2, "198.51.100.1"));
  EXPECT_EQ(rib.group_updates() - before, 1u);
}

}  // namespace
}  // namespace floof::route
