// SPDX-License-Identifier: GPL-3.0-or-later
//
// Routes that packets use before the RIB knows them.
#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

class RibAheadTest : public RibTest {
 protected:
  static constexpr const char* kRoutes[] = {"20.0.0.0/8", "20.1.0.0/16", "2001:db8:1::/48"};

  RibAheadTest() {
    connected("192.0.2.0/24", 2);
    settle();
  }
  void add(const BgpPath& path) {
    for (const char* route : kRoutes) {
      rib.set_ahead(prefix(route), rib.group_ahead(path));
    }
    while (rib.publish_ahead()) {
    }
  }
  void tell(const BgpPath& path) {
    for (const char* route : kRoutes) {
      rib.set_best(prefix(route), path);
    }
    settle();
  }
};

TEST_F(RibAheadTest, PacketsHaveThemAtOnceAndTheRibLater) {
  const BgpPath path = direct("192.0.2.2", 2, 1);
  add(path);
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.2"));
  EXPECT_EQ(fib("2001:db8:1::1"), to(2, "192.0.2.2"));
  EXPECT_FALSE(rib.find(prefix("20.1.0.0/16")));
  const GroupId group = tables.longest_match(address("20.1.2.3"))->group;
  tell(path);
  rib.ahead_done();
  settle();
  EXPECT_EQ(tables.longest_match(address("20.1.2.3"))->group, group);
  EXPECT_EQ(rib.installed_routes(Family::ip4), tables.routes(Family::ip4));
  EXPECT_EQ(rib.find(prefix("20.1.0.0/16"))->forwarding, to(2, "192.0.2.2"));
  for (const char* route : kRoutes) {
    rib.remove_best(prefix(route));
  }
  forever();
  EXPECT_EQ(fib("20.1.2.3"), PathSet{});
  EXPECT_EQ(tables.routes(Family::ip6), 0u);
}

TEST_F(RibAheadTest, WhatIsThereStays) {
  rib.set(Source::feed_table, prefix("20.1.0.0/16"), via("192.0.2.9", 2));
  settle();
  add(direct("192.0.2.2", 2, 1));
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.9"));
  EXPECT_EQ(fib("20.2.2.3"), to(2, "192.0.2.2"));
  tell(direct("192.0.2.2", 2, 1));
  rib.ahead_done();
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.9"));
}

TEST_F(RibAheadTest, TheyFollowTheirLinkAndGateway) {
  const BgpPath path = recursive("10.9.9.9", 1);
  add(path);
  EXPECT_EQ(fib("20.1.2.3").kind, PathKind::drop) << "nothing leads to its gateway yet";
  rib.set(Source::feed_table, prefix("10.9.9.0/24"), via("192.0.2.7", 2));
  settle();
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.7"));
  down.insert(2);
  rib.link_changed(IfId(2));
  EXPECT_EQ(fib("20.1.2.3").kind, PathKind::drop);
}

TEST_F(RibAheadTest, WhatNobodyTellsGoes) {
  add(direct("192.0.2.2", 2, 1));
  rib.set_best(prefix("20.0.0.0/8"), direct("192.0.2.2", 2, 1));
  settle();
  rib.ahead_done();
  EXPECT_EQ(tables.routes(Family::ip4), 2u) << "with the connected one";
  EXPECT_EQ(tables.routes(Family::ip6), 0u);
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.2"));
}

TEST_F(RibAheadTest, TheirRoomIsCountedOnce) {
  Rib::Options options;
  options.max_routes = 3;  // the connected one, and two
  rib.configure(options);
  add(direct("192.0.2.2", 2, 1));
  EXPECT_EQ(tables.all_routes(), 3u);
  tell(direct("192.0.2.2", 2, 1));
  EXPECT_EQ(rib.usage().refused4, 0u);
  EXPECT_EQ(rib.usage().refused6, 1u);
  rib.ahead_done();
  EXPECT_EQ(tables.all_routes(), 3u);
  EXPECT_EQ(fib("20.1.2.3"), to(2, "192.0.2.2"));
}

}  // namespace
}  // namespace floof::route
