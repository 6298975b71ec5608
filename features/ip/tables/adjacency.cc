// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/adjacency.h"

#include <algorithm>
#include <random>

namespace floof::ip {

namespace {

constexpr uint64_t kLeastSlots = 64;

uint64_t random_odd() {
  std::random_device random;
  return uint64_t{random()} << 32 | random() | 1;
}

}  // namespace

NeighborIndex::NeighborIndex(Qsbr& qsbr, const FlatArray<Adjacency>& adjacencies)
    : qsbr_(qsbr),
      adjacencies_(adjacencies),
      factors_{random_odd(), random_odd(), random_odd()},
      slots_(new Slots(kLeastSlots)) {}

NeighborIndex::~NeighborIndex() { delete slots_.load(); }

void NeighborIndex::put(Slots& slots, uint32_t id) {
  const Key key = key_of(id);
  uint64_t at = key.hash >> slots.shift;
  while (slots.slots[at & slots.mask].id.load(std::memory_order_relaxed) != kFree) {
    at++;
  }
  Slot& slot = slots.slots[at & slots.mask];
  slot.tag = key.tag;
  slot.id.store(id, std::memory_order_release);
}

void NeighborIndex::add(uint32_t id) {
  if ((used_ + 1) * 3 > slots_.load()->mask + 1) {
    rebuild();
  }
  put(*slots_.load(), id);
  live_++;
  used_++;
}

void NeighborIndex::remove(uint32_t id) {
  const Slots& slots = *slots_.load();
  for (uint64_t at = key_of(id).hash >> slots.shift;; at++) {
    auto& slot = slots.slots[at & slots.mask].id;
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
    if (const uint32_t id = old->slots[i].id.load(std::memory_order_relaxed); in_use(id)) {
      put(*fresh, id);
    }
  }
  slots_.store(fresh.release(), std::memory_order_release);
  used_ = live_;
  qsbr_.retire([held = std::shared_ptr<Slots>(old)] {});
}

}  // namespace floof::ip
