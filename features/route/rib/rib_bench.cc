// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-rib-bench [--json FILE] [--quick]: memory and speed of the RIB with the tables of a full Internet feed, told as
// BIRD's two feeds tell them: each prefix as feed-best's choice and as a path of feed-all. 20 peers, 64 next hops (half
// of the peers' are recursive), 50,000 different sets of attributes. The FIB is filled too; its bytes, which malloc
// does not know, are told beside.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "features/ip/fib/table_generator.h"
#include "features/ip/tables/forwarding.h"
#include "features/route/rib/rib.h"

namespace floof::route {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kAttributeSets = 50'000;
constexpr uint32_t kNextHops = 64;
constexpr uint32_t kPeers = 20;
/// So many routes come in one turn of the event loop.
constexpr size_t kBatch = 2000;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

/// Without the FIB's blocks, which are no memory of malloc's.
double heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

class Report {
 public:
  void add(const std::string& name, const char* unit, double value) {
    fmt::print("{:34} {:>14.{}f} {}\n", name, value, value < 1000 ? 2 : 0, unit);
    std::fflush(stdout);
    all_.push_back({{"name", name}, {"unit", unit}, {unit, value}, {"runs", 1}});
  }
  void write(const char* file) const { std::ofstream(file) << all_.dump(1) << "\n"; }

 private:
  nlohmann::json all_ = nlohmann::json::array();
};

/// One of the sets of attributes, the same in each run.
BgpPath path_of(uint32_t set, Family family) {
  const uint32_t peer = set % kPeers;
  const uint32_t hop = 1 + (peer * 3 + set / kPeers % 4) % kNextHops;
  BgpPath path{.peer = peer, .internal = peer % 2 == 0, .first_as = 64500 + peer};
  path.next_hop.gateway =
      family == Family::ip4 ? IpAddress(Ip4(0x0a000000u + hop)) : IpAddress(Ip6::from_halves(0x20010db800000000u, hop));
  if (!path.internal) {
    path.next_hop.interface = IfId(static_cast<uint16_t>(1 + peer));
  }
  path.as_path_length = 1 + set / 80 % 8;
  path.med = set / 640;
  return path;
}

class Bench {
 public:
  explicit Bench(std::vector<Prefix> prefixes) : prefixes_(std::move(prefixes)) {
    for (const char* const subnet : {"10.0.0.0/16", "2001:db8::/64"}) {
      rib_.set(Source::connected, *parse_prefix(subnet),
               {.kind = ip::PathKind::connected, .next_hops = {{.interface = IfId(1)}}});
    }
    settle();
  }

  Rib& rib() { return rib_; }
  ip::ForwardingTables& tables() { return tables_; }
  double bytes() const { return heap_bytes() - before_; }

  /// Until nothing is left to do now. Tells the longest single call.
  Clock::duration settle(std::chrono::milliseconds later = {}) {
    now_ += later;
    Clock::duration longest{};
    do {
      const auto start = Clock::now();
      rib_.settle(now_);
      longest = std::max(longest, Clock::now() - start);
    } while (rib_.next_deadline() && *rib_.next_deadline() <= now_);
    qsbr_.reclaim();
    return longest;
  }

  /// All prefixes by both feeds, with `first_set` moving all of them to other attributes.
  double load(uint32_t first_set) {
    const auto start = Clock::now();
    for (size_t i = 0; i < prefixes_.size(); i += kBatch) {
      const size_t end = std::min(prefixes_.size(), i + kBatch);
      for (size_t j = i; j < end; j++) {
        rib_.set_best(prefixes_[j], attributes(j, first_set));
      }
      for (size_t j = i; j < end; j++) {
        rib_.set_path(prefixes_[j], 1, attributes(j, first_set));
      }
      settle();
    }
    return seconds(Clock::now() - start);
  }
  /// A further path of each prefix in feed-all.
  void add_path(uint32_t id) {
    for (size_t j = 0; j < prefixes_.size(); j++) {
      rib_.set_path(prefixes_[j], id, attributes(j, 7 * id));
      if (j % kBatch == 0) {
        settle();
      }
    }
    settle();
  }
  double update_singly(size_t count) {
    const auto start = Clock::now();
    for (size_t i = 0; i < count; i++) {
      const size_t j = random_() % prefixes_.size();
      const BgpPath path = attributes(j, static_cast<uint32_t>(i));
      rib_.set_path(prefixes_[j], 1, path);
      rib_.set_best(prefixes_[j], path);
      rib_.settle(now_);
    }
    return seconds(Clock::now() - start);
  }
  double withdraw_singly(size_t count) {
    const auto start = Clock::now();
    for (size_t i = 0; i < count; i++) {
      const Prefix& prefix = prefixes_[i * 5 % prefixes_.size()];
      rib_.remove_path(prefix, 1);
      rib_.remove_best(prefix);
      rib_.settle(now_ += std::chrono::microseconds(5));
    }
    settle(std::chrono::seconds(1));
    return seconds(Clock::now() - start);
  }
  void mark() {
    for (const Family family : {Family::ip4, Family::ip6}) {
      rib_.mark(Source::feed_best, family);
      rib_.mark_paths(family);
    }
  }
  void sweep() {
    for (const Family family : {Family::ip4, Family::ip6}) {
      rib_.sweep(Source::feed_best, family);
      rib_.sweep_paths(family);
    }
  }

 private:
  BgpPath attributes(size_t prefix, uint32_t first_set) const {
    const uint64_t mixed = prefix * 0x9e3779b97f4a7c15u;
    return path_of(static_cast<uint32_t>(((mixed >> 40) + first_set) % kAttributeSets), prefixes_[prefix].family());
  }

