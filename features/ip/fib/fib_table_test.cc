// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "features/ip/fib/fib_fixture.h"

namespace floof::ip {
namespace {

using namespace fib_fixture;

using Form = FibTable::Form;

class FibTableTest : public testing::TestWithParam<std::pair<unsigned, Form>> {};
INSTANTIATE_TEST_SUITE_P(Forms, FibTableTest,
                         testing::Values(std::pair(32u, Form::large), std::pair(128u, Form::large),
                                         std::pair(32u, Form::adaptive), std::pair(128u, Form::adaptive)));

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

/// Of a table from which all prefixes were removed.
void expect_given_back(FibTable& fib, Qsbr& qsbr, unsigned bits, Form form) {
  EXPECT_EQ(fib.blocks_in_use(), 0u);
  EXPECT_EQ(fib.reclaim(), 0u);
  EXPECT_EQ(fib.bytes(), FibTable(qsbr, bits, FibTable::kDefaultLimit, form).bytes()) << "every node was given back";
}

TEST_P(FibTableTest, AnswersAsTheNaiveTable) {
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
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
  expect_given_back(fib, qsbr, bits, form);
}

/// With changes of all kinds between, of which lookups know at once.
TEST_P(FibTableTest, LoadsWhatIsNotThere) {
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
  NaiveTable naive;
  std::mt19937_64 rng(bits + 7);
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 10000; i++) {
      const TestPrefix prefix = random_prefix(rng, bits);
      const auto value = static_cast<uint32_t>(1 + rng() % 20);
      switch (rng() % 8) {
        case 0:
          ASSERT_TRUE(fib.set(prefix.key, prefix.length, value).ok());
          naive.set(prefix, value);
          break;
        case 1:
          ASSERT_EQ(fib.remove(prefix.key, prefix.length), naive.remove(prefix));
          break;
        case 2:
          if (rng() % 64 == 0) {
            (void)fib.publish_loaded();
          }
          break;
        default:
          fib.load(prefix.key, prefix.length, value);
          if (!naive.all().contains(prefix)) {
            naive.set(prefix, value);
          }
      }
      ASSERT_EQ(fib.size(), naive.size());
    }
    while (fib.publish_loaded()) {
    }
    ASSERT_TRUE(fib.large() || fib.size() < FibTable::kGrowAt);
    compare(fib, naive, bits, rng, 600);
  }
  for (const auto& [prefix, value] : naive.all()) {
    ASSERT_TRUE(fib.remove(prefix.key, prefix.length));
  }
  expect_given_back(fib, qsbr, bits, form);
}

/// What was looked up before stays right until the new is there.
TEST_P(FibTableTest, LoadingDisturbsNobody) {
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
  NaiveTable naive;
  std::mt19937_64 rng(3);
  for (int i = 0; i < 3000; i++) {
    const TestPrefix prefix = random_prefix(rng, bits);
    ASSERT_TRUE(fib.set(prefix.key, prefix.length, 7).ok());
    naive.set(prefix, 7);
  }
  for (int i = 0; i < 3000; i++) {
    const TestPrefix prefix = random_prefix(rng, bits);
    fib.load(prefix.key, prefix.length, 8);
    const FibKey key = random_key(rng, bits);
    const auto match = naive.match(key, bits);
    ASSERT_EQ(fib.lookup(key), match ? match->value : 0);
  }
}

TEST_P(FibTableTest, LoadsNoMoreThanItsLimitAllows) {
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  const size_t limit = FibTable(qsbr, bits, FibTable::kDefaultLimit, form).bytes() + (size_t{2} << 20);
  FibTable fib(qsbr, bits, limit, form);
  std::mt19937_64 rng(5);
  for (int i = 0; i < 200000; i++) {
    fib.load(masked({rng(), rng()}, bits == 32 ? 24 : 64), bits == 32 ? 24u : 64u, 1);
  }
  while (fib.publish_loaded()) {
  }
  EXPECT_GT(fib.size(), 2000u);
  EXPECT_LT(fib.size(), 190000u);
  EXPECT_LT(fib.bytes(), limit + 4096);
}

