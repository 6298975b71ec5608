// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/kernel/kernel_feed.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <map>

#include "features/ip/tables/forwarding.h"

namespace floof::route {
namespace {

using ip::PathKind;
using netlink::RouteNextHop;

class KernelFeedTest : public testing::Test {
 protected:
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Rib rib{tables, [](IfId) { return true; }};
  std::map<int, uint16_t> links{{11, 1}, {12, 2}, {13, 3}};
  KernelFeed feed{rib, [this](int index) { return links.count(index) ? IfId(links[index]) : IfId{}; }};

  void SetUp() override { feed.set_feed_table(10001); }

  static netlink::Route route(std::string_view prefix, std::vector<RouteNextHop> hops, uint32_t table = 10001) {
    return {.table = table,
            .protocol = static_cast<uint8_t>(table == 10001 ? RTPROT_BIRD : RTPROT_STATIC),
            .type = RTN_UNICAST,
            .metric = 32,
            .prefix = *parse_prefix(prefix),
            .next_hops = std::move(hops)};
  }
  static RouteNextHop via(int index, std::string_view gateway) { return {index, *parse_ip(gateway)}; }
  static netlink::Route gone(netlink::Route r) {
    r.removed = true;
    return r;
  }
  /// What the source says of the prefix.
  std::optional<RouteInfo> told(std::string_view prefix, Source source = Source::feed_table) {
    const auto view = rib.find(*parse_prefix(prefix));
    if (view) {
      for (const auto& candidate : view->candidates) {
        if (candidate.source == source) {
          return candidate.route;
        }
      }
    }
    return std::nullopt;
  }
  size_t hops(std::string_view prefix) {
    const auto info = told(prefix);
    return info ? info->next_hops.size() : 0;
  }
};

TEST_F(KernelFeedTest, FeedTableAndMainTableAreTwoSources) {
  feed.on_route(route("10.0.0.0/24", {via(11, "192.0.2.1")}));
  feed.on_route(route("10.0.1.0/24", {via(12, "192.0.2.1")}, RT_TABLE_MAIN));
  feed.on_route(route("10.0.2.0/24", {via(12, "192.0.2.1")}, RT_TABLE_LOCAL));
  feed.on_route(route("10.0.3.0/24", {via(12, "192.0.2.1")}, 77));
  EXPECT_EQ(told("10.0.0.0/24")->next_hops, (std::vector<NextHop>{{IfId(1), *parse_ip("192.0.2.1")}}));
  EXPECT_TRUE(told("10.0.1.0/24", Source::kernel));
  EXPECT_EQ(rib.size(Family::ip4), 2u);
  feed.on_route(gone(route("10.0.0.0/24", {via(11, "192.0.2.1")})));
  EXPECT_FALSE(told("10.0.0.0/24"));
  feed.set_feed_table(10002);
  feed.on_route(route("10.0.0.0/24", {via(11, "192.0.2.1")}));
  EXPECT_FALSE(told("10.0.0.0/24"));
}

TEST_F(KernelFeedTest, WhatIsNotForwardedOrOursIsLeftOut) {
  for (const uint8_t protocol :
       {uint8_t{RTPROT_KERNEL}, uint8_t{RTPROT_RA}, uint8_t{RTPROT_BIRD}, kOwnProtocol, kCopyProtocol}) {
    auto r = route("10.0.0.0/24", {via(11, "192.0.2.1")}, RT_TABLE_MAIN);
    r.protocol = protocol;
    feed.on_route(r);
  }
  feed.on_route(route("ff00::/8", {{11}}));
  feed.on_route(route("224.0.0.0/4", {{11}}));
  feed.on_route(route("fe80::/64", {{11}}));
  auto multicast = route("10.9.0.0/24", {{11}});
  multicast.type = RTN_MULTICAST;
  feed.on_route(multicast);
  // Over a link that is not ours.
  feed.on_route(route("10.1.0.0/24", {via(99, "192.0.2.1")}, RT_TABLE_MAIN));
  EXPECT_EQ(rib.size(Family::ip4) + rib.size(Family::ip6), 0u);
  feed.on_route(route("0.0.0.0/0", {via(11, "192.0.2.1")}));
  feed.on_route(route("::/0", {via(11, "fe80::1")}));
  EXPECT_TRUE(told("0.0.0.0/0") && told("::/0"));
}

TEST_F(KernelFeedTest, KindsAndIgpMetric) {
  const std::map<uint8_t, PathKind> kinds{{RTN_BLACKHOLE, PathKind::blackhole},
                                          {RTN_UNREACHABLE, PathKind::unreachable},
                                          {RTN_PROHIBIT, PathKind::prohibit}};
  for (const auto& [type, kind] : kinds) {
    auto r = route("10.0.0.0/24", {});
    r.type = type;
    r.replace = true;
    feed.on_route(r);
    EXPECT_EQ(told("10.0.0.0/24")->kind, kind);
  }
  auto r = route("10.0.1.0/24", {via(11, "192.0.2.1")});
  feed.on_route(r);
  EXPECT_EQ(told("10.0.1.0/24")->igp_metric, kUnknownIgpMetric);
  r.cwnd = 20;
  r.replace = true;
  feed.on_route(r);
  EXPECT_EQ(told("10.0.1.0/24")->igp_metric, 20u);
  EXPECT_EQ(told("10.0.1.0/24")->metric, 20u);
}

TEST_F(KernelFeedTest, WhatBirdTellsBesideTheRoute) {
  auto r = route("10.0.0.0/24", {via(11, "192.0.2.1")});
  r.replace = true;
  r.metric = 32;  // that of the kernel protocol, nobody's business
  r.window = 1;
  r.reordering = 200;
  feed.on_route(r);
  EXPECT_EQ(told("10.0.0.0/24")->origin, FeedOrigin::static_route);
  EXPECT_EQ(told("10.0.0.0/24")->preference, 200u);
  EXPECT_EQ(told("10.0.0.0/24")->metric, 0u);
  r.window = static_cast<uint32_t>(FeedOrigin::ospf_external2);
  r.cwnd = 20;
  r.rttvar = 10000;
  feed.on_route(r);
  EXPECT_EQ(told("10.0.0.0/24")->metric, 10000u);
  EXPECT_EQ(told("10.0.0.0/24")->igp_metric, 20u);
  r.window = 77;  // of another version of the rendering
  feed.on_route(r);
  EXPECT_EQ(told("10.0.0.0/24")->origin, FeedOrigin::unknown);
}

TEST_F(KernelFeedTest, TheSmallestMetricCounts) {
  auto far = route("10.0.0.0/24", {via(11, "192.0.2.1")}), near = route("10.0.0.0/24", {via(12, "192.0.2.2")});
  near.metric = 5;
  feed.on_route(far);
  feed.on_route(near);
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(2));
  feed.on_route(gone(near));
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(1));
  // Appended IPv4 routes stand in line.
  auto appended = route("10.0.0.0/24", {via(13, "192.0.2.3")});
  appended.append = true;
  feed.on_route(appended);
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(1));
  feed.on_route(gone(far));
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(3));
  feed.on_route(gone(appended));
  EXPECT_FALSE(told("10.0.0.0/24"));
}

