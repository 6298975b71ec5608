// SPDX-License-Identifier: GPL-3.0-or-later
//
// Readers against the writer, with a naive table as the judge: the whole sequence of updates is known beforehand, and
// so is what each probed address maps to after each of them. A reader notes which updates had finished before its
// lookup and which had begun after it; its answer must be that of some moment in between. Each update has a value of
// its own, so a torn, recycled or late answer shows. To be run under TSan too (it uses the generic lookups, which TSan
// sees).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "features/ip/fib/fib_fixture.h"
#include "features/ip/fib/fib_table.h"

namespace floof::ip {
namespace {

using namespace fib_fixture;

constexpr uint32_t kUpdates = 60000;
constexpr size_t kPrefixes = 600;
constexpr size_t kProbes = 256;

struct Update {
  TestPrefix prefix;
  bool set;
};

/// What a probed address maps to from this update on.
struct Moment {
  uint32_t update;
  uint32_t value;
};

struct Script {
  std::vector<Update> updates;  ///< number i (from 1 up) sets the value i
  std::vector<FibKey> probes;
  std::vector<std::vector<Moment>> history;  ///< by probe, begins with {0, 0}
};

Script make_script(unsigned bits) {
  std::mt19937_64 rng(bits + 7);
  Script script;
  std::vector<TestPrefix> prefixes;
  while (prefixes.size() < kPrefixes) {
    prefixes.push_back(random_prefix(rng, bits));
    prefixes.back().length = std::max(prefixes.back().length, bits == 32 ? 10u : 14u);
    prefixes.back().key = masked(prefixes.back().key, prefixes.back().length);
  }
  for (size_t i = 0; i < kProbes; i++) {
    script.probes.push_back(i % 2 ? prefixes[rng() % prefixes.size()].key : random_key(rng, bits));
  }
  script.history.assign(kProbes, {{0, 0}});
  NaiveTable naive;
  for (uint32_t number = 1; number <= kUpdates; number++) {
    const Update update{prefixes[rng() % prefixes.size()], rng() % 3 != 0};
    script.updates.push_back(update);
    if (update.set) {
      naive.set(update.prefix, number);
    } else {
      naive.remove(update.prefix);
    }
    for (size_t i = 0; i < kProbes; i++) {
      if (update.prefix.contains(script.probes[i])) {
        const auto match = naive.match(script.probes[i], bits);
        script.history[i].push_back({number, match ? match->value : 0});
      }
    }
  }
  return script;
}

bool legal(const std::vector<Moment>& history, uint32_t value, uint32_t finished, uint32_t begun) {
  auto it = std::upper_bound(history.begin(), history.end(), finished,
                             [](uint32_t update, const Moment& m) { return update < m.update; });
  for (--it; it != history.end() && it->update <= begun; ++it) {
    if (it->value == value) {
      return true;
    }
  }
  return false;
}

struct Shared {
  const Script& script;
  const FibTable& fib;
  Qsbr& qsbr;
  unsigned bits;
  std::atomic<uint32_t> begun{0}, finished{0};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> lookups{0}, wrong{0};
};

void read(Shared& shared, unsigned slot, unsigned seed) {
  std::mt19937_64 rng(seed);
  shared.qsbr.online(slot);
  while (!shared.stop.load(std::memory_order_relaxed)) {
    std::vector<size_t> which;
    std::vector<FibKey> keys;
    for (size_t i = 1 + rng() % 64; i > 0; i--) {
      which.push_back(rng() % kProbes);
      keys.push_back(shared.script.probes[which.back()]);
    }
    const uint32_t finished = shared.finished.load(std::memory_order_acquire);
    const auto got = lookup(shared.fib, shared.bits, keys);
    const uint32_t begun = shared.begun.load(std::memory_order_acquire);
    for (size_t i = 0; i < which.size(); i++) {
      shared.wrong += !legal(shared.script.history[which[i]], got[i].value(), finished, begun);
    }
    shared.lookups += which.size();
    shared.qsbr.quiescent(slot);
  }
  shared.qsbr.offline(slot);
}

/// What a table has beside the script's prefixes, where no probe is: with it the table is large, without it small.
void flood(FibTable& fib, unsigned bits, bool in) {
  for (uint64_t i = 0; i < FibTable::kGrowAt; i++) {
    const FibKey key{0x8000000000000000 | i << 40, 0};
    if (in) {
      ASSERT_TRUE(fib.set(key, bits == 32 ? 24 : 48, 1).ok());
    } else {
      ASSERT_TRUE(fib.remove(key, bits == 32 ? 24 : 48));
    }
  }
  ASSERT_EQ(fib.large(), in);
}

struct Raced {
  unsigned bits;
  fib::Variant variant;
  FibTable::Form form;
};
class FibRace : public testing::TestWithParam<Raced> {};
std::vector<Raced> what_this_cpu_runs() {
  std::vector<Raced> out;
  for (const fib::Variant variant : fib::kVariants) {
    if (fib::supported(variant)) {
      out.push_back({32, variant, FibTable::Form::large});
      out.push_back({128, variant, FibTable::Form::large});
    }
  }
  out.push_back({32, fib::best_variant(), FibTable::Form::adaptive});
  out.push_back({128, fib::best_variant(), FibTable::Form::adaptive});
  return out;
}
INSTANTIATE_TEST_SUITE_P(Tables, FibRace, testing::ValuesIn(what_this_cpu_runs()));

TEST_P(FibRace, EveryAnswerWasTrueAtSomeTime) {
  const auto [bits, variant, form] = GetParam();
  Qsbr qsbr;
  FibTable fib(qsbr, bits, FibTable::kDefaultLimit, form);
  fib.use(variant);
  const Script script = make_script(bits);
  Shared shared{script, fib, qsbr, bits};
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 2; i++) {
    readers.emplace_back(read, std::ref(shared), qsbr.add_reader(), i + 1);
  }
  while (shared.lookups < 1000) {
    std::this_thread::yield();
  }
  const uint32_t kTide = 6000;
  auto start = std::chrono::steady_clock::now();
  for (uint32_t number = 1; number <= kUpdates; number++) {
    const Update& update = script.updates[number - 1];
    shared.begun.store(number, std::memory_order_release);
    if (update.set) {
      ASSERT_TRUE(fib.set(update.prefix.key, update.prefix.length, number).ok());
    } else {
      fib.remove(update.prefix.key, update.prefix.length);
    }
    shared.finished.store(number, std::memory_order_release);
    if (form == FibTable::Form::adaptive && number % kTide == 0) {
      const auto before = std::chrono::steady_clock::now();
      flood(fib, bits, number / kTide % 2 == 1);
      qsbr.reclaim();
      start += std::chrono::steady_clock::now() - before;
    }
    // 125k updates/s, so that the readers meet many different moments.
    while (std::chrono::steady_clock::now() - start < std::chrono::microseconds(8 * uint64_t{number})) {
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  shared.stop = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(shared.wrong, 0u) << "of " << shared.lookups << " lookups";
  EXPECT_GT(shared.lookups, 10000u);
  RecordProperty("updates_per_second", static_cast<int>(kUpdates / took.count()));
  RecordProperty("lookups", static_cast<int>(shared.lookups));
}

}  // namespace
}  // namespace floof::ip
