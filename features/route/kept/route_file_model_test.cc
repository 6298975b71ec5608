// SPDX-License-Identifier: GPL-3.0-or-later
//
// A writer that is killed at random, some hundreds of times: what is found must be what it had been told last, but for
// the one prefix that it was about to write, which may be as before.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

#include "base/test_folder.h"
#include "features/route/kept/route_file.h"
#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

constexpr uint32_t kKeptPrefixes = 200;
constexpr int kKills = 200;
constexpr ProcessId kBird{.pid = 77, .start_time = 1234};

/// Shared by the writer and who kills it: what it told by prefix (0: nothing), and what it is about to tell.
struct Plan {
  std::array<uint32_t, kKeptPrefixes> told;
  uint32_t prefix, value;
  uint32_t changes;  ///< that were made
};

Prefix kept_prefix(uint32_t i) {
  return i % 2 == 0 ? Prefix(Ip4(0x14000000u + (i << 8)), 24)
                    : Prefix(Ip6::from_halves(0x20010db800000000u + (uint64_t{i} << 8), 0), 56);
}

/// All parts of a path tell the same number, so that a mixture of two does not pass.
BgpPath kept_path(uint32_t value) {
  return {.next_hop = {std::nullopt, IpAddress(Ip6::from_halves(0xfe80ull << 48 | value, value))},
          .peer = value,
          .preference = value,
          .local_pref = value,
          .as_path_length = value,
          .first_as = value,
          .med = value,
          .igp_metric = value};
}

/// Few values, so that prefixes share paths, whose places are used again and again.
[[noreturn]] void write_until_killed(const std::string& path, Plan& plan, uint32_t seed) {
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Rib rib{tables, [](IfId) { return true; }};
  auto keeper = RouteKeeper::create(path, [](IfId) { return std::string(); });
  if (!keeper || !(*keeper)->publish()) {
    _exit(1);
  }
  (*keeper)->told_by(kBird);
  rib.keep_best(keeper->get());
  std::mt19937 random(seed);
  const auto store = [](uint32_t& to, uint32_t value) { std::atomic_ref(to).store(value); };
  while (true) {
    const uint32_t i = random() % kKeptPrefixes, value = random() % 4 == 0 ? 0 : 1 + random() % 50;
    store(plan.value, value);
    store(plan.prefix, i);
    if (value == 0) {
      rib.remove_best(kept_prefix(i));
    } else {
      rib.set_best(kept_prefix(i), kept_path(value));
    }
    store(plan.told[i], value);
    store(plan.prefix, kKeptPrefixes);
    store(plan.changes, plan.changes + 1);
    if (random() % 16 == 0) {
      rib.settle(std::chrono::steady_clock::now() + 10s * (random() % 2));
      qsbr.reclaim();
    }
  }
}

TEST(RouteFile, ConsistentAfterAKillAtAnyInstruction) {
  const TestFolder folder;
  const std::string path = folder.path() + "/routes.0";
  auto* const plan =
      static_cast<Plan*>(mmap(nullptr, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(plan, MAP_FAILED);
  std::mt19937 random(20261201);
  size_t found = 0, in_between = 0;
  for (int kill_number = 0; kill_number < kKills; kill_number++) {
    *plan = {};
    plan->prefix = kKeptPrefixes;
    const uint32_t seed = random();
    const pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      write_until_killed(path, *plan, seed);
    }
    const uint32_t enough = 1 + random() % 3000;
    while (std::atomic_ref(plan->changes).load() < enough && waitpid(writer, nullptr, WNOHANG) == 0) {
    }
    usleep(random() % 100);
    kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it could not write";

    auto kept = KeptRoutes::open(path, kBird, [](std::string_view) { return IfId{}; });
    ASSERT_TRUE(kept) << kept.error().text();
    ASSERT_TRUE(*kept);
    EXPECT_TRUE((*kept)->same_bird());
    std::map<Prefix, BgpPath> read;
    (*kept)->read(kMostRecords, [&](const Prefix& prefix, const BgpPath& its_path) {
      EXPECT_TRUE(read.emplace(prefix, its_path).second) << to_string(prefix) << " twice";
    });
    for (uint32_t i = 0; i < kKeptPrefixes; i++) {
      const auto at = read.find(kept_prefix(i));
      const uint32_t value = at == read.end() ? 0 : at->second.peer;
      const bool doing = plan->prefix == i;
      EXPECT_TRUE(value == plan->told[i] || (doing && value == plan->value))
          << to_string(kept_prefix(i)) << " has " << value << " instead of " << plan->told[i] << ", kill "
          << kill_number;
      if (value != 0) {
        EXPECT_EQ(at->second, kept_path(value));
        found++;
      }
      in_between += doing ? 1 : 0;
    }
  }
  munmap(plan, sizeof(Plan));
  EXPECT_GT(found, size_t{kKills} * 20) << "the writers hardly came to write";
  EXPECT_GT(in_between, size_t{kKills} / 20) << "hardly any was killed within a change";
}

}  // namespace
}  // namespace floof::route