TEST_F(KernelFeedTest, WhatIsAddedStandsBeforeWhatWasSilentlyTakenAway) {
  const auto old = route("10.0.0.0/24", {via(11, "192.0.2.1")}), fresh = route("10.0.0.0/24", {via(12, "192.0.2.2")});
  feed.on_route(old);
  feed.on_route(fresh);  // by `replace`, which the kernel tells as a new one when there is nothing to replace
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(2));
  feed.on_route(old);
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(1));
  feed.on_route(gone(old));
  EXPECT_EQ(told("10.0.0.0/24")->next_hops[0].interface, IfId(2));
  feed.on_route(gone(fresh));
  EXPECT_FALSE(told("10.0.0.0/24"));
}

TEST_F(KernelFeedTest, DeadNextHopsAreNotUsed) {
  auto near = route("10.0.0.0/24", {via(11, "192.0.2.1"), via(12, "192.0.2.2")}), far = near;
  near.replace = true;
  far.metric = 99;
  far.next_hops = {via(13, "192.0.2.3")};
  feed.on_route(far);
  near.next_hops[0].dead = true;
  feed.on_route(near);
  EXPECT_EQ(told("10.0.0.0/24")->next_hops, (std::vector<NextHop>{{IfId(2), *parse_ip("192.0.2.2")}}));
  near.next_hops[1].dead = true;
  feed.on_route(near);
  EXPECT_EQ(told("10.0.0.0/24")->next_hops, (std::vector<NextHop>{{IfId(3), *parse_ip("192.0.2.3")}}));
  far.next_hops[0].dead = far.replace = true;
  feed.on_route(far);
  EXPECT_FALSE(told("10.0.0.0/24"));
}

