// SPDX-License-Identifier: GPL-3.0-or-later
//
// Node "vlan-input": where frames of a port with VLAN interfaces come in instead of ip-fast. It finds the interface
// that a frame belongs to by its tags. Frames whose tags are all their interface's go on with them to ip-fast-tagged;
// those of the parent, of an `untagged` interface and with a priority tag go to ip-fast without one. Drops:
// vlan-unknown, vlan-malformed. Frames count at the parent (the port's own count, as in Linux) and at the interface.
#pragma once

#include <array>
#include <atomic>

#include "engine/engine.h"
#include "engine/graph.h"
#include "features/vlan/tags.h"

namespace floof::vlan {

/// What vlan-input works on. Outlives the graph.
struct VlanState {
  explicit VlanState(const engine::InterfaceTable& table) : interfaces(table) {}

  const engine::InterfaceTable& interfaces;
  /// By parent; null: it has none. Control thread writes; what was replaced is freed behind a grace period.
  std::array<std::atomic<const TagTable*>, kMaxInterfaces> tables{};

  // Set by register_nodes:
  engine::DropId unknown, malformed, down;
};

void register_nodes(engine::GraphBuilder& builder, VlanState& state);

/// Publishes the tags that frames of an interface leave with. Control thread.
void set_tags(engine::Interface& interface, IfId parent, const VlanSpec& spec);

}  // namespace floof::vlan
