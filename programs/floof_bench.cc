// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-bench: what forwarding a packet costs, node by node, in TSC cycles. Source and sink are in the process, on the
// same thread as the graph, so that no device and no other core disturbs the figures. Each case is measured several
// times in turn with yardsticks (DPDK's l3fwd and l3fwd-graph, bench_yardstick.h): machines are shared, so ratios
// count. Prints a table, and a list of figures with --json FILE. docs/performance.md tells how to read them.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "programs/bench_router.h"
#include "programs/bench_yardstick.h"

namespace floof::bench {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string json, only;
  unsigned runs = 9;
  unsigned milliseconds = 60;  ///< of each run
  bool workers = false;        ///< two worker threads instead of the table
};

struct Case {
  std::string name;
  Traffic traffic;
  unsigned vector = engine::kFrameSize;
  bool latency = false;
  /// That only pass packets on.
  std::vector<Router::Feature> features = {};
  bool bond = false;  ///< goes out by a bond of two
  const char* input = "ip-fast";
  unsigned sinks = 1;
};

/// One measurement of a case.
struct Run {
  double forwarding = 0;        ///< cycles per packet in all nodes, without the sink
  double in_all = 0;            ///< with source, sink and turns
  double l3fwd = 0, graph = 0;  ///< the yardsticks' cycles per packet
  uint64_t packets = 0, lost = 0;
  std::map<std::string, double> nodes;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Yardsticks {
  std::unique_ptr<L3fwd> l3fwd;
  std::unique_ptr<L3fwdGraph> graph;
};

class Bench {
 public:
  Bench(Router& router, Yardsticks& yardsticks, const Options& options)
      : router_(router), yardsticks_(yardsticks), options_(options) {}

  bool wanted(const std::string& name) const {
    const std::string_view only = options_.only;
    return only.empty() || name == only || (only.ends_with('*') && name.starts_with(only.substr(0, only.size() - 1)));
  }
  Json& figures() { return figures_; }
  bool lost() const { return lost_; }

  Result<> measure(const Case& what) {
    if (!wanted(what.name)) {
      return {};
    }
    auto options = source_options(what.traffic, router_.mac());
    options.vector = what.vector;
    options.stamps = what.latency;
    options.sinks = what.sinks;
    auto ports = engine::open_bench_ports(std::move(options));
    if (!ports) {
      return ports.error();
    }
    const auto feature = [&](bool on) {
      for (const Router::Feature& one : what.features) {
        router_.feature(one, on);
      }
    };
    feature(true);
    if (what.bond) {
      router_.attach_bond(*ports);
    } else if (what.traffic.tags != 0) {
      router_.attach_vlans(*ports, what.traffic);
    } else {
      router_.attach(*ports, 0, what.input);
    }
    router_.turn_for(options_.milliseconds);  // warm caches, touch all buffers
    if (what.latency) {
      ports->figures->latencies.reserve(4'000'000);
      router_.turn_for(options_.milliseconds * options_.runs);
      report_latency(what, ports->figures->latencies);
    } else {
      std::vector<Run> runs;
      for (unsigned i = 0; i < options_.runs; i++) {
        const double l3fwd = yardsticks_.l3fwd->measure(options_.milliseconds / 3);
        const double graph = yardsticks_.graph->measure(options_.milliseconds / 3);
        runs.push_back(one_run(*ports));
        runs.back().l3fwd = l3fwd;
        runs.back().graph = graph;
      }
      report(what, runs);
    }
    if (what.traffic.tags != 0) {
      router_.detach_vlans(*ports);
    } else {
      router_.detach(*ports);
    }
    feature(false);
    return {};
  }