TEST_F(KernelFeedTest, RoutesForSomePacketsOnlyAreLeftOut) {
  auto some = route("10.0.0.0/24", {via(11, "192.0.2.1")});
  some.conditional = true;
  feed.on_route(some);
  EXPECT_FALSE(told("10.0.0.0/24"));
}

TEST_F(KernelFeedTest, TwoReadingsAreBelieved) {
  const auto lost = route("10.0.0.0/24", {via(11, "192.0.2.1")}), kept = route("10.0.1.0/24", {via(11, "192.0.2.1")}),
             found = route("10.0.2.0/24", {via(12, "192.0.2.1")});
  const auto hand = route("10.0.3.0/24", {via(12, "192.0.2.1")}, RT_TABLE_MAIN);
  const auto read = [&](std::vector<netlink::Route> routes) {
    feed.begin_reading();
    for (const auto& one : routes) {
      feed.read(one);
    }
    return feed.end_reading();
  };
  feed.on_route(lost);
  feed.on_route(kept);
  EXPECT_EQ(feed.parts().size(), 2u) << "of the main table nothing is known";
  feed.on_route(hand);
  ASSERT_EQ(feed.parts().size(), 3u);
  EXPECT_EQ(feed.parts().back().table, uint32_t{RT_TABLE_MAIN});
  EXPECT_EQ(feed.parts().back().protocol, RTPROT_STATIC);
  EXPECT_EQ(read({lost, kept, hand}).doubts, 0u);
  EXPECT_EQ(read({kept, found}).doubts, 3u);
  EXPECT_TRUE(told("10.0.0.0/24") && !told("10.0.2.0/24") && told("10.0.3.0/24", Source::kernel));
  auto findings = read({kept, hand});
  EXPECT_EQ(findings.changed, 1u);
  EXPECT_EQ(findings.doubts, 0u);
  EXPECT_FALSE(told("10.0.0.0/24"));
  EXPECT_TRUE(told("10.0.1.0/24") && told("10.0.3.0/24", Source::kernel));
}

TEST_F(KernelFeedTest, SeveralOfOneMetricAreReadInTheirOrder) {
  const auto by_hand = [](std::string_view gateway, uint8_t protocol, bool append) {
    auto out = route("10.0.0.0/24", {via(11, gateway)}, RT_TABLE_MAIN);
    out.protocol = protocol;
    out.append = append;
    return out;
  };
  const auto first = by_hand("192.0.2.1", RTPROT_BOOT, false), second = by_hand("192.0.2.2", RTPROT_STATIC, true),
             alike = by_hand("192.0.2.1", RTPROT_BOOT, true);  // with another source address
  EXPECT_FALSE(feed.on_route(first));
  EXPECT_TRUE(feed.on_route(second));
  EXPECT_TRUE(feed.on_route(alike));
  ASSERT_EQ(feed.parts().size(), 3u);
  EXPECT_EQ(feed.parts().back().protocol, 0) << "only a whole dump has different protocols in order";
  const auto read = [&](const std::vector<netlink::Route>& routes) {
    feed.begin_reading();
    for (const auto& one : routes) {
      feed.read(one);
    }
    return feed.end_reading();
  };
  const auto gateway = [&] { return told("10.0.0.0/24", Source::kernel)->next_hops.at(0).gateway; };
  EXPECT_EQ(read({first, second, alike}).doubts, 1u);
  EXPECT_EQ(read({first, second, alike}).changed, 1u);
  EXPECT_EQ(gateway(), *parse_ip("192.0.2.1"));
  EXPECT_EQ(read({first, second, alike}).doubts, 0u);
  EXPECT_EQ(read({second, first, alike}).doubts, 1u) << "the order counts";
  EXPECT_TRUE(feed.on_route(gone(first))) << "which of the two?";
  EXPECT_EQ(read({second, first}).changed, 0u) << "an event ends a doubt";
  EXPECT_EQ(read({second, first}).changed, 0u) << "as guessed";
  EXPECT_EQ(gateway(), *parse_ip("192.0.2.2"));
  EXPECT_TRUE(feed.on_route(gone(second)));
  EXPECT_FALSE(feed.on_route(gone(first)));
  EXPECT_FALSE(told("10.0.0.0/24", Source::kernel));
}

