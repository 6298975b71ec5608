// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-bench: what forwarding a packet costs, node by node, in TSC cycles. Source and sink are in the process, on the
// same thread as the graph, so that no device and no other core disturbs the figures; the source writes each frame into
// its buffer anew. Prints a table, and JSON with --json FILE.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/log.h"
#include "base/stats_segment.h"
#include "engine/bench_port.h"
#include "engine/engine.h"
#include "features/icmp/icmp.h"
#include "features/ip/forwarding.h"
#include "features/ip/ip.h"

namespace floof {
namespace {

using Json = nlohmann::json;
using Frame = std::vector<uint8_t>;

constexpr unsigned kNextHops = 64;
constexpr unsigned kFlows = 1024;
constexpr size_t kFrameBytes = 64;
constexpr unsigned kRepeats = 9;  ///< the median counts: other processes of the machine disturb some

struct Options {
  std::string json;
  unsigned vector = 256;
  unsigned routes = kNextHops;
  unsigned milliseconds = 200;  ///< of each repeat
};

struct NodeCost {
  std::string name;
  double cycles_per_packet = 0, vector = 0;
};

struct CaseResult {
  std::string name;
  std::vector<NodeCost> nodes;  ///< in the order in which packets visit them, most packets first
  double nodes_total = 0;       ///< cycles per packet in all nodes
  double total = 0;             ///< with source, scheduling and clean-up
  uint64_t packets = 0, lost = 0;
};

struct DropState {
  engine::DropId unexpected;
};

void drop_all(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  for (rte_mbuf* packet : packets) {
    node.drop(node.state<DropState>().unexpected, packet);
  }
}

/// The router under test: one interface in, one out, kNextHops neighbours behind it.
class Bench {
 public:
  static Result<std::unique_ptr<Bench>> make(const Options& options) {
    auto bench = std::unique_ptr<Bench>(new Bench(options));
    bench->run_dir_ = std::filesystem::temp_directory_path() / fmt::format("floof-bench-{}", getpid());
    std::filesystem::create_directories(bench->run_dir_);
    auto engine = engine::Engine::start({.run_dir = bench->run_dir_, .workers = 0}, bench->loop_);
    if (!engine) {
      return engine.error();
    }
    bench->engine_ = std::move(*engine);
    auto& interfaces = bench->engine_->interfaces();
    for (auto [name, id] : {std::pair{"in", &bench->in_}, std::pair{"out", &bench->out_}}) {
      *id = *interfaces.allocate(name);
      interfaces[*id].admin_up = interfaces[*id].link_up = true;
      interfaces[*id].set_mac(Mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(id->value())}});
    }
    bench->tables_ = std::make_unique<ip::ForwardingTables>(bench->engine_->qsbr());
    bench->ip_ = std::make_unique<ip::IpState>(*bench->tables_, interfaces, bench->engine_->pools());
    bench->icmp_ = std::make_unique<icmp::IcmpState>(*bench->ip_);
    if (auto running = bench->run_graph(); !running) {
      return running.error();
    }
    return bench;
  }

  ~Bench() {
    engine_.reset();
    std::filesystem::remove_all(run_dir_);
  }

  Result<CaseResult> measure(Family family) {
    fill_tables(family);
    auto ports = engine::open_bench_ports({.frames = frames(family), .buffers = 8192, .vector = options_.vector});
    if (!ports) {
      return ports.error();
    }
    engine_->interfaces()[out_].port = ports->sink.get();
    engine_->bind(*ports->source, in_, engine_->graph().node("ip-fast"));
    turn_for(options_.milliseconds);  // warm caches, touch all buffers
    std::vector<CaseResult> repeats;
    for (unsigned i = 0; i < kRepeats; i++) {
      repeats.push_back(measure_once());
    }
    engine_->unbind(*ports->source);
    engine_->interfaces()[out_].port = nullptr;
    std::sort(repeats.begin(), repeats.end(),
              [](const auto& a, const auto& b) { return a.nodes_total < b.nodes_total; });
    CaseResult out = repeats[kRepeats / 2];
    out.name = family == Family::ip4 ? "ip4" : "ip6";
    return out;
  }

 private:
  explicit Bench(const Options& options) : options_(options) {}

  Result<> run_graph() {
    engine::GraphBuilder builder;
    ip::register_nodes(builder, *ip_);
    icmp::register_nodes(builder, *icmp_);
    drops_.unexpected = builder.declare_drop("bench-unexpected", "A packet of the bench left the forwarding path.");
    for (auto name : {"punt", "neighbor-hold"}) {
      builder.add_node({.name = name, .help = "Drops.", .process = drop_all, .state = &drops_});
    }
    return engine_->run(std::move(builder));
  }