  std::vector<Prefix> prefixes_;
  double before_ = heap_bytes();
  Qsbr qsbr_;
  ip::ForwardingTables tables_{qsbr_};
  Rib rib_{tables_, [](IfId) { return true; }};
  Clock::time_point now_ = Clock::now();
  std::mt19937_64 random_{1};
};

void report_fib(Report& report, const std::string& name, const ip::ForwardingTables& tables) {
  report.add(name, "bytes", static_cast<double>(tables.stats(Family::ip4).bytes + tables.stats(Family::ip6).bytes));
}

void measure_sweep(Report& report, Bench& bench) {
  using std::chrono::milliseconds;
  auto start = Clock::now();
  bench.mark();
  report.add("rib-mark-ms", "ms", 1e3 * seconds(Clock::now() - start));
  bench.load(0);
  start = Clock::now();
  bench.sweep();
  report.add("rib-sweep-nothing-ms", "ms", 1e3 * seconds(Clock::now() - start));
  bench.settle();
  bench.mark();
  start = Clock::now();
  bench.sweep();
  const double call = seconds(Clock::now() - start);
  auto longest = bench.settle();
  longest = std::max(longest, bench.settle(milliseconds(1000)));
  report.add("rib-sweep-all-s", "s", seconds(Clock::now() - start));
  report.add("rib-sweep-all-longest-turn-ms", "ms", 1e3 * std::max(call, seconds(longest)));
}

void measure_full_feed(Report& report, const std::vector<Prefix>& prefixes) {
  Bench bench(prefixes);
  const auto count = static_cast<double>(prefixes.size());
  report.add("rib-insert-per-s", "per_second", count / bench.load(0));
  const double one = bench.bytes();
  report.add("rib-bytes", "bytes", one);
  report.add("rib-bytes-per-route", "bytes", one / count);
  report_fib(report, "rib-fib-bytes", bench.tables());
  report.add("rib-replace-per-s", "per_second", count / bench.load(1));
  report.add("rib-update-per-s", "per_second", 200e3 / bench.update_singly(200'000));
  const double before = bench.bytes();
  bench.add_path(2);
  const double two = bench.bytes();
  report.add("rib-bytes-second-path", "bytes", (two - before) / count);
  bench.add_path(3);
  bench.add_path(4);
  report.add("rib-bytes-further-path", "bytes", (bench.bytes() - two) / count / 2);
  for (uint32_t id = 2; id <= 4; id++) {
    for (const Prefix& prefix : prefixes) {
      bench.rib().remove_path(prefix, id);
    }
  }
  bench.settle();
  report.add("rib-withdraw-per-s", "per_second", 200e3 / bench.withdraw_singly(200'000));
  measure_sweep(report, bench);
}

/// The million, and random IPv4 prefixes of the lengths 19..28 elsewhere; half of them come in by a higher limit.
void measure_4m(Report& report, std::vector<Prefix> prefixes) {
  std::mt19937_64 random(4);
  std::unordered_set<Prefix> known(prefixes.begin(), prefixes.end());
  while (known.size() < 4'000'000) {
    const auto length = static_cast<uint8_t>(19 + std::min<uint64_t>(random() % 10, random() % 10));
    const Prefix prefix(Ip4(static_cast<uint32_t>(random())), length);
    if (known.insert(prefix).second) {
      prefixes.push_back(prefix);
    }
  }
  known = {};
  Bench bench(std::move(prefixes));
  bench.rib().configure({.max_routes = 2'000'000});
  const double time = bench.load(0);
  const auto routes = static_cast<double>(bench.rib().size(Family::ip4));
  report.add("rib-4m-routes", "routes", routes);
  report.add("rib-4m-load-s", "s", time);
  report.add("rib-4m-bytes", "bytes", bench.bytes());
  report.add("rib-4m-bytes-per-route", "bytes", bench.bytes() / routes);
  report.add("rib-4m-refused-of-2m", "routes", static_cast<double>(bench.rib().usage().refused4));
  const auto start = Clock::now();
  bench.rib().configure({.max_routes = 20'000'000});
  const auto longest = bench.settle();
  report.add("rib-4m-admit-s", "s", seconds(Clock::now() - start));
  report.add("rib-4m-admit-longest-turn-ms", "ms", 1e3 * seconds(longest));
  report_fib(report, "rib-4m-fib-bytes", bench.tables());
  report.add("rib-4m-in-fib", "routes", static_cast<double>(bench.tables().routes(Family::ip4)));
}

int run(int argc, char** argv) {
  const char* file = nullptr;
  bool quick = false;
  for (int i = 1; i < argc; i++) {
    if (std::string_view(argv[i]) == "--json" && i + 1 < argc) {
      file = argv[++i];
    } else if (std::string_view(argv[i]) == "--quick") {
      quick = true;
    } else {
      fmt::print(stderr, "usage: floof-rib-bench [--quick] [--json FILE]\n");
      return 2;
    }
  }
  const ip::BenchTables tables = ip::generate_bench_tables();
  Report report;
  std::vector<Prefix> both = tables.prefixes4;
  both.insert(both.end(), tables.prefixes6.begin(), tables.prefixes6.end());
  measure_full_feed(report, both);
  if (!quick) {
    measure_4m(report, tables.prefixes4);
  }
  if (file != nullptr) {
    report.write(file);
  }
  return 0;
}

}  // namespace
}  // namespace floof::route

int main(int argc, char** argv) { return floof::route::run(argc, argv); }
