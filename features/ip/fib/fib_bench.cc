// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-fib-bench [--json FILE] [--quick | --forms]: the FIB beside its rivals and DPDK's, in one process.
//
// Shared machines change their speed within seconds, so all candidates of a case take turns. In a run each of them
// looks up every destination once, which brings its table back into the caches that the one before has emptied, and
// then 12 stretches, of which the median counts. Judge by the ratio to rte_fib.
#include <fmt/format.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "features/ip/fib/fib_rivals.h"
#include "features/ip/fib/fib_table.h"
#include "features/ip/fib/fib_yardstick_bench.h"
#include "features/ip/fib/table_generator.h"

namespace floof::ip {
namespace {

using fib::Key4;
using fib::Key6;

constexpr uint32_t kNextHops = 64;
constexpr size_t kVector = 256;
constexpr size_t kStretch = 16384;
constexpr unsigned kStretches = 12;
constexpr unsigned kRuns = 9;
/// What the ratios are to.
constexpr std::string_view kYardstick = "rte_fib";

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Prints figures as they come and keeps them for the file.
class Report {
 public:
  void add(const std::string& name, const char* unit, const std::vector<double>& runs, double yardstick = 0) {
    const auto [min, max] = std::minmax_element(runs.begin(), runs.end());
    const double value = median(runs);
    nlohmann::json entry = {{"name", name}, {"unit", unit}, {unit, value},
                            {"min", *min},  {"max", *max},  {"runs", runs.size()}};
    std::string line =
        fmt::format("{:34} {:>14.{}f} {:14} {:.1f}..{:.1f}", name, value, value < 1000 ? 1 : 0, unit, *min, *max);
    if (yardstick > 0) {
      entry["ratio"] = value / yardstick;
      line += fmt::format("  {:.2f} of {}", value / yardstick, kYardstick);
    }
    fmt::print("{}\n", line);
    std::fflush(stdout);
    all_.push_back(std::move(entry));
  }
  void write(const char* file) const { std::ofstream(file) << all_.dump(1) << "\n"; }