  static IpAddress address_of(Family family, uint32_t top, uint32_t host) {
    if (family == Family::ip4) {
      return Ip4(top << 8 | host);
    }
    return Ip6::from_halves(uint64_t{0x2001'0db8} << 32 | top, host);
  }

  /// `routes` prefixes (/24 or /64) in turn to kNextHops neighbours; flows use all of them.
  void fill_tables(Family family) {
    std::vector<GroupId> groups;
    for (uint32_t i = 0; i < kNextHops; i++) {
      const IpAddress gateway = family == Family::ip4 ? IpAddress(Ip4(0xc6336400 + i + 1))
                                                      : IpAddress(Ip6::from_halves(0xfe80ull << 48, i + 1));
      tables_->set_neighbor(out_, gateway, Mac{{2, 0, 0, 1, 0, static_cast<uint8_t>(i)}});
      groups.push_back(tables_->create_group({ip::PathKind::forward, {{out_, gateway, 1}}, IfId{}}));
    }
    for (uint32_t i = 0; i < options_.routes; i++) {
      const auto length = static_cast<uint8_t>(family == Family::ip4 ? 24 : 64);
      tables_->set_route(Prefix(address_of(family, first_net(family) + i, 0), length), groups[i % kNextHops]);
    }
  }

  static uint32_t first_net(Family family) { return family == Family::ip4 ? 0x0b0000 : 0x10000; }

  std::vector<Frame> frames(Family family) {
    std::mt19937 random(1);
    std::vector<Frame> out;
    const unsigned flows = std::max(kFlows, std::min(options_.routes, 1u << 16));
    for (unsigned i = 0; i < flows; i++) {
      Frame frame(kFrameBytes);
      const Mac to = engine_->interfaces()[in_].mac();
      std::copy(to.bytes.begin(), to.bytes.end(), frame.begin());
      frame[6] = 2;
      const IpAddress destination =
          address_of(family, first_net(family) + random() % options_.routes, 1 + random() % 254);
      const IpAddress source = address_of(family, family == Family::ip4 ? 0x090000 : 0x1, 1 + random() % 254);
      write_packet(frame, source, destination, random());
      out.push_back(std::move(frame));
    }
    return out;
  }

  static void put16(Frame& frame, size_t at, uint32_t value) {
    frame[at] = static_cast<uint8_t>(value >> 8);
    frame[at + 1] = static_cast<uint8_t>(value);
  }

  static void write_packet(Frame& frame, const IpAddress& source, const IpAddress& destination, uint32_t ports) {
    const bool ip4 = source.is_ip4();
    const size_t l3 = 14, l4 = l3 + (ip4 ? 20 : 40);
    put16(frame, 12, ip4 ? 0x0800 : 0x86dd);
    frame[l3] = ip4 ? 0x45 : 0x60;
    if (ip4) {
      put16(frame, l3 + 2, kFrameBytes - l3);
      frame[l3 + 8] = 64;
      frame[l3 + 9] = 17;
    } else {
      put16(frame, l3 + 4, kFrameBytes - l4);
      frame[l3 + 6] = 17;
      frame[l3 + 7] = 64;
    }
    const size_t addresses = l3 + (ip4 ? 12 : 8);
    std::memcpy(&frame[addresses], source.wire().data(), source.wire().size());
    std::memcpy(&frame[addresses + source.wire().size()], destination.wire().data(), destination.wire().size());
    put16(frame, l4, ports);
    put16(frame, l4 + 2, ports >> 16);
    put16(frame, l4 + 4, kFrameBytes - l4);
    if (ip4) {
      uint32_t sum = 0;
      for (size_t i = l3; i < l4; i += 2) {
        sum += uint32_t{frame[i]} << 8 | frame[i + 1];
      }
      sum = (sum & 0xffff) + (sum >> 16);
      put16(frame, l3 + 10, ~(sum + (sum >> 16)));
    }
  }

  uint64_t turn_for(unsigned milliseconds) {
    const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * milliseconds;
    uint64_t packets = 0;
    while (rte_rdtsc() < end) {
      packets += engine_->turn();
    }
    return packets;
  }

  CaseResult measure_once() {
    engine_->clear_counters();
    const uint64_t before = rte_rdtsc();
    CaseResult out;
    out.packets = turn_for(options_.milliseconds);
    const uint64_t cycles = rte_rdtsc() - before;
    auto reader = stats::Reader::open(run_dir_ + "/stats");
    if (!reader || out.packets == 0) {
      return out;
    }
    out.total = static_cast<double>(cycles) / static_cast<double>(out.packets);
    for (const auto& entry : reader->counters()) {
      if (entry.kind == stats::Kind::drop) {
        out.lost += reader->value(entry.first_slot);
      }
      const uint64_t packets = entry.kind == stats::Kind::node ? reader->value(entry.first_slot + 1) : 0;
      if (packets > 0) {
        const auto calls = static_cast<double>(reader->value(entry.first_slot));
        const auto spent = static_cast<double>(reader->value(entry.first_slot + 2));
        out.nodes.push_back({entry.name, spent / static_cast<double>(packets), static_cast<double>(packets) / calls});
        out.nodes_total += spent / static_cast<double>(out.packets);
      }
    }
    return out;
  }

  Options options_;
  std::string run_dir_;
  EventLoop loop_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<ip::ForwardingTables> tables_;
  std::unique_ptr<ip::IpState> ip_;
  std::unique_ptr<icmp::IcmpState> icmp_;
  DropState drops_;
  IfId in_, out_;
};

void print(const CaseResult& result, double hz) {
  fmt::print("\n{}: {} packets of {} bytes, {} next hops{}\n", result.name, result.packets, kFrameBytes, kNextHops,
             result.lost > 0 ? fmt::format(", {} LOST", result.lost) : "");
  fmt::print("  {:<20} {:>14} {:>12}\n", "node", "cycles/packet", "vector");
  for (const NodeCost& node : result.nodes) {
    fmt::print("  {:<20} {:>14.1f} {:>12.1f}\n", node.name, node.cycles_per_packet, node.vector);
  }
  fmt::print("  {:<20} {:>14.1f}\n", "all nodes", result.nodes_total);
  fmt::print("  {:<20} {:>14.1f}   source, turns\n", "beside them", result.total - result.nodes_total);
  fmt::print("  {:<20} {:>14.1f}   {:.1f} Mpps on this core at {:.0f} MHz\n", "in all", result.total,
             hz / result.total / 1e6, hz / 1e6);
}

Json to_json(const CaseResult& result) {
  Json nodes = Json::array();
  for (const NodeCost& node : result.nodes) {
    nodes.push_back({{"node", node.name}, {"cycles-per-packet", node.cycles_per_packet}, {"vector", node.vector}});
  }
  return {{"case", result.name},
          {"nodes", nodes},
          {"nodes-cycles-per-packet", result.nodes_total},
          {"cycles-per-packet", result.total},
          {"packets", result.packets},
          {"lost", result.lost}};
}

int usage() {
  fmt::print(stderr,
             "usage: floof-bench [--json FILE] [--vector 1..256] [--routes N] [--milliseconds N]\n"
             "Cycles per packet of each node, IPv4 and IPv6, from an in-process source to a sink.\n");
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i];
    if (i + 1 == argc) {
      return false;
    }
    const unsigned long number = std::strtoul(argv[i + 1], nullptr, 10);
    if (word == "--json") {
      options.json = argv[i + 1];
    } else if (word == "--vector" && number >= 1 && number <= 256) {
      options.vector = static_cast<unsigned>(number);
    } else if (word == "--routes" && number >= 1 && number <= 2'000'000) {
      options.routes = static_cast<unsigned>(number);
    } else if (word == "--milliseconds" && number >= 1 && number <= 60'000) {
      options.milliseconds = static_cast<unsigned>(number);
    } else {
      return false;
    }
  }
  return true;
}

int run(const Options& options) {
  auto bench = Bench::make(options);
  if (!bench) {
    log::error("{}", bench.error().text());
    return 1;
  }
  // A thread that moves between cores in the middle measures the move.
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(std::max(sched_getcpu(), 0)), &cpus);
  sched_setaffinity(0, sizeof(cpus), &cpus);
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  Json cases = Json::array();
  bool lost = false;
  for (const Family family : {Family::ip4, Family::ip6}) {
    auto result = (*bench)->measure(family);
    if (!result) {
      log::error("{}", result.error().text());
      return 1;
    }
    print(*result, hz);
    cases.push_back(to_json(*result));
    lost = lost || result->lost > 0 || result->packets == 0;
  }
  if (!options.json.empty()) {
    std::ofstream(options.json)
        << Json{{"tsc-hz", hz}, {"vector", options.vector}, {"routes", options.routes}, {"cases", cases}}.dump(2)
        << "\n";
  }
  return lost ? 1 : 0;
}

}  // namespace
}  // namespace floof

int main(int argc, char** argv) {
  floof::Options options;
  if (!floof::parse(argc, argv, options)) {
    return floof::usage();
  }
  floof::log::start("floof-bench");
  return floof::run(options);
}
