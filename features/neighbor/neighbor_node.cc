// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_node.h"

#include <sys/eventfd.h>

namespace floof::neighbor {

namespace {

void process(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<HoldState>();
  unsigned queued = 0;
  for (rte_mbuf* packet : packets) {
    if (rte_ring_mp_enqueue(state.ring.get(), packet) == 0) {
      queued++;
    } else {
      node.drop_output(state.ring_full, packet);
    }
  }
  if (queued > 0) {
    node.count(state.held, queued);
    if (!state.signalled.exchange(true)) {
      eventfd_write(state.wakeup.get(), 1);
    }
  }
}

}  // namespace

void HoldState::FreeRing::operator()(rte_ring* ring) const { rte_ring_free(ring); }

Result<std::unique_ptr<HoldState>> HoldState::create() {
  auto out = std::make_unique<HoldState>();
  out->ring.reset(rte_ring_create("neighbor-hold", kRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  out->wakeup.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!out->ring || !out->wakeup) {
    return Error{"neighbor-hold", "no memory for its queue", ""};
  }
  return out;
}

void register_nodes(engine::GraphBuilder& builder, HoldState& state) {
  state.ring_full =
      builder.declare_drop("neighbor-queue-full", "More packets for unknown neighbours than can be looked after.");
  state.refused = builder.declare_drop("neighbor-too-many", "Too many neighbours are being asked for at once.");
  state.replaced =
      builder.declare_drop("neighbor-replaced", "A later packet for the same unknown neighbour took its place.");
  state.unresolved = builder.declare_drop("neighbor-unresolved", "Nobody answered to ARP or neighbour discovery.");
  state.gone = builder.declare_drop("neighbor-interface-gone", "The interface went away while the packet waited.");
  state.held =
      builder.declare_counter("neighbor-held", "packets", "Packets that waited for their neighbour's address.");
  builder.add_node({.name = "neighbor-hold",
                    .help = "Keeps packets until their next hop's MAC address is known.",
                    .process = process,
                    .state = &state});
}

}  // namespace floof::neighbor
