// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an interface does with priority beyond keeping it: node "vlan-pcp" on the arc interface-output chooses the
// priority bits (PCP) of the tag by the packet's DSCP, nodes "vlan-dscp4" and "vlan-dscp6" on ip4-unicast and
// ip6-unicast write the DSCP that the tag asked for (RFC 2474; the two ECN bits of RFC 3168 stay). All have stages, so
// plain packets stay on the fast way. Switched on for interfaces that have such a table only.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>

#include "engine/engine.h"
#include "engine/graph.h"
#include "features/vlan/vlan.h"

namespace floof::vlan {

/// What the nodes work on. Outlives the graph.
class PriorityState {
 public:
  /// Switches the nodes for an interface. Control thread.
  void set(engine::Engine& engine, IfId interface, const Priority& priority);

  /// Workers. Null: none of the interface's packets need it (any more).
  const Priority* of(IfId interface) const { return by_interface_[interface.value()].load(std::memory_order_acquire); }

  // Set by register_priority_nodes:
  engine::ArcId output, ip4, ip6;

 private:
  std::array<std::atomic<const Priority*>, kMaxInterfaces> by_interface_{};
  std::map<IfId, std::unique_ptr<const Priority>> owned_;
};

void register_priority_nodes(engine::GraphBuilder& builder, PriorityState& state);

}  // namespace floof::vlan
