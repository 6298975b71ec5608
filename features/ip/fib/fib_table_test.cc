// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "features/ip/fib/fib_fixture.h"

namespace floof::ip {
namespace {

using namespace fib_fixture;

class FibTableTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Bits, FibTableTest, testing::Values(32u, 128u));

/// Every variant that this CPU runs gives the naive answers, for vectors of any size.
void compare(FibTable& fib, const NaiveTable& naive, unsigned bits, std::mt19937_64& rng, size_t count) {
  std::vector<FibKey> keys;
  std::vector<GroupId> want;
  for (size_t i = 0; i < count; i++) {
    keys.push_back(random_key(rng, bits));
    if (rng() % 2 == 0 && naive.size() > 0) {  // the first or last address of a prefix, or the one after it
      auto it = naive.all().lower_bound({keys.back(), 0});
      keys.back() = it == naive.all().end() ? naive.all().begin()->first.key : it->first.key;
      keys.back().high += bits == 32 ? (rng() % 3 - 1) << 32 : 0;
      keys.back().low += bits == 128 ? rng() % 3 - 1 : 0;
    }
    if (rng() % 4 == 0 && i > 0) {  // trains of equal addresses, or of equal and inverted upper halves
      keys.back().high = rng() % 8 == 0 ? ~keys[i - 1].high : keys[i - 1].high;
      keys.back().low = rng() % 2 == 0 ? keys[i - 1].low : keys.back().low;
    }
    const auto match = naive.match(keys.back(), bits);
    want.emplace_back(match ? match->value : 0);
  }
  for (const fib::Variant variant : fib::kVariants) {
    if (fib::supported(variant)) {
      fib.use(variant);
      ASSERT_EQ(lookup(fib, bits, keys), want) << fib::lookups(variant).name;
    }
  }
  for (size_t i = 0; i < count; i++) {
    const auto max_length = static_cast<unsigned>(rng() % (bits + 1));
    const auto match = naive.match(keys[i], max_length);
    const auto got = fib.match(keys[i], max_length);
    ASSERT_EQ(got.has_value(), match.has_value());
    ASSERT_TRUE(!got || (got->length == match->length && got->value == match->value));
    ASSERT_EQ(fib.lookup(keys[i]), want[i].value());
  }
}

TEST_P(FibTableTest, AnswersAsTheNaiveTable) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits);
  NaiveTable naive;
  std::mt19937_64 rng(bits);
  std::vector<TestPrefix> known;
  for (int step = 0; step < 60000; step++) {
    const bool again = !known.empty() && rng() % 3 == 0;
    const TestPrefix prefix = again ? known[rng() % known.size()] : random_prefix(rng, bits);
    known.push_back(prefix);
    // Grows for a while, then shrinks, so that buckets burst and collapse.
    const bool grow = step % 20000 < 12000;
    if (rng() % 8 < (grow ? 7 : 1)) {
      const auto value = static_cast<uint32_t>(1 + rng() % 20);
      ASSERT_TRUE(fib.set(prefix.key, prefix.length, value).ok());
      naive.set(prefix, value);
    } else {
      ASSERT_EQ(fib.remove(prefix.key, prefix.length), naive.remove(prefix));
    }
    ASSERT_EQ(fib.size(), naive.size());
    if (step % 500 == 0) {
      compare(fib, naive, bits, rng, 1 + rng() % 300);
    }
  }
  while (naive.size() > 0) {
    const TestPrefix prefix = naive.all().begin()->first;
    ASSERT_TRUE(fib.remove(prefix.key, prefix.length));
    naive.remove(prefix);
    if (naive.size() % 500 == 0) {
      compare(fib, naive, bits, rng, 100);
    }
  }
  EXPECT_EQ(fib.blocks_in_use(), 0u);
  EXPECT_EQ(fib.reclaim(), 0u);
  EXPECT_EQ(fib.bytes(), FibTable(qsbr, bits).bytes()) << "every node was given back";
}

