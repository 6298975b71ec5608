// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_settings_apply.h"

#include <gtest/gtest.h>

namespace floof::route {
namespace {

/// Of the list's only entry.
Result<RouteSettings> parse(const char* route) {
  auto parsed = parse_settings(Json{{"route", Json::array({Json::parse(route, nullptr, false)})}});
  return parsed ? Result<RouteSettings>(parsed->vrfs.at(kDefaultVrf)) : parsed.error();
}

TEST(RouteSettings, DefaultsAndValues) {
  const auto defaults = parse_settings(Json::object());
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->vrfs.size(), 1u);
  EXPECT_FALSE(defaults->vrfs.at(kDefaultVrf).feeds);
  EXPECT_FALSE(defaults->vrfs.at(kDefaultVrf).copy_to_kernel);
  EXPECT_EQ(defaults->vrfs.at(kDefaultVrf).feed_table, 10001u);
  const auto all = parse(R"({"feeds":true,"feed-table":7,"feed-as":65001,"feed-best":"127.1.0.2","feed-all":"127.1.0.3",
    "bird":"127.1.0.1","bgp-port":1790,"multipath":16,"kernel-routes":"all","peers":[{"id":4,"name":"a","internal":true}]})");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->feeds);
  EXPECT_TRUE(all->copy_to_kernel);
  EXPECT_EQ(all->feed_table, 7u);
  EXPECT_EQ(all->multipath, 16u);
  EXPECT_FALSE(all->best.all_paths);
  EXPECT_TRUE(all->all.all_paths);
  for (const FeedOptions* const feed : {&all->best, &all->all}) {
    EXPECT_EQ(feed->as, 65001u);
    EXPECT_EQ(feed->port, 1790);
    EXPECT_EQ(to_string(feed->bird), "127.1.0.1");
  }
  EXPECT_EQ(to_string(all->all.source), "127.1.0.3");
  EXPECT_EQ(all->peers.at(4).name, "a");
  EXPECT_TRUE(all->peers.at(4).internal);
  EXPECT_EQ(defaults->max_routes, 0u) << "the machine decides";
  EXPECT_EQ(parse_settings(Json::parse(R"({"dataplane":{"max-routes":4000000}})"))->max_routes, 4'000'000u);
  EXPECT_FALSE(parse_settings(Json::parse(R"({"dataplane":{"max-routes":-1}})")));
}

TEST(RouteSettings, WhatIsMalformedIsNamed) {
  for (const char* text : {R"({"feed-table":-1})", R"({"feed-table":"x"})", R"({"bgp-port":65536})",
                           R"({"feed-best":"x"})", R"({"bird":7})", R"({"peers":7})", R"({"peers":[7]})",
                           R"({"peers":[{"name":"a"}]})", R"({"feed-all":"::1"})", R"({"name":""})", R"({"name":7})"}) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().path.starts_with("route ")) << text;
  }
}

TEST(RouteSettings, ListsVrfs) {
  const auto parsed = parse_settings(Json::parse(R"({"route":[{"vrf":7,"name":"blue","feed-table":10007},{"vrf":1023}],
    "interfaces":[{"name":"e0"},{"name":"e1","vrf":7},{"name":"e2","vrf":0}]})"));
  ASSERT_TRUE(parsed) << parsed.error().text();
  ASSERT_EQ(parsed->vrfs.size(), 3u) << "the default one is always there";
  EXPECT_EQ(parsed->vrfs.at(kDefaultVrf).feed_table, 10001u);
  EXPECT_EQ(parsed->vrfs.at(VrfId(7)).name, "blue");
  EXPECT_EQ(parsed->vrfs.at(VrfId(7)).feed_table, 10007u);
  EXPECT_EQ(parsed->vrfs.at(VrfId(1023)).feed_table, 0u);
  EXPECT_EQ(parsed->vrfs.at(VrfId(1023)).name, "1023");
}

TEST(RouteSettings, WhatVrfsCannotBe) {
  const auto error = [](const char* desired) {
    const auto parsed = parse_settings(Json::parse(desired));
    return parsed ? std::string("good") : parsed.error().path + ": " + parsed.error().reason;
  };
  EXPECT_EQ(error(R"({"route":{"feeds":true}})"), "route: is no list of VRFs");
  EXPECT_EQ(error(R"({"route":[7]})"), "route: a VRF that is no object");
  EXPECT_EQ(error(R"({"route":[{"vrf":-1}]})"), "route vrf: is no number from 0 to 65535");
  EXPECT_EQ(error(R"({"route":[{"vrf":"x"}]})"), "route vrf: is no number from 0 to 65535");
  EXPECT_EQ(error(R"({"route":[{"vrf":1024}]})"), "route vrf 1024: is not one of 0..1023");
  EXPECT_EQ(error(R"({"route":[{"vrf":5,"name":"a"},{"vrf":5,"name":"b"}]})"), "route vrf 5: is listed twice");
  EXPECT_EQ(error(R"({"route":[{"vrf":5,"name":"a"},{"vrf":6,"name":"a"}]})"), "route a: is the name of two VRFs");
  EXPECT_EQ(error(R"({"route":[{"vrf":5,"feed-table":10001}]})"), "route 5 feed-table: 10001 is another VRF's");
  EXPECT_EQ(error(R"({"route":[{"feeds":true},{"vrf":5,"feeds":true}]})"),
            "route 5 feeds: 127.0.0.2 is the end of another feed");
  EXPECT_EQ(error(R"({"route":[{"vrf":5,"kernel-routes":"all"}]})"),
            "route kernel-routes: Linux's main table is the default VRF's");
  EXPECT_EQ(error(R"({"route":[{"vrf":5}],"interfaces":[{"name":"e0","vrf":6}]})"),
            "interface e0 vrf: there is no VRF 6");
}

}  // namespace
}  // namespace floof::route
