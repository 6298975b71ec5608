// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/route/route_apply.h"

namespace floof::route {
namespace {

Result<RouteSettings> parse(const char* route) {
  return parse_settings(Json{{"route", Json::parse(route, nullptr, false)}});
}

TEST(RouteSettings, DefaultsAndValues) {
  const auto defaults = parse_settings(Json::object());
  ASSERT_TRUE(defaults);
  EXPECT_FALSE(defaults->feeds);
  EXPECT_FALSE(defaults->copy_to_kernel);
  EXPECT_EQ(defaults->feed_table, 10001u);
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
  EXPECT_EQ(all->max_routes, 2'000'000u);
  EXPECT_EQ(parse_settings(Json::parse(R"({"dataplane":{"max-routes":4000000}})"))->max_routes, 4'000'000u);
  EXPECT_FALSE(parse_settings(Json::parse(R"({"dataplane":{"max-routes":-1}})")));
}

TEST(RouteSettings, WhatIsMalformedIsNamed) {
  for (const char* text : {R"({"feed-table":-1})", R"({"feed-table":"x"})", R"({"bgp-port":65536})",
                           R"({"feed-best":"x"})", R"({"bird":7})", R"({"peers":7})", R"({"peers":[7]})",
                           R"({"peers":[{"name":"a"}]})", R"({"feed-all":"::1"})"}) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().path.starts_with("route ")) << text;
  }
}

}  // namespace
}  // namespace floof::route
