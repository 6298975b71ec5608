// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"

namespace floof::route {

const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::config_of;
using config::test::Strings;

constexpr std::string_view kBase = R"(set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface e0 address 2001:db8::1/64
set interface e1 device null
set interface e1 address 198.51.100.1/30
)";

Strings judge(std::string_view lines) { return complaints(config_feature(), std::string(kBase) + std::string(lines)); }

TEST(RouteConfig, AcceptsWhatIsReached) {
  EXPECT_EQ(judge(R"(set route 0.0.0.0/0 via 192.0.2.254
set route 0.0.0.0/0 via 198.51.100.2
set route 10.0.0.0/8 via 192.0.2.2%e0
set route 10.1.0.0/16 via 10.0.0.1
set route 203.0.113.0/24 blackhole
set route ::/0 via fe80::1%e1
set route 2001:db8:1::/48 via 2001:db8::2
set route 172.16.0.0/12 via fe80::1%e0
set route 172.31.0.0/16 via 1.2.3.7%e0
set route 172.30.0.0/16 via 1.2.3.9
set route 1.2.3.8/29 via %e1
set route 2001:db8:2::/48 via 2001:db8:f::1%e1
set route 2001:db8:3::/48 via %e0
)"),
            Strings{});
}

TEST(RouteConfig, NextHops) {
  const auto nothing = [](std::string_view path, std::string_view hop) {
    return Strings{std::string(path) + ": nothing reaches the next hop " + std::string(hop)};
  };
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 203.0.113.1"), nothing("route 10.0.0.0/8 via 203.0.113.1", "203.0.113.1"));
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 10.0.0.1"), nothing("route 10.0.0.0/8 via 10.0.0.1", "10.0.0.1"))
      << "itself";
  EXPECT_EQ(judge("set route 0.0.0.0/0 via 192.0.2.2\nset route 10.0.0.0/8 via 203.0.113.1"),
            nothing("route 10.0.0.0/8 via 203.0.113.1", "203.0.113.1"))
      << "the default route is no way";
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 20.0.0.1\nset route 20.0.0.0/8 via 10.0.0.1").size(), 2U) << "a circle";
  EXPECT_EQ(judge("set route 10.0.0.0/8 blackhole\nset route 20.0.0.0/8 via 10.0.0.1").size(), 1U);
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 192.0.2.1"),
            Strings{"route 10.0.0.0/8 via 192.0.2.1: 192.0.2.1 is an address of this router"});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 192.0.2.255"),
            Strings{"route 10.0.0.0/8 via 192.0.2.255: 192.0.2.255 is the broadcast address of 192.0.2.0/24"});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 224.0.0.5"),
            Strings{"route 10.0.0.0/8 via 224.0.0.5: 224.0.0.5 is not the address of a router"});
  EXPECT_EQ(judge("set route ::/0 via fe80::1"),
            Strings{"route ::/0 via fe80::1: fe80::1 is a link-local address, which every link has"});
  EXPECT_EQ(judge("set route ::/0 via fe80::1%e7"), Strings{"route ::/0 via fe80::1%e7: no interface is named \"e7\""});
  EXPECT_EQ(judge("set route ::/0 via 192.0.2.2"),
            Strings{"route ::/0 via 192.0.2.2: an IPv6 route cannot go through an IPv4 router"});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 192.0.2.2%e1"),
            Strings{"route 10.0.0.0/8 via 192.0.2.2%e1: 192.0.2.2 is on a subnet of e0, not of e1"});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via %e7"), Strings{"route 10.0.0.0/8 via %e7: no interface is named \"e7\""});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via %e0\nset route 10.0.0.0/8 via 192.0.2.2"),
            Strings{"route 10.0.0.0/8 via %e0: a destination is on one link only"});
  EXPECT_EQ(judge("set route 10.0.0.0/8 via 192.0.2.1%e0").size(), 1U) << "an own address";
  EXPECT_EQ(judge("set route 224.0.0.0/4 blackhole"),
            Strings{"route 224.0.0.0/4: is not a destination that is routed"});
}

TEST(RouteConfig, Desired) {
  nlohmann::json desired;
  config_feature().desired(config_of(std::string(kBase) + R"(set interface loop10 address 198.51.100.10/32
set interface loop2 address 198.51.100.20/32
set dataplane kernel-routes all
set bgp asn 65000
set bgp multipath 4
)"),
                           desired);
  EXPECT_EQ(desired["route"],
            nlohmann::json::parse(
                R"([{"vrf":0,"name":"default","feed-table":10001,"feed-as":4200000000,"feed-best":"127.0.0.2",
"feed-all":"127.0.0.3","bird":"127.0.0.1","bgp-port":1020,"multipath":4,"router-id":"198.51.100.20","source4":"198.51.100.20",
"source6":"2001:db8::1","kernel-routes":"all","feeds":true}])"));
  desired = nullptr;
  config_feature().desired(
      config_of("set bgp router-id 192.0.2.1\nset interface e1 device null\nset interface e1 address 10.0.0.1/24\n"
                "set interface e2 device null\nset interface e2 address 192.0.2.1/24"),
      desired);
  EXPECT_EQ(desired["route"][0]["source4"], "192.0.2.1");
  EXPECT_EQ(desired["route"][0]["source6"], nullptr);
  EXPECT_EQ(desired["route"][0]["kernel-routes"], "connected");
}

}  // namespace
}  // namespace floof::route