 private:
  Run one_run(engine::BenchPorts& ports) {
    router_.engine().clear_counters();
    ports.figures->sink_cycles = 0;
    Run out;
    const uint64_t before = rte_rdtsc();
    out.packets = router_.turn_for(options_.milliseconds);
    const auto packets = static_cast<double>(out.packets);
    out.in_all = static_cast<double>(rte_rdtsc() - before) / packets;
    const auto reader = router_.counters();
    for (const auto& entry : reader->counters()) {
      const auto value = [&](unsigned n) { return static_cast<double>(reader->value(entry.first_slot + n)); };
      if (entry.kind == stats::Kind::drop) {
        out.lost += reader->value(entry.first_slot);
      } else if (entry.kind == stats::Kind::node && value(1) > 0) {
        double cycles = value(2);
        // Fast ones leave by port-tx, others by interface-tx; of each case nearly all by one of them.
        if (const std::string_view node = entry.name;
            (node == "port-tx" || node == "interface-tx") && value(1) > packets / 2) {
          cycles -= static_cast<double>(ports.figures->sink_cycles);
        }
        out.nodes[entry.name] = cycles / packets;
        out.forwarding += cycles / packets;
      }
    }
    return out;
  }

  void report(const Case& what, const std::vector<Run>& runs) {
    std::vector<double> cycles, l3fwd, graph, in_all;
    std::map<std::string, std::vector<double>> nodes;
    for (const Run& run : runs) {
      cycles.push_back(run.forwarding);
      l3fwd.push_back(run.forwarding / run.l3fwd);
      graph.push_back(run.forwarding / run.graph);
      in_all.push_back(run.in_all);
      lost_ = lost_ || run.lost > 0 || run.packets == 0;
      for (const auto& [name, value] : run.nodes) {
        nodes[name].push_back(value);
      }
    }
    std::string detail;
    Json node_figures = Json::object();
    for (const auto& [name, values] : nodes) {
      detail += fmt::format("{}{} {:.1f}", detail.empty() ? "" : ", ", name, median(values));
      node_figures[name] = median(values);
    }
    const auto [least, most] = std::minmax_element(cycles.begin(), cycles.end());
    figures_.push_back({{"name", what.name},
                        {"cycles_per_packet", median(cycles)},
                        {"min", *least},
                        {"max", *most},
                        {"runs", runs.size()},
                        {"ratio_to_l3fwd", median(l3fwd)},
                        {"ratio_to_l3fwd_graph", median(graph)},
                        {"l3fwd", runs.back().l3fwd},
                        {"l3fwd_graph", runs.back().graph},
                        {"cycles_in_all", median(in_all)},
                        {"vector", what.vector},
                        {"nodes", node_figures}});
    fmt::print("{:<20} {:>7.1f} {:>7.1f} {:>7.1f} {:>8.2f} {:>8.2f} {:>8.1f}   {}{}\n", what.name, median(cycles),
               *least, *most, median(l3fwd), median(graph), median(in_all), detail,
               runs.back().lost > 0 ? "  LOST PACKETS" : "");
    std::fflush(stdout);
  }

  void report_latency(const Case& what, std::vector<uint64_t> cycles) {
    if (cycles.empty()) {
      lost_ = true;
      return;
    }
    std::sort(cycles.begin(), cycles.end());
    const double per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
    const auto at = [&](double share) {
      const auto index = static_cast<size_t>(share * static_cast<double>(cycles.size() - 1));
      return static_cast<double>(cycles[index]) / per_us;
    };
    figures_.push_back({{"name", what.name},
                        {"p50_us", at(0.5)},
                        {"p99_us", at(0.99)},
                        {"p99_9_us", at(0.999)},
                        {"runs", cycles.size()},
                        {"vector", what.vector}});
    fmt::print("{:<20} p50 {:.2f} us, p99 {:.2f} us, p99.9 {:.2f} us in the box\n", what.name, at(0.5), at(0.99),
               at(0.999));
  }

