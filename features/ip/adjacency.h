// SPDX-License-Identifier: GPL-3.0-or-later
//
// Adjacencies (an address on an interface and how to reach it) and the index by which workers find that of a
// destination on a connected link. One writer, the control thread; workers read without locks under QSBR.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/address.h"
#include "base/ids.h"
#include "base/qsbr.h"
#include "features/ip/flat_array.h"

namespace floof::ip {

/// As workers read it: 64-byte aligned, replaced in place by atomic stores of single words.
struct alignas(64) Adjacency {
  enum State : uint8_t { incomplete, resolved };
  std::atomic<uint8_t> state{incomplete};
  mutable std::atomic<uint8_t> used{0};   ///< a packet left by it since the control thread looked last
  std::atomic<uint16_t> interface { 0 };  ///< IfId
  std::atomic<uint64_t> dst_mac{0};       ///< low 48 bits, first byte lowest; source MAC is the interface's
  /// All of it in one word for the fast way: dst_mac and, in the upper 16 bits, the interface; 0: not resolved.
  std::atomic<uint64_t> rewrite{0};
  IpAddress next_hop;  ///< constant while the id is in use

  /// Worker. Writes only the first time, so that the line stays in the caches of all cores.
  void use() const {
    if (used.load(std::memory_order_relaxed) == 0) [[unlikely]] {
      used.store(1, std::memory_order_relaxed);
    }
  }
};

/// (interface, address) -> adjacency: a hash table with open addressing, at most half full. Its hash has a seed of its
/// own: stations choose their IPv6 addresses themselves.
class NeighborIndex {
 public:
  NeighborIndex(Qsbr& qsbr, const FlatArray<Adjacency>& adjacencies);
  ~NeighborIndex();
  NeighborIndex(const NeighborIndex&) = delete;
  NeighborIndex& operator=(const NeighborIndex&) = delete;

  /// Worker side, and the control thread. Invalid when there is none. The adjacency may be read until the next
  /// quiescent state.
  template <typename Address>
  AdjId find(IfId interface, const Address& address) const {
    const Slots& slots = *slots_.load(std::memory_order_acquire);
    for (uint64_t at = hash(interface, address);; at++) {
      const uint32_t id = slots.ids[at & slots.mask].load(std::memory_order_acquire);
      if (id == kFree) {
        return {};
      }
      if (id != kGone && is(adjacencies_.at(id), interface, address)) {
        return AdjId(id);
      }
    }
  }

  // -- Control thread ---------------------------------------------------------------------------------------------
  /// The adjacency is complete but for its MAC address, and not in the index.
  void add(uint32_t id);
  /// The id may be used anew after a grace period.
  void remove(uint32_t id);
  /// `visit` takes an id and changes nothing.
  template <typename Visit>
  void for_each(Visit visit) const {
    const Slots& slots = *slots_.load();
    for (uint64_t i = 0; i <= slots.mask; i++) {
      if (const uint32_t id = slots.ids[i].load(std::memory_order_relaxed); id != kFree && id != kGone) {
        visit(id);
      }
    }
  }

 private:
  static constexpr uint32_t kFree = 0, kGone = UINT32_MAX;
  struct Slots {
    explicit Slots(uint64_t size) : mask(size - 1), ids(std::make_unique<std::atomic<uint32_t>[]>(size)) {}
    uint64_t mask;
    std::unique_ptr<std::atomic<uint32_t>[]> ids;
  };

  static uint64_t mix(uint64_t value) {
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 32;
  }
  uint64_t hash(IfId interface, Ip4 address) const {
    return mix(mix(seed_ ^ (uint64_t{interface.value()} << 32 | address.value())));
  }
  uint64_t hash(IfId interface, const Ip6& address) const {
    const auto halves = std::bit_cast<std::array<uint64_t, 2>>(address.bytes());
    return mix(mix(mix(seed_ ^ halves[0]) ^ halves[1]) ^ interface.value());
  }
  uint64_t hash(IfId interface, const IpAddress& address) const {
    return address.is_ip4() ? hash(interface, address.ip4()) : hash(interface, address.ip6());
  }
  static bool is(const Adjacency& adjacency, IfId interface, const IpAddress& address) {
    return adjacency.interface.load(std::memory_order_relaxed) == interface.value() && adjacency.next_hop == address;
  }
  static void put(Slots& slots, uint64_t at, uint32_t id);
  void rebuild();

  Qsbr& qsbr_;
  const FlatArray<Adjacency>& adjacencies_;
  uint64_t seed_;
  std::atomic<Slots*> slots_;
  size_t live_ = 0, used_ = 0;  ///< `used_`: also those that are gone
};

}  // namespace floof::ip
