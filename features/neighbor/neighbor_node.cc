// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_node.h"

#include <rte_cycles.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "engine/packet.h"
#include "engine/worker.h"
#include "features/ip/checks/wire.h"

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

using engine::meta;
using engine::notes;

struct Rates {
  uint64_t each, each_burst, interface, interface_burst;  ///< packets a second, and at once
};
constexpr Rates kStrangers{250, 64, 1000, 256};
constexpr Rates kKnown{32, 8, 2000, 512};
constexpr uint64_t kLeastBurst = 8;

HoldState::Limit limit_of(const Rates& rates, unsigned workers) {
  const auto share = [&](uint64_t rate, uint64_t burst) {
    return TokenRate::of(rte_get_tsc_hz() * workers, rate, std::max(kLeastBurst, burst / workers));
  };
  return {share(rates.each, rates.each_burst), share(rates.interface, rates.interface_burst)};
}

uint64_t mix(uint64_t value) {
  value *= 0x9e3779b97f4a7c15u;
  return value ^ value >> 32;
}

/// A number for the /24 or /64 that the packet comes from and the interface on which it asks.
uint64_t sender_of(const rte_mbuf* packet) {
  const auto* bytes = rte_pktmbuf_mtod(packet, const uint8_t*);
  uint64_t subnet = 0;
  if (bytes[0] >> 4 == 4) {
    subnet = reinterpret_cast<const ip::Ip4Header*>(bytes)->source.host() >> 8;
  } else {
    std::memcpy(&subnet, reinterpret_cast<const ip::Ip6Header*>(bytes)->source.data(), sizeof subnet);
  }
  return mix(subnet) ^ meta(packet).tx_if.value();
}

/// Whether the packet's share and its interface have room for it.
bool may_ask(const HoldState& state, HoldState::PerWorker& worker, uint64_t now, const rte_mbuf* packet) {
  const AdjId adj = notes(packet).adj;
  const size_t kind = adj.valid() ? 1 : 0;
  const HoldState::Limit& limit = state.limits[kind];
  const uint64_t hash = mix(adj.valid() ? adj.value() : sender_of(packet));
  TokenBucket& share = worker.shares[kind][hash % HoldState::kShares];
  if (!share.take(limit.each, now)) {
    return false;
  }
  if (!worker.interfaces[kind][meta(packet).tx_if.value()].take(limit.interface, now)) {
    share.give(limit.each);
    return false;
  }
  return true;
}

void process(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<HoldState>();
  auto& worker = *state.workers[node.worker().index()];
  unsigned queued = 0;
  for (rte_mbuf* packet : packets) {
    if (!may_ask(state, worker, node.now(), packet)) {
      node.drop_output(state.limited, packet);
    } else if (!state.budget.take(*packet)) {
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

Result<std::unique_ptr<HoldState>> HoldState::create(const engine::Pools& pools, unsigned workers) {
  auto out = std::make_unique<HoldState>(pools);
  out->limits = {limit_of(kStrangers, workers), limit_of(kKnown, workers)};
  for (unsigned i = 0; i < workers; i++) {
    out->workers.push_back(std::make_unique<PerWorker>());
  }
  out->ring.reset(rte_ring_create("neighbor-hold", kRing, SOCKET_ID_ANY, RING_F_SC_DEQ));
  out->wakeup.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!out->ring || !out->wakeup) {
    return Error{"neighbor-hold", "no memory for its queue", ""};
  }
  return out;
}

void register_nodes(engine::GraphBuilder& builder, HoldState& state) {
  state.limited = builder.declare_drop(
      "neighbor-limit", "More packets for unknown neighbours of this interface than are let through (a scan?).");
  state.ring_full =
      builder.declare_drop("neighbor-queue-full", "More packets for unknown neighbours than can be looked after.");
  state.no_room =
      builder.declare_drop("neighbor-memory", "Packets for unknown neighbours fill the memory that they may have.");
  state.refused = builder.declare_drop(
      "neighbor-too-many", "So many neighbours are asked for at once that the packet made room for a later one.");
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
