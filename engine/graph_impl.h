// SPDX-License-Identifier: GPL-3.0-or-later
//
// The finished graph's inside, for graph.cc, worker.cc and the stats writer only.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace floof::engine {

struct Graph::Impl {
  struct Node {
    std::string name, help;
    Process process;
    void* state;
    std::vector<NodeId> next;
    std::vector<ArcId> arcs;    ///< that it says it starts
    uint32_t rank = 0;          ///< upstream nodes have lower ranks, so that vectors grow before they move on
    bool closes_cycle = false;  ///< packets come back to it from later nodes: their rounds are bounded
  };
  struct Arc {
    std::string name;
    NodeId end;
    std::vector<NodeId> features;                      ///< in the order in which packets visit them
    std::vector<Stage> stages;                         ///< theirs; nullptr: none
    std::unique_ptr<std::atomic<uint32_t>[]> enabled;  ///< by interface: bit i = features[i]
  };
  struct Named {
    std::string name, unit, help;
  };

  std::vector<Node> nodes;
  std::vector<Arc> arcs;
  std::vector<Named> drops, counters, interface_counters;
  DropId queue_full;  ///< the engine's own reasons
  DropId input_down;
  DropId control_queue_full;
  DropId handover_full;
  CounterId samples_lost;
  DropId rx_malformed, rx_segments, rx_no_buffer;
  CounterId rx_waits;
  DropId too_many_rounds;

  NodeId find(std::string_view name) const;
  /// Nodes that `id` may hand packets to, through edges or arcs.
  std::vector<NodeId> successors(NodeId id) const;
};

}  // namespace floof::engine
