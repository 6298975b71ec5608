// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/adjacency.h"

#include <algorithm>
#include <random>

namespace floof::ip {

namespace {

constexpr uint64_t kLeastSlots = 64;

}  // namespace

NeighborIndex::NeighborIndex(Qsbr& qsbr, const FlatArray<Adjacency>& adjacencies)
    : qsbr_(qsbr),
      adjacencies_(adjacencies),
      seed_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()),
      slots_(new Slots(kLeastSlots)) {}

NeighborIndex::~NeighborIndex() { delete slots_.load(); }

void NeighborIndex::put(Slots& slots, uint64_t at, uint32_t id) {
  while (slots.ids[at & slots.mask].load(std::memory_order_relaxed) != kFree) {
    at++;
  }
  slots.ids[at & slots.mask].store(id, std::memory_order_release);
}

void NeighborIndex::add(uint32_t id) {
  if ((used_ + 1) * 2 > slots_.load()->mask + 1) {
    rebuild();
  }
  const Adjacency& adjacency = adjacencies_.at(id);
  put(*slots_.load(), hash(IfId(adjacency.interface.load(std::memory_order_relaxed)), adjacency.next_hop), id);
  live_++;
  used_++;
}

void NeighborIndex::remove(uint32_t id) {
  const Slots& slots = *slots_.load();
  const Adjacency& adjacency = adjacencies_.at(id);
  for (uint64_t at = hash(IfId(adjacency.interface.load(std::memory_order_relaxed)), adjacency.next_hop);; at++) {
    auto& slot = slots.ids[at & slots.mask];
    const uint32_t there = slot.load(std::memory_order_relaxed);
    if (there == kFree) {
      return;
    }
    if (there == id) {
      slot.store(kGone, std::memory_order_release);
      live_--;
      return;
    }
  }
}

/// Readers keep to the old slots until they look again.
void NeighborIndex::rebuild() {
  auto fresh = std::make_unique<Slots>(std::bit_ceil(std::max<uint64_t>(kLeastSlots, (live_ + 1) * 4)));
  Slots* const old = slots_.load();
  for (uint64_t i = 0; i <= old->mask; i++) {
    const uint32_t id = old->ids[i].load(std::memory_order_relaxed);
    if (id != kFree && id != kGone) {
      const Adjacency& adjacency = adjacencies_.at(id);
      put(*fresh, hash(IfId(adjacency.interface.load(std::memory_order_relaxed)), adjacency.next_hop), id);
    }
  }
  slots_.store(fresh.release(), std::memory_order_release);
  used_ = live_;
  qsbr_.retire([old] { delete old; });
}

}  // namespace floof::ip
