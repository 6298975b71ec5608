// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the RIB does when a limit is reached: it refuses, counts, and lets in what fits again.
#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

class RibLimitTest : public RibTest {
 protected:
  void SetUp() override { rib.configure({.max_routes = 100}); }
  static Prefix route(uint32_t i) { return {IpAddress(Ip4(0x14000000u + (i << 8))), 24}; }
  void tell(uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++) {
      rib.set_best(route(i), direct("192.0.2.2", 2, 1));
      rib.set_path(route(i), 1, direct("192.0.2.2", 2, 1));
    }
    settle();
  }
  void withdraw(uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++) {
      rib.remove_best(route(i));
      rib.remove_path(route(i), 1);
    }
    forever();
  }
};

TEST_F(RibLimitTest, WhatFindsNoRoomIsRefusedAndComesInLater) {
  tell(0, 150);
  EXPECT_EQ(tables.routes(Family::ip4), 100u);
  EXPECT_EQ(rib.usage().refused4, 50u);
  EXPECT_FALSE(rib.find(route(120))->candidates[0].chosen);
  connected("192.0.2.0/24", 2);
  settle();
  EXPECT_EQ(fib("192.0.2.9").kind, PathKind::connected) << "the router's own subnets are not refused";
  rib.set_best(route(5), direct("192.0.2.7", 3, 1));
  rib.set_path(route(5), 1, direct("192.0.2.7", 3, 1));
  settle();
  EXPECT_EQ(fib("20.0.5.1"), to(3, "192.0.2.7")) << "a known prefix can change";
  withdraw(0, 20);
  EXPECT_EQ(tables.routes(Family::ip4), 100u);
  EXPECT_EQ(rib.usage().refused4, 31u);
  withdraw(100, 110);  // of those that had been refused, some are in
  rib.configure({.max_routes = 1000});
  settle();
  EXPECT_EQ(rib.usage().refused4, 0u);
  EXPECT_EQ(tables.routes(Family::ip4), 121u);
  EXPECT_EQ(fib("20.0.149.1"), to(2, "192.0.2.2"));
  withdraw(0, 150);
  EXPECT_EQ(rib.size(Family::ip4), 1u);
}

/// What is refused is known, and most of it has a way by a shorter prefix.
TEST_F(RibLimitTest, CountsWhatLeadsNowhere) {
  EXPECT_TRUE(rib.count_unreachable(1s));
  EXPECT_FALSE(rib.unreachable()) << "nothing is refused";
  rib.set(Source::feed_table, Prefix(IpAddress(Ip4(0x14000000u)), 17), via("192.0.2.2", 2));  // the first 128
  rib.set(Source::feed_table, Prefix(IpAddress(Ip4(0x14008000u)), 20), {.kind = PathKind::blackhole});
  tell(0, 160);
  ASSERT_EQ(rib.usage().refused4, 62u);
  EXPECT_EQ(rib.usage().latest_refused, route(159));
  EXPECT_FALSE(rib.unreachable()) << "not counted yet";
  while (!rib.count_unreachable(1us)) {
  }
  EXPECT_EQ(rib.unreachable()->prefixes, 32u) << "30 are in the /17; the blackhole is no way";
  rib.set(Source::feed_table, Prefix(IpAddress(Ip4(0x14009000u)), 20), via("192.0.2.2", 2));
  withdraw(0, 10);
  EXPECT_EQ(rib.usage().refused4, 53u);
  while (!rib.count_unreachable(1ms)) {
  }
  const size_t still_refused = rib.usage().refused4;
  EXPECT_LE(rib.unreachable()->prefixes, still_refused);
  rib.configure({.max_routes = 1000});
  forever();
  EXPECT_TRUE(rib.count_unreachable(1s));
  EXPECT_FALSE(rib.unreachable());
}

TEST_F(RibLimitTest, PathsHaveALimitOfTheirOwn) {
  rib.configure({.max_routes = 1000, .max_paths = 25});
  const auto tell_paths = [&](uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++) {
      for (uint32_t id = 1; id <= 3; id++) {
        rib.set_path(route(i), id, direct("192.0.2.2", 2, id));
      }
    }
  };
  tell_paths(0, 20);
  EXPECT_EQ(rib.usage().paths, 36u) << "8 prefixes have three, 12 the first, which each may have";
  EXPECT_EQ(rib.usage().not_taken, 24u);
  EXPECT_EQ(rib.usage().latest_not_taken, route(19));
  EXPECT_FALSE(rib.take_retell_wanted());
  for (uint32_t i = 0; i < 10; i++) {
    for (uint32_t id = 1; id <= 3; id++) {
      rib.remove_path(route(i), id);
    }
  }
  EXPECT_TRUE(rib.take_retell_wanted());
}

TEST_F(RibLimitTest, SourcesTellAgainWhatWasNotTaken) {
  const size_t before = rib.usage().bytes;
  rib.configure({.max_routes = 1000, .max_bytes = before + 20'000});
  tell(0, 1000);
  const Rib::Usage full = rib.usage();
  EXPECT_LT(full.bytes, full.max_bytes + 4096);
  EXPECT_GT(full.not_taken, 500u);
  EXPECT_FALSE(rib.take_retell_wanted());
  connected("192.0.2.0/24", 2);
  settle();
  EXPECT_EQ(fib("192.0.2.9").kind, PathKind::connected);
  withdraw(0, 100);
  EXPECT_TRUE(rib.take_retell_wanted());
  EXPECT_FALSE(rib.take_retell_wanted());
  EXPECT_EQ(rib.usage().not_taken, 0u);
  tell(900, 950);
  EXPECT_EQ(fib("20.3.132.1"), to(2, "192.0.2.2"));
}

/// The FIB's own limit of memory.
TEST_F(RibLimitTest, AFullFibRefusesAndIsTriedAgain) {
  const size_t limit = tables.stats(Family::ip4).bytes + 200'000;
  ip::ForwardingTables small(qsbr, {.ip4 = limit, .ip6 = limit});
  constexpr uint32_t kRoutes = 40'000;
  Rib full(small, [](IfId) { return true; });
  const auto route = [](uint32_t i) { return Prefix(IpAddress(Ip4(0x14000000u + i * 0x10100)), 24); };
  const auto work = [&](std::chrono::milliseconds later) {
    now += later;
    for (int i = 0; i < 1000 && full.next_deadline() && *full.next_deadline() <= now; i++) {
      full.settle(now);
    }
  };
  for (uint32_t i = 0; i < kRoutes; i++) {
    full.set_best(route(i), direct("192.0.2.2", 2, 1));
  }
  work(0ms);
  const size_t refused = full.usage().refused4;
  ASSERT_GT(refused, 0u);
  ASSERT_LT(refused, kRoutes);
  ASSERT_GT(*full.next_deadline(), now) << "tried without a pause";
  for (uint32_t i = 0; i < kRoutes; i++) {
    if (!full.find(route(i))->candidates[0].chosen) {
      continue;
    }
    full.remove_best(route(i));
  }
  for (int i = 0; i < 100 && full.usage().refused4 == refused; i++) {
    work(1000ms);
  }
  EXPECT_LT(full.usage().refused4, refused);
}

}  // namespace
}  // namespace floof::route