  Router& router_;
  Yardsticks& yardsticks_;
  const Options& options_;
  Json figures_ = Json::array();
  bool lost_ = false;
};

template <typename T>
Traffic traffic_of(Family family, const std::vector<T>& destinations) {
  return {family, {destinations.begin(), destinations.end()}};
}

/// Features in the way: stages, which keep packets on the fast way, and nodes, which do not.
void add_feature_cases(std::vector<Case>& out, const Traffic& one4, const Traffic& one6) {
  using Where = Router::Where;
  std::vector<Router::Feature> stages;
  for (unsigned i = 1; i <= 5; i++) {
    stages.push_back({"ip4-unicast", fmt::format("bench-stage-{}", i), Where::in});
  }
  const Router::Feature in4{"ip4-unicast", "bench-input", Where::in}, in6{"ip6-unicast", "bench-input6", Where::in},
      out4{"interface-output", "bench-output", Where::out};
  out.push_back({.name = "stage-1", .traffic = one4, .features = {stages.front()}});
  out.push_back({.name = "stage-5", .traffic = one4, .features = stages});
  out.push_back(
      {.name = "stage-out-1", .traffic = one4, .features = {{"interface-output", "bench-stage-out", Where::out}}});
  // All in the general nodes: ethernet-input, ip4-input, the feature's, ip4-lookup, port-tx.
  out.push_back({.name = "general-ip4", .traffic = one4, .features = {in4}, .input = "ethernet-input"});
  out.push_back({.name = "general-ip6", .traffic = one6, .features = {in6}, .input = "ethernet-input"});
  const auto elsewhere = [](Router::Feature feature) {
    feature.where = Where::elsewhere;
    return feature;
  };
  out.push_back({.name = "arc-elsewhere-input", .traffic = one4, .features = {elsewhere(in4)}});
  out.push_back({.name = "arc-elsewhere-output", .traffic = one4, .features = {elsewhere(out4)}});
  out.push_back({.name = "arc-here-input", .traffic = one4, .features = {in4}});
  out.push_back({.name = "arc-here-output", .traffic = one4, .features = {out4}});
}

std::vector<Case> small_cases() {
  const Traffic one4{Family::ip4, {Ip4(0x0a010203)}};
  const Traffic one6{Family::ip6, {Ip6::from_halves(0x20010db800000000, 1)}};
  std::vector<Case> out{{"ip4-1route", one4}, {"ip6-1route", one6}};
  for (const auto& [name, subnet] : {std::pair{"ip4-on-link", 0xac1e0000u}, {"ip4-host-routes", 0xac1f0000u}}) {
    Traffic hosts{Family::ip4, {}};
    for (uint32_t i = 0; i < 4096; i++) {
      hosts.destinations.emplace_back(Ip4(subnet + 1 + i * 2654435761u % 254));
    }
    out.push_back({name, std::move(hosts)});
  }
  Traffic hosts6{Family::ip6, {}};
  for (uint32_t i = 0; i < 4096; i++) {
    hosts6.destinations.emplace_back(Ip6::from_halves(kOnLink6, 1 + i * 2654435761u % 254));
  }
  out.push_back({"ip6-on-link", std::move(hosts6)});
  for (const unsigned vector : {1u, 4u, 16u, 64u}) {
    out.push_back({fmt::format("ip4-1route-v{}", vector), one4, vector});
  }
  for (const unsigned vector : {1u, 16u, 256u}) {
    out.push_back({fmt::format("latency-v{}", vector), one4, vector, true});
  }
  Traffic flows{Family::ip4, {}};
  for (uint32_t i = 0; i < 4096; i++) {
    flows.destinations.emplace_back(Ip4(0x0a010000 + i * 2654435761u % 65536));
  }
  out.push_back({.name = "ip4-flows", .traffic = flows});  // what the bond's case costs without the bond
  out.push_back({.name = "ip4-bond", .traffic = flows, .bond = true});
  const auto tagged = [&](const char* name, Traffic traffic, unsigned tags) {
    traffic.tags = tags;
    out.push_back({name, std::move(traffic)});
  };
  tagged("ip4-dot1q", one4, 1);
  tagged("ip6-dot1q", one6, 1);
  tagged("ip4-qinq", one4, 2);
  Traffic many{.family = Family::ip4, .destinations = {}, .tags = 1, .vlans = 256};
  for (uint32_t i = 0; i < many.vlans; i++) {
    many.destinations.emplace_back(Ip4(0x0ac80001 + (i * 97 + 5) % many.vlans * 256));
  }
  out.push_back({"ip4-dot1q-256", std::move(many)});
  Traffic spread{Family::ip4, {}};
  for (uint32_t i = 0; i < 8192; i++) {
    spread.destinations.emplace_back(Ip4(0x0c000000 + i * 2654435761u % 0x1000000));
  }
  out.push_back({.name = "ip4-8k-flows", .traffic = std::move(spread), .sinks = 4});
  add_feature_cases(out, one4, one6);
  return out;
}

std::vector<Case> large_cases(const ip::BenchTables& tables) {
  return {{"ip4-1m-1flow", {Family::ip4, {tables.destinations4.front()}}},
          {"ip4-1m-zipf", traffic_of(Family::ip4, tables.zipf4)},
          {"ip4-1m-random", traffic_of(Family::ip4, tables.destinations4)},
          {"ip6-200k-1flow", {Family::ip6, {tables.destinations6.front()}}},
          {"ip6-200k-random", traffic_of(Family::ip6, tables.destinations6)}};
}

Result<> measure_all(Bench& bench, Router& router) {
  router.add_routes({*parse_prefix("10.0.0.0/8"), *parse_prefix("2001:db8::/32")});
  for (const Case& what : small_cases()) {
    if (auto done = bench.measure(what); !done) {
      return done;
    }
  }
  const std::vector<Case> none = large_cases(ip::BenchTables{{}, {Ip4()}, {}, {}, {Ip6()}});
  if (std::none_of(none.begin(), none.end(), [&](const Case& c) { return bench.wanted(c.name); })) {
    return {};
  }
  const ip::BenchTables tables = ip::generate_bench_tables();
  const std::vector<Case> cases = large_cases(tables);
  if (router.add_routes(tables.prefixes4) != tables.prefixes4.size() ||
      router.add_routes(tables.prefixes6) != tables.prefixes6.size()) {
    return Error{"tables", "did not take all routes", ""};
  }
  for (const Case& what : cases) {
    if (auto done = bench.measure(what); !done) {
      return done;
    }
  }
  return {};
}

/// A thread that moves between cores in the middle measures the move.
void stay_on_this_core() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(std::max(sched_getcpu(), 0)), &cpus);
  sched_setaffinity(0, sizeof(cpus), &cpus);
}

