// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/engine.h"
#include "engine/graph.h"

namespace floof::engine {

/// The way out, in every graph (Engine::run adds it): node "interface-output" starts the arc "interface-output" by the
/// packets' tx_if, which ends in node "interface-tx". There packets are grouped by port, get the VLAN tags of their
/// interface, are counted, given software offload where the port has none of its own, and sent. Those of an
/// interface without a port go to its node (GraphBuilder::add_sender). Packets have their Ethernet header in front.
/// Node "port-tx" is the same for frames that have their tags already.
struct OutputState {
  InterfaceTable* interfaces = nullptr;
  Pools pools;
  ArcId arc;
  DropId interface_down, tx_failed, frame_too_long, bad_offload, no_buffer;
};

/// `state` outlives the graph.
void register_output_nodes(GraphBuilder& builder, OutputState& state);

}  // namespace floof::engine