TEST_F(KernelFeedTest, Ip6MergesOnlyRoutesByGateways) {
  auto hole = route("2001:db8::/32", {});
  hole.type = RTN_BLACKHOLE;
  feed.on_route(hole);
  feed.on_route(route("2001:db8::/32", {{11}}));
  feed.on_route(route("2001:db8::/32", {{12}}));
  feed.on_route(route("2001:db8::/32", {via(11, "fe80::1")}));
  feed.on_route(route("2001:db8::/32", {via(12, "fe80::1")}));
  EXPECT_EQ(told("2001:db8::/32")->kind, PathKind::blackhole) << "the first in line";
  feed.begin_reading();
  feed.read(hole);
  feed.read(route("2001:db8::/32", {{11}}));
  feed.read(route("2001:db8::/32", {{12}}));
  feed.read(route("2001:db8::/32", {via(12, "fe80::1"), via(11, "fe80::1")}));
  EXPECT_EQ(feed.end_reading().doubts, 0u);
  feed.on_route(gone(hole));
  EXPECT_EQ(told("2001:db8::/32")->next_hops, (std::vector<NextHop>{{IfId(1), std::nullopt}}));
  feed.on_route(gone(route("2001:db8::/32", {{11}})));
  feed.on_route(gone(route("2001:db8::/32", {{12}})));
  EXPECT_EQ(hops("2001:db8::/32"), 2u);
}

TEST_F(KernelFeedTest, Ip6MultipathComesAndGoesInParts) {
  auto whole = route("2001:db8::/32", {via(11, "fe80::1"), via(12, "fe80::2")});
  feed.on_route(whole);
  EXPECT_EQ(hops("2001:db8::/32"), 2u);
  auto member = route("2001:db8::/32", {via(13, "fe80::3")});
  member.append = true;
  feed.on_route(member);
  EXPECT_EQ(hops("2001:db8::/32"), 3u);
  feed.on_route(member);
  EXPECT_EQ(hops("2001:db8::/32"), 3u) << "told twice";
  feed.on_route(gone(route("2001:db8::/32", {via(11, "fe80::1")})));
  EXPECT_EQ(hops("2001:db8::/32"), 2u);
  auto replaced = route("2001:db8::/32", {via(11, "fe80::9")});
  replaced.replace = true;
  feed.on_route(replaced);
  EXPECT_EQ(hops("2001:db8::/32"), 1u);
  feed.on_route(gone(replaced));
  EXPECT_FALSE(told("2001:db8::/32"));
  feed.on_route(whole);
  feed.on_route(gone(whole));
  EXPECT_FALSE(told("2001:db8::/32"));
}

TEST_F(KernelFeedTest, AnUnknownInterfaceIsNamedLater) {
  feed.on_route(route("2001:db8::/32", {via(14, "fe80::1")}));
  EXPECT_FALSE(told("2001:db8::/32")->next_hops.at(0).interface);
  links[14] = 4;
  feed.interfaces_changed();
  EXPECT_EQ(told("2001:db8::/32")->next_hops.at(0).interface, IfId(4));
}

TEST_F(KernelFeedTest, LostMessagesAreMadeUpForByADump) {
  feed.on_route(route("10.0.0.0/24", {via(11, "192.0.2.1")}));
  feed.on_route(route("10.0.1.0/24", {via(11, "192.0.2.1")}));
  feed.mark();
  EXPECT_TRUE(told("10.0.1.0/24"));
  feed.on_route(route("10.0.0.0/24", {via(11, "192.0.2.1")}));
  feed.sweep();
  EXPECT_TRUE(told("10.0.0.0/24"));
  EXPECT_FALSE(told("10.0.1.0/24"));
}

}  // namespace
}  // namespace floof::route
