// SPDX-License-Identifier: GPL-3.0-or-later
//
// The graph's two doors to the router's own kernel. `punt` leads out; `lcp-input` and `lcp-floof0-input` lead in.
// What came in by a TAP carries PacketMeta::from_tap and never goes out by one: nothing loops.
#pragma once

#include <array>

#include "base/stats_segment.h"
#include "engine/engine.h"
#include "engine/graph.h"
#include "features/lcp/punt_class.h"

namespace floof::lcp {

/// Made by the program, outlives the graph.
struct LcpState {
  explicit LcpState(engine::InterfaceTable& table) : interfaces(table) {}
  engine::InterfaceTable& interfaces;

  struct alignas(64) PerWorker {
    std::array<TokenBucket, kPuntClasses> buckets;
  };
  std::array<PerWorker, stats::kMaxWorkers> workers;

  // Set by register_nodes:
  std::array<engine::DropId, kPuntClasses> limited;
  std::array<engine::CounterId, kPuntClasses> punted;
  engine::DropId loop, no_kernel_port, failed, not_ip;
};

/// Adds punt, lcp-input and lcp-floof0-input. They lead to interface-output, ip4-lookup and ip6-lookup. The engine must
/// have started (its clock is known).
void register_nodes(engine::GraphBuilder& builder, LcpState& state);

}  // namespace floof::lcp
