// SPDX-License-Identifier: GPL-3.0-or-later
//
// The node neighbor-hold: packets whose next hop has no MAC address yet go to the control thread (neighbor_apply.cc),
// which has Linux ask for it.
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <memory>

#include "base/fd.h"
#include "engine/graph.h"

namespace floof::neighbor {

/// Made by the program, outlives the graph.
struct HoldState {
  static constexpr unsigned kRing = 1024;
  struct FreeRing {
    void operator()(rte_ring* ring) const;
  };
  /// The engine must have started (memory of EAL).
  static Result<std::unique_ptr<HoldState>> create();

  std::unique_ptr<rte_ring, FreeRing> ring;  ///< workers -> control thread
  UniqueFd wakeup;                           ///< eventfd, readable when there are packets
  std::atomic<bool> signalled{false};        ///< one system call per wake-up, not per packet

  // Set by register_nodes:
  engine::DropId ring_full;   ///< more packets than the control thread takes
  engine::DropId refused;     ///< too many neighbours are asked for
  engine::DropId replaced;    ///< a later packet took the place
  engine::DropId unresolved;  ///< nobody answered
  engine::DropId gone;        ///< the interface went away meanwhile
  engine::CounterId held;
};

/// Adds neighbor-hold. Packets' data is at the IP header, unchanged; meta.adj names the adjacency, or meta.tx_if the
/// interface on which the destination itself is asked for.
void register_nodes(engine::GraphBuilder& builder, HoldState& state);

}  // namespace floof::neighbor