Result<Yardsticks> make_yardsticks() {
  auto l3fwd = L3fwd::make();
  if (!l3fwd) {
    return l3fwd.error();
  }
  auto graph = L3fwdGraph::make();
  if (!graph) {
    return graph.error();
  }
  return Yardsticks{std::move(*l3fwd), std::move(*graph)};
}

int run_table(const Options& options, Json& figures) {
  auto router = Router::make(0);
  auto yardsticks = router ? make_yardsticks() : Result<Yardsticks>(router.error());
  if (!yardsticks) {
    log::error("{}", yardsticks.error().text());
    return 1;
  }
  stay_on_this_core();
  fmt::print(
      "Cycles per packet in the forwarding nodes at {} MHz, {}-byte packets, {} next hops; yardsticks: l3fwd {:.1f},\n"
      "the three nodes of l3fwd-graph {:.1f}.\n{:<20} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8}\n",
      rte_get_tsc_hz() / 1'000'000, kFrameBytes, kNextHops, yardsticks->l3fwd->measure(options.milliseconds),
      yardsticks->graph->measure(options.milliseconds), "case", "median", "min", "max", "/ l3fwd", "/ graph", "in all");
  Bench bench(**router, *yardsticks, options);
  const auto done = measure_all(bench, **router);
  *yardsticks = {};
  if (!done) {
    log::error("{}", done.error().text());
    return 1;
  }
  figures = bench.figures();
  if (bench.lost()) {
    log::error("packets were lost");
  }
  return bench.lost() ? 1 : 0;
}

