// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/rib/ribs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "features/ip/tables/forwarding.h"

namespace floof::route {
namespace {

using ip::PathKind;

struct RibsTest : testing::Test {
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Ribs ribs{tables, [this](IfId id) { return id != down; }};
  IfId down;
  std::vector<std::string> told;

  void watch() {
    ribs.watch_next_hops([this](IfId interface, const IpAddress& address, bool added) {
      told.push_back(fmt::format("{}{}%{}", added ? '+' : '-', to_string(address), interface.value()));
    });
  }
  void set(VrfId vrf, const char* prefix, const char* gateway, IfId interface) {
    ribs.at(vrf).set(Source::feed_table, *parse_prefix(prefix),
                     {.next_hops = {{.interface = interface, .gateway = *parse_ip(gateway)}}});
    ribs.settle(std::chrono::steady_clock::now());
  }
  std::vector<std::string> take() { return std::exchange(told, {}); }
  using Told = std::vector<std::string>;
  static constexpr VrfId kRed{1}, kBlue{2};
};

TEST_F(RibsTest, AreApart) {
  set(kDefaultVrf, "10.0.0.0/8", "192.0.2.1", IfId(1));
  set(kRed, "10.0.0.0/8", "192.0.2.2", IfId(2));
  const Ip4 to = *parse_ip4("10.1.2.3");
  EXPECT_EQ(tables.describe(tables.lookup(to)).paths[0].interface, IfId(1));
  EXPECT_EQ(tables.describe(tables.lookup(to, kRed)).paths[0].interface, IfId(2));
  EXPECT_EQ(tables.lookup(to, kBlue), GroupId{});
  EXPECT_EQ(ribs.find(kBlue), nullptr);
  // A gateway is looked for among the VRF's own routes.
  ribs.at(kBlue).set(Source::feed_table, *parse_prefix("10.0.0.0/8"),
                     {.next_hops = {{.gateway = *parse_ip("192.0.2.9")}}});
  ribs.main().set(Source::connected, *parse_prefix("192.0.2.0/24"),
                  {.kind = PathKind::connected, .next_hops = {{.interface = IfId(1)}}});
  ribs.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(tables.describe(tables.lookup(to, kBlue)).kind, PathKind::drop);
  ribs.at(kBlue).set(Source::connected, *parse_prefix("192.0.2.0/24"),
                     {.kind = PathKind::connected, .next_hops = {{.interface = IfId(3)}}});
  ribs.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(tables.describe(tables.lookup(to, kBlue)).paths[0].interface, IfId(3));
  down = IfId(2);
  ribs.link_changed(down);
  ribs.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(tables.describe(tables.lookup(to, kRed)).kind, PathKind::drop);
  EXPECT_EQ(tables.describe(tables.lookup(to)).kind, PathKind::forward);
}

TEST_F(RibsTest, GivesBackWhatAVrfHad) {
  set(kDefaultVrf, "10.0.0.0/8", "192.0.2.1", IfId(1));
  set(kRed, "10.0.0.0/8", "192.0.2.2", IfId(2));
  const GroupId group = tables.lookup(*parse_ip4("10.1.2.3"), kRed);
  EXPECT_TRUE(group.valid());
  ribs.remove(kRed);
  ribs.remove(kRed);
  ribs.remove(kDefaultVrf);
  EXPECT_EQ(tables.lookup(*parse_ip4("10.1.2.3"), kRed), GroupId{});
  EXPECT_TRUE(tables.lookup(*parse_ip4("10.1.2.3")).valid()) << "the default one stays";
  EXPECT_EQ(tables.describe(group).kind, PathKind::drop) << "there is no such group any more";
  qsbr.drain();
  EXPECT_EQ(tables.all_routes(), 1u);
  set(kRed, "10.0.0.0/8", "192.0.2.3", IfId(2));
  EXPECT_TRUE(tables.lookup(*parse_ip4("10.1.2.3"), kRed).valid());
}

TEST_F(RibsTest, NextHopsOfAllAreWatched) {
  set(kRed, "10.0.0.0/8", "192.0.2.1", IfId(1));
  watch();
  EXPECT_EQ(take(), Told{"+192.0.2.1%1"});
  set(kDefaultVrf, "10.0.0.0/8", "192.0.2.1", IfId(1));
  EXPECT_EQ(take(), Told{}) << "another VRF has it already";
  set(kBlue, "10.0.0.0/8", "192.0.2.2", IfId(1));
  EXPECT_EQ(take(), Told{"+192.0.2.2%1"});
  ribs.remove(kRed);
  EXPECT_EQ(take(), Told{});
  ribs.remove(kBlue);
  EXPECT_EQ(take(), Told{"-192.0.2.2%1"});
  ribs.watch_next_hops({});
}

TEST_F(RibsTest, TheLimitOfRoutesIsForAllTogether) {
  Rib::Options options;
  options.max_routes = 3;
  options.removal_delay = std::chrono::milliseconds(0);
  for (const VrfId vrf : {kDefaultVrf, kRed}) {
    ribs.at(vrf).configure(options);
  }
  for (const char* prefix : {"10.0.0.0/8", "11.0.0.0/8"}) {
    set(kDefaultVrf, prefix, "192.0.2.1", IfId(1));
    set(kRed, prefix, "192.0.2.1", IfId(1));
  }
  EXPECT_EQ(tables.all_routes(), 3u);
  EXPECT_EQ(ribs.at(kRed).usage().refused4, 1u);
  EXPECT_EQ(ribs.main().usage().routes, 3u);
  ribs.main().remove(Source::feed_table, *parse_prefix("10.0.0.0/8"));
  for (int i = 0; i < 3; i++) {
    ribs.settle(std::chrono::steady_clock::now() + std::chrono::seconds(i));
  }
  EXPECT_EQ(ribs.at(kRed).usage().refused4, 0u);
  EXPECT_EQ(tables.all_routes(), 3u);
}

}  // namespace
}  // namespace floof::route