TEST_P(FibTableTest, EveryLengthAloneAndNested) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits);
  NaiveTable naive;
  std::mt19937_64 rng(1);
  const FibKey all_ones{~uint64_t{0}, ~uint64_t{0}};
  for (unsigned length = 0; length <= bits; length++) {
    const TestPrefix prefix{masked(all_ones, length), length};
    ASSERT_TRUE(fib.set(prefix.key, length, length + 1).ok());
    naive.set(prefix, length + 1);
    compare(fib, naive, bits, rng, 50);
  }
  for (unsigned length = 0; length <= bits; length++) {
    ASSERT_TRUE(fib.remove(masked(all_ones, length), length));
    naive.remove({masked(all_ones, length), length});
    compare(fib, naive, bits, rng, 50);
    if (length < bits) {
      ASSERT_TRUE(fib.set(masked(all_ones, bits), bits, 7).ok());
      naive.set({masked(all_ones, bits), bits}, 7);
    }
  }
  EXPECT_EQ(fib.size(), 0u);
}

TEST_P(FibTableTest, RefusesRoutesAtItsLimit) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  const size_t limit = FibTable(qsbr, bits).bytes() + (size_t{2} << 20);
  FibTable fib(qsbr, bits, limit);
  EXPECT_EQ(fib.limit(), limit);
  std::mt19937_64 rng(2);
  std::vector<TestPrefix> in;
  std::optional<TestPrefix> refused;
  while (!refused) {
    const TestPrefix prefix{masked({rng(), rng()}, bits == 32 ? 24 : 64), bits == 32 ? 24u : 64u};
    const auto done = fib.set(prefix.key, prefix.length, 1);
    if (done) {
      in.push_back(prefix);
    } else {
      refused = prefix;
      EXPECT_NE(done.error().text().find("memory limit"), std::string::npos) << done.error().text();
    }
  }
  EXPECT_GT(in.size(), 5000u);
  EXPECT_LT(fib.bytes(), limit + 4096);
  EXPECT_EQ(fib.lookup(refused->key), 0u) << "nothing changed";
  EXPECT_TRUE(fib.set(in[0].key, in[0].length, 2).ok()) << "replacing needs no memory";
  EXPECT_EQ(fib.lookup(in[0].key), 2u);
  for (size_t i = 1; i < 1000; i++) {
    EXPECT_TRUE(fib.remove(in[i].key, in[i].length));
  }
  EXPECT_TRUE(fib.set(refused->key, refused->length, 3).ok());
  EXPECT_EQ(fib.lookup(refused->key), 3u);
}

TEST_P(FibTableTest, ValuesOutOfRangeAreErrors) {
  Qsbr qsbr;
  FibTable fib(qsbr, GetParam());
  EXPECT_FALSE(fib.set({}, 0, 0).ok());
  EXPECT_FALSE(fib.set({}, 0, FibTable::kMaxValue + 1).ok());
  EXPECT_TRUE(fib.set({}, 0, FibTable::kMaxValue).ok());
  EXPECT_EQ(fib.lookup({}), FibTable::kMaxValue);
}

/// Adds, replaces and deletes `count` times among `pool`.
void churn(FibTable& fib, const std::vector<TestPrefix>& pool, std::mt19937_64& rng, int count) {
  for (int i = 0; i < count; i++) {
    const TestPrefix& prefix = pool[rng() % pool.size()];
    if (rng() % 2 == 0) {
      ASSERT_TRUE(fib.set(prefix.key, prefix.length, static_cast<uint32_t>(1 + rng() % 64)).ok());
    } else {
      fib.remove(prefix.key, prefix.length);
    }
  }
}

TEST_P(FibTableTest, ChurnDoesNotGrowIt) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits);
  std::mt19937_64 rng(3);
  std::vector<TestPrefix> pool;
  for (int i = 0; i < 40000; i++) {
    pool.push_back(random_prefix(rng, bits));
    pool.back().length = std::max(pool.back().length, 8u);  // a shorter one repaints everything: slow, and no matter
    pool.back().key = masked(pool.back().key, pool.back().length);
  }
  churn(fib, pool, rng, 200000);
  const size_t early = fib.committed();
  churn(fib, pool, rng, 600000);
  EXPECT_LT(fib.committed(), early + early / 8 + (size_t{1} << 20));
  for (const TestPrefix& prefix : pool) {
    fib.remove(prefix.key, prefix.length);
  }
  EXPECT_EQ(fib.blocks_in_use(), 0u);
}

}  // namespace
}  // namespace floof::ip
