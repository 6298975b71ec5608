// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_node.h"

#include <sys/eventfd.h>

#include <algorithm>

namespace floof::neighbor {

namespace {

size_t pool_bytes(const rte_mempool& pool) { return size_t{pool.size} * pool.elt_size; }

size_t bytes_of(const rte_mbuf& packet) {
  size_t bytes = 0;
  for (const rte_mbuf* segment = &packet; segment != nullptr; segment = segment->next) {
    bytes += segment->buf_len;
  }
  return bytes;
}

void process(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<HoldState>();
  unsigned queued = 0;
  for (rte_mbuf* packet : packets) {
    if (!state.budget.take(*packet)) {
      node.drop_output(state.no_room, packet);
    } else if (rte_ring_mp_enqueue(state.ring.get(), packet) == 0) {
      queued++;
    } else {
      state.budget.give_back(*packet);
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

HoldBudget::HoldBudget(const engine::Pools& pools)
    : HoldBudget(std::min(pool_bytes(*pools.packets), pool_bytes(*pools.large)) / 4,
                 std::min(pool_bytes(*pools.packets), pool_bytes(*pools.large)) / 8) {}

bool HoldBudget::take(const rte_mbuf& packet) {
  const size_t bytes = bytes_of(packet), long_bytes = bytes > RTE_MBUF_DEFAULT_BUF_SIZE ? bytes : 0;
  if (taken_long_.fetch_add(long_bytes, std::memory_order_relaxed) + long_bytes > most_long_ ||
      taken_.load(std::memory_order_relaxed) + bytes > most_) {
    taken_long_.fetch_sub(long_bytes, std::memory_order_relaxed);
    return false;
  }
  taken_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void HoldBudget::give_back(const rte_mbuf& packet) {
  const size_t bytes = bytes_of(packet);
  taken_.fetch_sub(bytes, std::memory_order_relaxed);
  taken_long_.fetch_sub(bytes > RTE_MBUF_DEFAULT_BUF_SIZE ? bytes : 0, std::memory_order_relaxed);
}

void HoldState::FreeRing::operator()(rte_ring* ring) const { rte_ring_free(ring); }

Result<std::unique_ptr<HoldState>> HoldState::create(const engine::Pools& pools) {
  auto out = std::make_unique<HoldState>(pools);
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
  state.no_room =
      builder.declare_drop("neighbor-memory", "Packets for unknown neighbours fill the memory that they may have.");
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
