// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/dataplane/stats_segment.h"
#include "engine/graph_impl.h"

namespace floof::engine {

namespace {

std::string named_table(std::vector<Graph::Impl::Named> rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::string out;
  for (const auto& row : rows) {
    out += fmt::format("| `{}` | {} | {} |\n", row.name, row.unit, row.help);
  }
  return out;
}

}  // namespace

std::string counters_reference(const Graph& graph) {
  std::string out =
      "# Counters\n\nWhat `floof-dataplane` counts. Made from the code by `./dev reference`.\n\n"
      "## Interfaces\n\n`show interface`\n\n| counter | unit | meaning |\n|---|---|---|\n";
  for (const auto& slot : stats::kInterfaceSlots) {
    out += fmt::format("| `{}` | {} | {} |\n", slot.name, slot.unit, slot.help);
  }
  out += named_table(graph.impl().interface_counters);
  out +=
      "\n## Nodes\n\n`show dataplane nodes`: calls, packets and TSC cycles of each.\n\n| node | what it does "
      "|\n|---|---|\n";
  for (const auto& node : graph.impl().nodes) {
    out += fmt::format("| `{}` | {} |\n", node.name, node.help);
  }
  out += "\n## Drop reasons\n\n`show dataplane drops`\n\n| reason | unit | why a packet is dropped |\n|---|---|---|\n" +
         named_table(graph.impl().drops);
  if (!graph.impl().counters.empty()) {
    out += "\n## Other counters\n\n| counter | unit | meaning |\n|---|---|---|\n" + named_table(graph.impl().counters);
  }
  return out;
}

std::string graph_reference(const Graph& graph) {
  const Graph::Impl& impl = graph.impl();
  const auto name = [&](NodeId id) -> const std::string& { return impl.nodes[id.value()].name; };
  std::string out =
      "# The graph\n\nNodes of `floof-dataplane` and the ways of packets between them; drops are not drawn. "
      "Labels are feature arcs, dashed lines their order. Made from the code by `./dev reference`.\n\n"
      "```mermaid\nflowchart LR\n";
  for (const auto& node : impl.nodes) {
    for (const NodeId to : node.next) {
      out += fmt::format("  {} --> {}\n", node.name, name(to));
    }
    for (const ArcId arc : node.arcs) {
      const auto& a = impl.arcs[arc.value()];
      out += fmt::format("  {} -- {} --> {}\n", node.name, a.name, name(a.features.empty() ? a.end : a.features[0]));
    }
  }
  for (const auto& arc : impl.arcs) {
    for (size_t i = 0; i < arc.features.size(); i++) {
      const NodeId to = i + 1 < arc.features.size() ? arc.features[i + 1] : arc.end;
      out += fmt::format("  {} -. {} .-> {}\n", name(arc.features[i]), arc.name, name(to));
    }
  }
  return out + "```\n";
}

}  // namespace floof::engine