TEST_P(FibTableTest, EveryLengthAloneAndNested) {
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
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
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  const size_t limit = FibTable(qsbr, bits, FibTable::kDefaultLimit, form).bytes() + (size_t{2} << 20);
  FibTable fib(qsbr, bits, limit, form);
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
  const auto [bits, form] = GetParam();
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
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
  const auto [bits, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
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

// -- Tables that change their form ------------------------------------------------------------------------------------

class FibFormTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Bits, FibFormTest, testing::Values(32u, 128u));

/// Random prefixes until the table has `count`: some that nest, and some anywhere.
void fill_to(size_t count, FibTable& fib, NaiveTable& naive, unsigned bits, std::mt19937_64& rng) {
  while (fib.size() < count) {
    TestPrefix prefix = random_prefix(rng, bits);
    if (rng() % 2 == 0) {
      prefix.length = static_cast<unsigned>(bits / 2 + 1 + rng() % (bits / 2));
      prefix.key = masked({rng(), bits == 32 ? 0 : rng()}, prefix.length);
    }
    const auto value = static_cast<uint32_t>(1 + rng() % FibTable::kMaxValue);
    ASSERT_TRUE(fib.set(prefix.key, prefix.length, value).ok());
    naive.set(prefix, value);
  }
}

TEST_P(FibFormTest, GrowsAndShrinksAndAnswersAsTheNaiveTable) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  FibTable::Memory memory(qsbr);
  FibTable other(memory, bits, Form::adaptive);  // in the same memory, and not disturbed
  ASSERT_TRUE(other.set({}, 0, 77).ok());
  const size_t alone = other.bytes();
  {
    FibTable fib(memory, bits, Form::adaptive);
    NaiveTable naive;
    std::mt19937_64 rng(bits + 3);
    for (int round = 0; round < 2; round++) {
      fill_to(FibTable::kGrowAt - 1, fib, naive, bits, rng);
      EXPECT_FALSE(fib.large());
      compare(fib, naive, bits, rng, 300);
      fill_to(FibTable::kGrowAt + 500, fib, naive, bits, rng);
      EXPECT_TRUE(fib.large());
      compare(fib, naive, bits, rng, 300);
      while (fib.size() > FibTable::kShrinkAt - 500) {
        const auto& all = naive.all();
        const auto at = all.lower_bound({random_key(rng, bits), 0});
        const TestPrefix prefix = at == all.end() ? all.begin()->first : at->first;
        ASSERT_TRUE(fib.remove(prefix.key, prefix.length));
        naive.remove(prefix);
        EXPECT_EQ(fib.large(), fib.size() > FibTable::kShrinkAt);
        if (fib.size() % 1000 == 0) {
          compare(fib, naive, bits, rng, 100);
        }
      }
      compare(fib, naive, bits, rng, 300);
      ASSERT_EQ(other.lookup({0x0102030405060708, 9}), 77u);
    }
    EXPECT_EQ(fib.size(), naive.size());
  }
  EXPECT_EQ(other.lookup({~uint64_t{0}, 0}), 77u);
  EXPECT_EQ(other.reclaim(), 0u);
  EXPECT_EQ(other.bytes(), alone) << "a table that is gone leaves nothing behind";
}

TEST_P(FibFormTest, StaysSmallWhereThereIsNoRoomToGrow) {
  const unsigned bits = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, size_t{16} << 20, Form::adaptive);
  NaiveTable naive;
  std::mt19937_64 rng(5);
  fill_to(FibTable::kGrowAt + 100, fib, naive, bits, rng);
  EXPECT_FALSE(fib.large());
  compare(fib, naive, bits, rng, 300);
}

}  // namespace
}  // namespace floof::ip