 private:
  nlohmann::json all_ = nlohmann::json::array();
};

/// `lookup(addresses, values, kVector)`.
template <typename Address>
struct Candidate {
  std::string name;
  std::function<void(const Address*, uint32_t*, size_t)> lookup;
};

/// Cycles per lookup over one stretch, and something of the answers, so that none is optimised away.
template <typename Address>
double stretch(const Candidate<Address>& candidate, const std::vector<Address>& destinations, size_t first) {
  std::array<uint32_t, kVector> values;
  uint32_t all = 0;
  const uint64_t start = __rdtsc();
  for (size_t i = 0; i < kStretch; i += kVector) {
    candidate.lookup(&destinations[(first + i) % (destinations.size() - kVector)], values.data(), kVector);
    all += values[0];
  }
  const uint64_t end = __rdtsc();
  __asm__ volatile("" ::"r"(all));
  return static_cast<double>(end - start) / kStretch;
}

template <typename Address>
void compare_lookups(Report& report, const std::string& prefix, const std::vector<Address>& destinations,
                     const std::vector<Candidate<Address>>& candidates) {
  std::vector<std::vector<double>> runs(candidates.size());
  std::mt19937_64 rng(1);
  for (unsigned run = 0; run < kRuns; run++) {
    for (size_t c = 0; c < candidates.size(); c++) {
      for (size_t at = 0; at < destinations.size(); at += kStretch) {
        stretch(candidates[c], destinations, at);
      }
      std::vector<double> stretches;
      size_t at = rng() % destinations.size();
      for (unsigned i = 0; i < kStretches; i++, at += kStretch) {
        stretches.push_back(stretch(candidates[c], destinations, at));
      }
      runs[c].push_back(median(stretches));
    }
  }
  const auto yardstick =
      std::find_if(candidates.begin(), candidates.end(), [](const auto& c) { return c.name == kYardstick; });
  const double ratio_to =
      yardstick == candidates.end() ? 0 : median(runs[static_cast<size_t>(yardstick - candidates.begin())]);
  for (size_t c = 0; c < candidates.size(); c++) {
    report.add(prefix + "-" + candidates[c].name, "cycles", runs[c], ratio_to);
  }
}

FibKey key_of(const Prefix& prefix) {
  const IpAddress& a = prefix.address();
  return a.is_ip4() ? FibKey{uint64_t{a.ip4().value()} << 32, 0} : FibKey{a.ip6().high(), a.ip6().low()};
}

void require(bool true_now, const char* what) {
  if (!true_now) {
    fmt::print(stderr, "floof-fib-bench: {}\n", what);
    std::exit(1);
  }
}

double per_second(size_t count, const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return static_cast<double>(count) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A worker that is done with a vector every 64 changes, as at 10,000 vectors/s and 640,000 changes/s.
class Worker {
 public:
  explicit Worker(Qsbr& qsbr) : qsbr_(qsbr), slot_(qsbr.add_reader()) { qsbr_.online(slot_); }
  ~Worker() { qsbr_.remove_reader(slot_); }
  void after_change() {
    if (++changes_ % 64 == 0) {
      qsbr_.quiescent(slot_);
    }
  }

 private:
  Qsbr& qsbr_;
  unsigned slot_;
  size_t changes_ = 0;
};

void fill(FibTable& fib, const std::vector<Prefix>& prefixes, Worker* worker = nullptr) {
  uint32_t i = 0;
  for (const Prefix& p : prefixes) {
    require(fib.set(key_of(p), p.length(), 1 + i++ % kNextHops).ok(), "a route was refused");
    if (worker != nullptr) {
      worker->after_change();
    }
  }
}

/// Half of them deletes of what is there, each published before the next.
void change_singly(FibTable& fib, const std::vector<Prefix>& prefixes, size_t count, std::mt19937_64& rng,
                   Worker& worker) {
  for (size_t i = 0; i < count; i++) {
    const Prefix& p = prefixes[rng() % prefixes.size()];
    if (i % 2 == 0 || !fib.remove(key_of(p), p.length())) {
      require(fib.set(key_of(p), p.length(), 1 + static_cast<uint32_t>(i) % kNextHops).ok(), "a route was refused");
    }
    worker.after_change();
  }
}

void measure_writer(Report& report, const std::string& prefix, unsigned bits, const std::vector<Prefix>& prefixes) {
  std::vector<double> inserts, deletes, replaces, updates, bytes;
  std::mt19937_64 rng(2);
  for (unsigned run = 0; run < 7; run++) {
    Qsbr qsbr;
    FibTable fib(qsbr, bits);
    Worker worker(qsbr);
    inserts.push_back(per_second(prefixes.size(), [&] { fill(fib, prefixes, &worker); }));
    bytes.push_back(static_cast<double>(fib.bytes()));
    replaces.push_back(per_second(prefixes.size(), [&] { fill(fib, prefixes, &worker); }));
    updates.push_back(per_second(200'000, [&] { change_singly(fib, prefixes, 200'000, rng, worker); }));
    fill(fib, prefixes, &worker);
    deletes.push_back(per_second(prefixes.size(), [&] {
      for (const Prefix& p : prefixes) {
        fib.remove(key_of(p), p.length());
        worker.after_change();
      }
    }));
    require(fib.size() == 0, "routes were left over");
  }
  report.add(prefix + "-insert-per-s", "per_second", inserts);
  report.add(prefix + "-replace-per-s", "per_second", replaces);
  report.add(prefix + "-update-per-s", "per_second", updates);
  report.add(prefix + "-delete-per-s", "per_second", deletes);
  report.add(prefix + "-bytes", "bytes", bytes);
}

/// 10M changes among 200,000 prefixes: memory must not grow.
void measure_churn(Report& report, unsigned bits, const std::vector<Prefix>& prefixes, size_t changes) {
  Qsbr qsbr;
  FibTable fib(qsbr, bits);
  std::mt19937_64 rng(3);
  const auto change = [&](size_t count) {
    for (size_t i = 0; i < count; i++) {
      const Prefix& p = prefixes[rng() % 200'000];
      if (rng() % 2 == 0) {
        require(fib.set(key_of(p), p.length(), 1 + static_cast<uint32_t>(i) % kNextHops).ok(), "refused");
      } else {
        fib.remove(key_of(p), p.length());
      }
    }
  };
  change(changes / 10);
  const auto early = static_cast<double>(fib.committed());
  const double rate = per_second(changes, [&] { change(changes); });
  const std::string name = bits == 32 ? "fib4-churn" : "fib6-churn";
  report.add(name + "-per-s", "per_second", {rate});
  report.add(name + "-growth", "ratio_of_bytes", {static_cast<double>(fib.committed()) / early});
}

/// Four million IPv4 prefixes: the million, and random ones of the lengths 19..28 elsewhere.
void measure_4m(Report& report, const BenchTables& tables) {
  Qsbr qsbr;
  FibTable fib(qsbr, 32);
  std::mt19937_64 rng(4);
  std::vector<Ip4> destinations;
  const double rate = per_second(4'000'000, [&] {
    fill(fib, tables.prefixes4);
    while (fib.size() < 4'000'000) {
      const auto length = static_cast<uint8_t>(19 + std::min<uint64_t>(rng() % 10, rng() % 10));
      const Prefix p(Ip4(static_cast<uint32_t>(rng())), length);
      require(fib.set(key_of(p), length, 1 + static_cast<uint32_t>(rng()) % kNextHops).ok(), "a route was refused");
    }
  });
  for (size_t i = 0; i < 1'000'000; i++) {
    destinations.emplace_back(static_cast<uint32_t>(rng()));
  }
  report.add("fib4-4m-insert-per-s", "per_second", {rate});
  report.add("fib4-4m-bytes", "bytes", {static_cast<double>(fib.bytes())});
  compare_lookups<Ip4>(report, "fib4-4m-random", destinations,
                       {{"ours", [&](const Ip4* a, uint32_t* out, size_t n) {
                           fib.lookup(std::span(a, n), std::span(reinterpret_cast<GroupId*>(out), n));
                         }}});
}

template <typename K>
std::vector<fib::Run<K>> runs_of(const std::vector<Prefix>& prefixes) {
  std::vector<fib::PlainRoute<K>> routes;
  for (const Prefix& p : prefixes) {
    const FibKey key = key_of(p);
    const auto value = static_cast<uint32_t>(1 + routes.size() % kNextHops);
    if constexpr (sizeof(K) == 4) {
      routes.push_back({static_cast<uint32_t>(key.high >> 32), p.length(), value});
    } else {
      routes.push_back({K{key.high} << 64 | key.low, p.length(), value});
    }
  }
  return fib::runs_of<K>(std::move(routes));
}

/// Ours as the router calls it, and each variant that this CPU has.
template <typename Address>
void add_ours(std::vector<Candidate<Address>>& out, std::vector<std::unique_ptr<FibTable>>& tables, Qsbr& qsbr,
              unsigned bits, const std::vector<Prefix>& prefixes) {
  auto& fib = *tables.emplace_back(std::make_unique<FibTable>(qsbr, bits));
  fill(fib, prefixes);
  const auto use = [&fib](const Address* a, uint32_t* values, size_t n) {
    fib.lookup(std::span(a, n), std::span(reinterpret_cast<GroupId*>(values), n));
  };
  out.push_back({"ours", use});
  for (const fib::Variant variant : fib::kVariants) {
    if (fib::supported(variant)) {
      out.push_back({std::string("ours-") + fib::lookups(variant).name,
                     [&fib, use, variant](const Address* a, uint32_t* values, size_t n) {
                       fib.use(variant);
                       use(a, values, n);
                     }});
    }
  }
  out[0].lookup = [&fib, use, best = fib::best_variant()](const Address* a, uint32_t* values, size_t n) {
    fib.use(best);
    use(a, values, n);
  };
}

/// `flows` of the destinations, in turn.
template <typename Address>
std::vector<Address> few(const std::vector<Address>& destinations, size_t flows) {
  std::vector<Address> out;
  for (size_t i = 0; i < kStretch + kVector; i++) {
    out.push_back(destinations[5 + i % flows]);
  }
  return out;
}

/// All give the same answers, else their figures mean nothing.
template <typename Address>
void check(const std::vector<Candidate<Address>>& candidates, const std::vector<Address>& destinations) {
  std::array<uint32_t, kVector> want, got;
  for (size_t i = 0; i + kVector <= destinations.size(); i += 16 * kVector) {
    candidates[0].lookup(&destinations[i], want.data(), kVector);
    for (const auto& c : candidates) {
      c.lookup(&destinations[i], got.data(), kVector);
      require(c.name == kYardstick ? want[0] == got[0] : want == got, c.name.c_str());
    }
  }
}

void measure_lookups4(Report& report, const BenchTables& tables, const YardstickFibs& yardstick) {
  Qsbr qsbr;
  std::vector<std::unique_ptr<FibTable>> fibs;
  const auto runs = runs_of<Key4>(tables.prefixes4);
  const fib::Poptrie<Key4> poptrie(runs);
  const fib::Dxr dxr(runs);
  const fib::Dir24<uint32_t> dir4(runs);
  const fib::Dir24<uint16_t> dir2(runs);
  std::vector<Candidate<Ip4>> all;
  add_ours(all, fibs, qsbr, 32, tables.prefixes4);
  const auto words = [](const Ip4* a) { return reinterpret_cast<const uint32_t*>(a); };
  all.push_back({"poptrie", [&](const Ip4* a, uint32_t* v, size_t n) { poptrie.lookup(words(a), v, n); }});
  all.push_back({"dxr", [&](const Ip4* a, uint32_t* v, size_t n) { dxr.lookup(words(a), v, n); }});
  all.push_back({"dir24-4byte", [&](const Ip4* a, uint32_t* v, size_t n) { dir4.lookup(words(a), v, n); }});
  all.push_back({"dir24-2byte", [&](const Ip4* a, uint32_t* v, size_t n) { dir2.lookup(words(a), v, n); }});
  all.push_back({"rte_fib", [&](const Ip4* a, uint32_t* v, size_t n) { yardstick.lookup4(words(a), v, n); }});
  check(all, tables.destinations4);
  compare_lookups(report, "fib4-1m-1flow", few(tables.destinations4, 1), all);
  compare_lookups(report, "fib4-1m-64flows", few(tables.destinations4, 64), all);
  compare_lookups(report, "fib4-1m-zipf", tables.zipf4, all);
  compare_lookups(report, "fib4-1m-random", tables.destinations4, all);
  report.add("fib4-1m-bytes-poptrie", "bytes", {static_cast<double>(poptrie.bytes())});
  report.add("fib4-1m-bytes-dxr", "bytes", {static_cast<double>(dxr.bytes())});
  report.add("fib4-1m-bytes-dir24-4byte", "bytes", {static_cast<double>(dir4.bytes())});
}

void measure_lookups6(Report& report, const BenchTables& tables, const YardstickFibs& yardstick) {
  Qsbr qsbr;
  std::vector<std::unique_ptr<FibTable>> fibs;
  const fib::Poptrie<Key6> poptrie(runs_of<Key6>(tables.prefixes6));
  std::vector<Candidate<Ip6>> all;
  add_ours(all, fibs, qsbr, 128, tables.prefixes6);
  all.push_back({"poptrie", [&](const Ip6* a, uint32_t* v, size_t n) {
                   std::array<Key6, kVector> keys;
                   for (size_t i = 0; i < n; i++) {
                     keys[i] = Key6{a[i].high()} << 64 | a[i].low();
                   }
                   poptrie.lookup(keys.data(), v, n);
                 }});
  all.push_back({"rte_fib", [&](const Ip6* a, uint32_t* v, size_t n) {
                   yardstick.lookup6(reinterpret_cast<const uint8_t(*)[16]>(a), v, n);
                 }});
  check(all, tables.destinations6);
  compare_lookups(report, "fib6-200k-1flow", few(tables.destinations6, 1), all);
  compare_lookups(report, "fib6-200k-64flows", few(tables.destinations6, 64), all);
  compare_lookups(report, "fib6-200k-random", tables.destinations6, all);
  report.add("fib6-200k-bytes-poptrie", "bytes", {static_cast<double>(poptrie.bytes())});
}

/// Few routes in the large and the small form, to destinations within them.
template <typename Address>
void measure_forms(Report& report, const std::string& family, unsigned bits, const std::vector<Prefix>& prefixes) {
  for (const size_t routes : {size_t{10}, size_t{1000}, size_t{8000}}) {
    Qsbr qsbr;
    FibTable large(qsbr, bits), small(qsbr, bits, FibTable::kDefaultLimit, FibTable::Form::adaptive);
    std::vector<Prefix> some;
    for (size_t i = 0; i < routes; i++) {
      some.push_back(prefixes[i * (prefixes.size() / routes)]);
    }
    const size_t before = small.bytes();
    fill(large, some);
    fill(small, some);
    require(!small.large(), "the small form is large");
    std::mt19937_64 rng(routes);
    std::vector<Address> destinations;
    for (size_t i = 0; i < 4 * kStretch; i++) {
      const IpAddress& address = some[rng() % routes].address();
      if constexpr (std::is_same_v<Address, Ip4>) {
        destinations.push_back(address.ip4());
      } else {
        destinations.push_back(address.ip6());
      }
    }
    const auto use = [](const FibTable& fib) {
      return [&fib](const Address* a, uint32_t* values, size_t n) {
        fib.lookup(std::span(a, n), std::span(reinterpret_cast<GroupId*>(values), n));
      };
    };
    const std::vector<Candidate<Address>> both{{"large", use(large)}, {"small", use(small)}};
    check(both, destinations);
    const std::string name = fmt::format("{}-{}", family, routes);
    compare_lookups(report, name + "-1flow", few(destinations, 1), both);
    compare_lookups(report, name + "-64flows", few(destinations, 64), both);
    compare_lookups(report, name + "-random", destinations, both);
    report.add(name + "-bytes-small", "bytes", {static_cast<double>(small.bytes() - before)});
  }
}

void fill_yardstick(Report& report, YardstickFibs& yardstick, const char* name, const std::vector<Prefix>& prefixes) {
  uint32_t i = 0;
  const double rate = per_second(prefixes.size(), [&] {
    for (const Prefix& p : prefixes) {
      require(yardstick.add(p, 1 + i++ % kNextHops), "rte_fib refuses a route");
    }
  });
  report.add(name, "per_second", {rate});
}

int run(int argc, char** argv) {
  const char* file = nullptr;
  bool quick = false, forms = false;
  for (int i = 1; i < argc; i++) {
    if (std::string_view(argv[i]) == "--json" && i + 1 < argc) {
      file = argv[++i];
    } else if (std::string_view(argv[i]) == "--quick") {
      quick = true;
    } else if (std::string_view(argv[i]) == "--forms") {
      forms = true;
    } else {
      fmt::print(stderr, "usage: floof-fib-bench [--quick | --forms] [--json FILE]\n");
      return 2;
    }
  }
  const BenchTables tables = generate_bench_tables();
  Report report;
  measure_forms<Ip4>(report, "fib4", 32, tables.prefixes4);
  measure_forms<Ip6>(report, "fib6", 128, tables.prefixes6);
  if (!forms) {
    YardstickFibs yardstick(argv[0], tables.prefixes4.size(), tables.prefixes6.size());
    fill_yardstick(report, yardstick, "fib4-1m-insert-per-s-rte_fib", tables.prefixes4);
    fill_yardstick(report, yardstick, "fib6-200k-insert-per-s-rte_fib", tables.prefixes6);
    measure_lookups4(report, tables, yardstick);
    measure_lookups6(report, tables, yardstick);
  }
  if (!forms) {
    measure_writer(report, "fib4-1m", 32, tables.prefixes4);
    measure_writer(report, "fib6-200k", 128, tables.prefixes6);
  }
  if (!quick && !forms) {
    measure_4m(report, tables);
    measure_churn(report, 32, tables.prefixes4, 10'000'000);
    measure_churn(report, 128, tables.prefixes6, 10'000'000);
  }
  if (file != nullptr) {
    report.write(file);
  }
  return 0;
}

}  // namespace
}  // namespace floof::ip

int main(int argc, char** argv) { return floof::ip::run(argc, argv); }