/// Packets per second of one worker alone and of two side by side, in turns.
int run_workers(const Options& options, Json& figures) {
  auto router = Router::make(2);
  if (!router) {
    log::error("{}", router.error().text());
    return 1;
  }
  (*router)->add_routes({*parse_prefix("10.0.0.0/8")});
  std::array<engine::BenchPorts, 2> ports;
  for (unsigned lane = 0; lane < 2; lane++) {
    const Traffic traffic{Family::ip4, {Ip4(lane == 0 ? 0x0a010203 : 0x0b010203)}};
    auto opened = engine::open_bench_ports(source_options(traffic, (*router)->mac()));
    if (!opened) {
      log::error("{}", opened.error().text());
      return 1;
    }
    ports[lane] = std::move(*opened);
  }
  const double hz = static_cast<double>(rte_get_tsc_hz());
  const auto rate = [&](unsigned lanes) {
    for (unsigned lane = 0; lane < lanes; lane++) {
      (*router)->attach(ports[lane], lane);
    }
    const double out = (*router)->packet_rate(options.milliseconds) * hz / 1e6;
    for (unsigned lane = 0; lane < lanes; lane++) {
      (*router)->detach(ports[lane], lane);
    }
    return out;
  };
  std::vector<double> one, two, gain;
  for (unsigned i = 0; i < options.runs; i++) {
    one.push_back(rate(1));
    two.push_back(rate(2));
    gain.push_back(two.back() / one.back());
  }
  const auto [least, most] = std::minmax_element(gain.begin(), gain.end());
  fmt::print("workers-2            {:.2f} times one worker ({:.2f} to {:.2f}); {:.1f} and {:.1f} Mpps\n", median(gain),
             *least, *most, median(one), median(two));
  figures.push_back({{"name", "workers-2"},
                     {"gain", median(gain)},
                     {"min", *least},
                     {"max", *most},
                     {"runs", gain.size()},
                     {"mpps_1", median(one)},
                     {"mpps_2", median(two)}});
  return 0;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i++) {
    const std::string_view word = argv[i];
    if (word == "--workers") {
      options.workers = true;
      continue;
    }
    if (i + 1 == argc) {
      return false;
    }
    const char* value = argv[++i];
    const unsigned long number = std::strtoul(value, nullptr, 10);
    if (word == "--json") {
      options.json = value;
    } else if (word == "--only") {
      options.only = value;
    } else if (word == "--runs" && number >= 1 && number <= 1000) {
      options.runs = static_cast<unsigned>(number);
    } else if (word == "--milliseconds" && number >= 3 && number <= 60'000) {
      options.milliseconds = static_cast<unsigned>(number);
    } else {
      return false;
    }
  }
  return true;
}

int run(const Options& options) {
  Json figures = Json::array();
  const int status = options.workers ? run_workers(options, figures) : run_table(options, figures);
  if (!options.json.empty()) {
    std::ofstream(options.json) << figures.dump(1) << "\n";
  }
  return status;
}

}  // namespace
}  // namespace floof::bench

int main(int argc, char** argv) {
  floof::bench::Options options;
  if (!floof::bench::parse(argc, argv, options)) {
    fmt::print(stderr,
               "usage: floof-bench [--json FILE] [--only NAME] [--runs N] [--milliseconds N] [--workers]\n"
               "Cycles per packet from an in-process source to a sink; --workers: two worker threads beside one.\n"
               "--only measures one case, or those that begin with NAME when it ends in '*'.\n");
    return 2;
  }
  floof::log::start("floof-bench");
  return floof::bench::run(options);
}
