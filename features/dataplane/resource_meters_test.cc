// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/resource_meters.h"

#include <gtest/gtest.h>

#include "features/dataplane/machine_limits.h"

namespace floof::dataplane {
namespace {

using namespace std::chrono_literals;

class ResourceMetersTest : public testing::Test {
 protected:
  static Resource routes(uint64_t used, uint64_t refused = 0) {
    return {.name = "routes",
            .used = used,
            .limit = 1000,
            .refused = refused,
            .latest = refused == 0 ? "" : "192.0.2.0/24",
            .effect = "new ones are refused",
            .remedy = "raise it"};
  }
  ResourceMeters::Level level(uint64_t used, uint64_t refused = 0) {
    meters_.look({routes(used, refused)}, at_);
    return meters_.meters().at(0).level;
  }
  /// Looks each second for a while, in which it grows evenly.
  const ResourceMeters::Meter& grow(double from, double to, std::chrono::seconds time) {
    for (auto past = 0s; past < time; past += 1s, at_ += 1s) {
      const double used = from + (to - from) * static_cast<double>(past.count()) / static_cast<double>(time.count());
      meters_.look({routes(static_cast<uint64_t>(used))}, at_);
    }
    return meters_.meters().at(0);
  }
  ResourceMeters meters_;
  ResourceMeters::Clock::time_point at_{1000s};
};

TEST_F(ResourceMetersTest, LevelsDoNotFlutter) {
  using enum ResourceMeters::Level;
  EXPECT_EQ(level(799), fine);
  EXPECT_EQ(level(800), high);
  EXPECT_EQ(level(750), high);
  EXPECT_EQ(level(749), fine);
  EXPECT_EQ(level(799), fine);
  EXPECT_EQ(level(1000), full);
  EXPECT_EQ(level(980), full);
  EXPECT_EQ(level(979), high);
  EXPECT_EQ(level(500, 1), full) << "something is refused, for whatever reason";
  EXPECT_EQ(level(500), fine);
  EXPECT_EQ(level(1002), full) << "what has to be there goes beyond the limit";
}

TEST_F(ResourceMetersTest, AlarmsTellWhatIsKeptOut) {
  level(700);
  EXPECT_TRUE(meters_.incidents().empty());
  level(805);
  ASSERT_EQ(meters_.incidents().size(), 1u);
  EXPECT_EQ(meters_.incidents()[0].kind, "limit at 80 %");
  EXPECT_EQ(meters_.incidents()[0].cause, "805 of 1000 are used (80 %)");
  EXPECT_EQ(meters_.incidents()[0].effect, "none yet; when it is full: new ones are refused");
  level(1000, 7);
  ASSERT_EQ(meters_.incidents().size(), 1u);
  EXPECT_EQ(meters_.incidents()[0].kind, "limit reached");
  EXPECT_EQ(meters_.incidents()[0].cause, "the limit of 1000 is reached, 7 are refused, the last was 192.0.2.0/24");
  EXPECT_EQ(meters_.incidents()[0].remedy, "raise it");
  Resource memory = routes(64 << 20);
  memory.bytes = true;
  memory.limit = 64 << 20;
  memory.more = "more";
  meters_.look({memory}, at_);
  EXPECT_EQ(meters_.incidents()[0].cause, "the limit of 64.0 MiB is reached; more");
}

TEST_F(ResourceMetersTest, GrowthIsForecast) {
  EXPECT_EQ(grow(100, 110, 170s).full_in, std::nullopt) << "too early to say";
  const auto& meter = grow(110, 200, 900s);  // 360 an hour
  ASSERT_TRUE(meter.full_in);
  EXPECT_NEAR(static_cast<double>(meter.full_in->count()), 800 * 10.0, 2500);
  EXPECT_GE(meter.observed, 1000s);
  level(850);
  EXPECT_NE(meters_.incidents()[0].cause.find("; if it goes on growing like that it is full in"), std::string::npos)
      << meters_.incidents()[0].cause;
}

TEST_F(ResourceMetersTest, ALoadIsNoGrowth) {
  grow(0, 700, 60s);
  EXPECT_EQ(grow(700, 700, 300s).full_in, std::nullopt);
  grow(700, 600, 600s);
  const auto& meter = grow(600, 700, 200s);  // back to where it was
  EXPECT_EQ(meter.full_in, std::nullopt);
  EXPECT_EQ(meter.growth, 0);
  const auto observed = grow(700, 700, 4000s).observed;
  EXPECT_TRUE(observed > 3580s && observed <= 3600s) << observed.count() << ": an hour is looked at";
}

TEST(MachineLimits, FollowFromItsMemory) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  const MachineLimits small = machine_limits(kGiB / 2), usual = machine_limits(2 * kGiB),
                      big = machine_limits(64 * kGiB);
  EXPECT_EQ(small.routes, 349'525u);
  EXPECT_EQ(usual.routes, 1'398'101u);
  EXPECT_EQ(big.routes, 4'000'000u);
  EXPECT_EQ(small.fib_bytes >> 20, 32u);
  EXPECT_EQ(usual.fib_bytes >> 20, 128u);
  EXPECT_EQ(big.fib_bytes >> 20, 256u);
  EXPECT_EQ(small.neighbors, 16384u);
  EXPECT_EQ(big.neighbors, 65536u);
  EXPECT_EQ(small.interfaces, 1024u);
  EXPECT_EQ(usual.interfaces, 4096u);
  EXPECT_EQ(big.interfaces, 8192u);
  EXPECT_EQ(machine_limits(0).routes, 100'000u) << "too little to run, but nothing that stops it";
  EXPECT_EQ(machine_limits().routes, machine_limits().routes);
}

}  // namespace
}  // namespace floof::dataplane
