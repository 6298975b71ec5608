// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace floof {
namespace {

TEST(TokenBucket, BurstThenRate) {
  const auto rate = TokenRate::of(1'000'000, 1000, 10);
  TokenBucket bucket;
  uint64_t now = 5'000'000'000;
  unsigned taken = 0;
  while (bucket.take(rate, now)) {
    taken++;
  }
  EXPECT_EQ(taken, 10u);
  // Against the plain definition: one packet per millisecond.
  taken = 0;
  for (int i = 0; i < 1'000'000; i += 100) {
    now += 100;
    taken += bucket.take(rate, now);
  }
  EXPECT_EQ(taken, 1000u);
  EXPECT_FALSE(bucket.take(rate, now - 50)) << "time that goes back gives nothing";
}

TEST(TokenBucket, FollowsAnotherRateAndTakesOneBack) {
  TokenBucket bucket;
  const auto wide = TokenRate::of(1'000'000, 1000, 100), narrow = TokenRate::of(1'000'000, 1000, 2);
  EXPECT_TRUE(bucket.take(wide, 1'000'000));
  unsigned taken = 0;
  while (bucket.take(narrow, 1'000'001)) {
    taken++;
  }
  EXPECT_EQ(taken, 2u);
  bucket.give(narrow);
  EXPECT_TRUE(bucket.take(narrow, 1'000'001));
  EXPECT_FALSE(bucket.take(TokenRate::of(1'000'000, 0, 5), 9'000'000)) << "a rate of 0 lets nothing through";
}

}  // namespace
}  // namespace floof
