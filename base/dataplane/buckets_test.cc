// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/buckets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace floof {
namespace {

constexpr size_t kBuckets = 64;
using Buckets = std::array<uint32_t, kBuckets>;

std::map<uint32_t, unsigned> counts(const Buckets& buckets) {
  std::map<uint32_t, unsigned> out;
  for (const uint32_t b : buckets) {
    out[b]++;
  }
  return out;
}

unsigned moved(const Buckets& a, const Buckets& b) {
  unsigned out = 0;
  for (size_t i = 0; i < a.size(); i++) {
    out += a[i] != b[i];
  }
  return out;
}

TEST(Buckets, EqualMembersDifferByAtMostOne) {
  for (uint32_t n = 1; n <= kBuckets; n++) {
    std::vector<BucketMember> members;
    for (uint32_t i = 1; i <= n; i++) {
      members.push_back({i, 1});
    }
    const auto c = counts(assign_buckets(Buckets{}, members));
    ASSERT_EQ(c.size(), n);
    for (const auto& [id, count] : c) {
      EXPECT_GE(count, kBuckets / n);
      EXPECT_LE(count, (kBuckets + n - 1) / n);
    }
  }
}

TEST(Buckets, FollowsWeights) {
  const std::vector<BucketMember> members = {{1, 1}, {2, 3}, {3, 4}, {4, 255}};
  const auto c = counts(assign_buckets(Buckets{}, members));
  EXPECT_EQ(c.size(), 4u);  // even the lightest gets one
  const std::vector<BucketMember> half = {{1, 1}, {2, 3}};
  const auto d = counts(assign_buckets(Buckets{}, half));
  EXPECT_EQ(d.at(1), 16u);
  EXPECT_EQ(d.at(2), 48u);
}

TEST(Buckets, ALeavingMemberMovesOnlyItsOwn) {
  std::mt19937 rng(5);
  for (int round = 0; round < 500; round++) {
    std::vector<BucketMember> members;
    const uint32_t n = 2 + rng() % 20;
    for (uint32_t i = 1; i <= n; i++) {
      members.push_back({i, 1});
    }
    const Buckets before = assign_buckets(Buckets{}, members);
    const size_t leaver = rng() % members.size();
    const uint32_t gone = members[leaver].id;
    members.erase(members.begin() + static_cast<long>(leaver));
    const Buckets after = assign_buckets(before, members);
    for (size_t b = 0; b < kBuckets; b++) {
      if (before[b] != gone) {
        EXPECT_EQ(before[b], after[b]);
      } else {
        EXPECT_NE(after[b], gone);
      }
    }
    // And back again: only what the newcomer is owed moves.
    members.push_back({gone, 1});
    const Buckets back = assign_buckets(after, members);
    EXPECT_EQ(moved(after, back), counts(back).at(gone));
    EXPECT_LE(counts(back).at(gone), (kBuckets + n - 1) / n);
  }
}

TEST(Buckets, RandomChangesMoveTheLeastPossible) {
  std::mt19937 rng(8);
  Buckets present{};
  for (int round = 0; round < 2000; round++) {
    std::vector<BucketMember> members;
    for (uint32_t id = 1; id <= 12; id++) {
      if (rng() % 2) {
        members.push_back({id, 1 + static_cast<uint32_t>(rng() % 4)});
      }
    }
    if (members.empty()) {
      continue;
    }
    std::shuffle(members.begin(), members.end(), rng);
    const Buckets next = assign_buckets(present, members);
    const auto had = counts(present);
    const auto has = counts(next);
    unsigned owed = 0;  // buckets that somebody gained: no assignment with these counts moves fewer
    for (const auto& [id, count] : has) {
      const unsigned before = had.contains(id) ? had.at(id) : 0;
      owed += count > before ? count - before : 0;
    }
    EXPECT_EQ(moved(present, next), owed);
    EXPECT_EQ(moved(next, assign_buckets(next, members)), 0u) << "not stable";
    present = next;
  }
}

}  // namespace
}  // namespace floof
