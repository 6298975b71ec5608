// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/lcp/punt_apply.h"

namespace floof::lcp {
namespace {

constexpr auto at = [](PuntClass kind) { return static_cast<size_t>(kind); };

TEST(PuntSettings, InterfaceThenRouterThenDefault) {
  const auto settings = parse_punt_settings(Json::parse(R"({
    "punt":{"limits":{"bgp":{"rate":7},"icmp":{"burst":3}},"interfaces":{"e1":{"bgp":{"burst":9}}},
            "bgp-source":["203.0.113.0/24"]},
    "bgp":{"hosts":["192.0.2.1","2001:db8::1"],"ranges":["198.51.100.0/24"],"unnumbered":["e3"],"ports":[179,1179],
           "anybody":false}})"));
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->limits[at(PuntClass::bgp)], (PuntLimit{7, 8192}));
  EXPECT_EQ(settings->limits[at(PuntClass::icmp)], (PuntLimit{2000, 3}));
  EXPECT_EQ(settings->limits[at(PuntClass::other)], kPuntLimits[at(PuntClass::other)]);
  EXPECT_EQ(settings->interfaces.at("e1")[at(PuntClass::bgp)], (PuntLimit{7, 9}));
  EXPECT_EQ(settings->peers.hosts.size(), 2u);
  EXPECT_TRUE(settings->peers.include(*parse_ip("198.51.100.9"), IfId(1)));
  EXPECT_TRUE(settings->peers.include(*parse_ip("203.0.113.9"), IfId(1)));
  EXPECT_FALSE(settings->peers.include(*parse_ip("192.0.2.2"), IfId(1)));
  EXPECT_TRUE(settings->peers.has_port(1179));
  EXPECT_EQ(settings->unnumbered, std::set<std::string>{"e3"});
}

TEST(PuntSettings, NothingIsTheDefault) {
  const auto settings = parse_punt_settings(Json::object());
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->limits, kPuntLimits);
  EXPECT_TRUE(settings->peers.include(*parse_ip("192.0.2.1"), IfId(1))) << "an old version's state";
  const auto nobody = parse_punt_settings(Json::parse(R"({"bgp":{"hosts":[]}})"));
  EXPECT_FALSE(nobody->peers.include(*parse_ip("192.0.2.1"), IfId(1)));
}

TEST(PuntSettings, GarbageIsRefused) {
  for (const char* text :
       {R"({"punt":{"limits":3}})", R"({"punt":{"limits":{"nonsense":{}}}})",
        R"({"punt":{"limits":{"bgp":{"rate":-1}}}})", R"({"punt":{"limits":{"bgp":{"rate":99999999999}}}})",
        R"({"punt":{"limits":{"bgp":{"speed":1}}}})", R"({"punt":{"interfaces":[1]}})",
        R"({"punt":{"interfaces":{"e1":{"bgp":7}}}})", R"({"bgp":{"hosts":["x"]}})", R"({"bgp":{"hosts":7}})",
        R"({"bgp":{"ranges":["192.0.2.1/8"]}})", R"({"bgp":{"ports":[70000]}})", R"({"bgp":{"unnumbered":[3]}})",
        R"({"punt":{"bgp-source":["x"]}})"}) {
    EXPECT_FALSE(parse_punt_settings(Json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace floof::lcp
