// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "base/dataplane/stats_segment.h"
#include "features/dataplane/dataplane_stats.h"

namespace floof::dataplane {

namespace {

Json drops(const stats::Reader& reader) {
  std::vector<Json> rows;
  for (const auto& counter : reader.counters()) {
    if (counter.kind == stats::Kind::drop) {
      rows.push_back({{"reason", counter.name}, {"help", counter.help}, {"packets", reader.value(counter.first_slot)}});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["packets"].get<uint64_t>() > b["packets"].get<uint64_t>();
  });
  return rows;
}

Json nodes(const stats::Reader& reader) {
  Json rows = Json::array();
  for (const auto& counter : reader.counters()) {
    if (counter.kind != stats::Kind::node) {
      continue;
    }
    const uint64_t calls = reader.value(counter.first_slot), packets = reader.value(counter.first_slot + 1),
                   cycles = reader.value(counter.first_slot + 2);
    const auto per = [](uint64_t a, uint64_t b) { return b == 0 ? 0.0 : static_cast<double>(a * 10 / b) / 10; };
    rows.push_back({{"node", counter.name},
                    {"calls", calls},
                    {"packets", packets},
                    {"vector-size", per(packets, calls)},
                    {"cycles-per-packet", per(cycles, packets)}});
  }
  return rows;
}

Json workers(engine::Engine& engine) {
  Json rows = Json::array();
  for (const auto& worker : engine.workers()) {
    Json interfaces = Json::array(), from_linux = Json::array();
    for (const auto& queue : worker.queues) {
      const std::string name = engine.interfaces()[queue.interface].name;
      (queue.kernel ? from_linux : interfaces)
          .push_back(queue.of == 1 ? name : fmt::format("{}/{}", name, queue.queue));
    }
    rows.push_back({{"worker", worker.index},
                    {"core", worker.core},
                    {"pinned", worker.pinned},
                    {"state", worker.sleeping ? "sleeping" : "busy"},
                    {"loops", worker.turns},
                    {"packets", worker.packets},
                    {"interfaces", std::move(interfaces)},
                    {"linux", std::move(from_linux)}});
  }
  return rows;
}

Json samples(engine::Engine& engine) {
  Json rows = Json::array();
  for (const auto& sample : engine.drop_samples()) {
    std::string hex;
    for (const uint8_t byte : sample.head) {
      hex += fmt::format("{:02x}", byte);
    }
    rows.push_back({{"reason", engine.graph().drop_name(sample.reason)},
                    {"interface", sample.interface.valid() ? engine.interfaces()[sample.interface].name : ""},
                    {"age-ms", sample.age_us / 1000},
                    {"length", sample.length},
                    {"data", std::move(hex)}});
  }
  return rows;
}

}  // namespace

Json show_engine(engine::Engine& engine, const std::string& run_dir, const std::string& what) {
  if (what == "workers") {
    return workers(engine);
  }
  if (what == "drop-samples") {
    return samples(engine);
  }
  if (what != "drops" && what != "nodes") {
    return nullptr;
  }
  auto reader = stats::Reader::open(run_dir + "/stats");
  Json out = Json::array();
  if (reader) {
    reader->look([&] { out = what == "drops" ? drops(*reader) : nodes(*reader); });
  }
  return out;
}

}  // namespace floof::dataplane
