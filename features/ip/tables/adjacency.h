// SPDX-License-Identifier: GPL-3.0-or-later
//
// Adjacencies (an address on an interface and how to reach it: what goes in front of a packet, and which node is next)
// and the index by which workers find that of a destination on a connected link. One writer, the control thread;
// workers read without locks under QSBR.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/address.h"
#include "base/dataplane/qsbr.h"
#include "base/ids.h"
#include "features/ip/tables/flat_array.h"
#include "features/ip/tables/forwarding_sink.h"

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
  /// Instead of an Ethernet header, when there is one; may be read until the next quiescent state.
  std::atomic<const Rewrite*> string{nullptr};
  IpAddress next_hop;  ///< constant while the id is in use

  /// Worker. Writes only the first time, so that the line stays in the caches of all cores.
  void use() const {
    if (used.load(std::memory_order_relaxed) == 0) [[unlikely]] {
      used.store(1, std::memory_order_relaxed);
    }
  }
};

static_assert(sizeof(Adjacency) == 64);

/// (interface, address) -> adjacency: a hash table with open addressing, at most a third full. A slot's tag is all of
/// an IPv4 key, so that nothing depends on the adjacency but the rewrite; an IPv6 one is compared there. The hash is
/// multilinear with secret factors (Lemire and Kaser, "Strongly universal string hashing is fast", 2014): stations
/// choose their IPv6 addresses themselves.
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
    const Key wanted = key(interface, address);
    for (uint64_t at = wanted.hash >> slots.shift;; at++) {
      const Slot& slot = slots.slots[at & slots.mask];
      const uint32_t id = slot.id.load(std::memory_order_acquire);
      if (id == kFree) {
        return {};
      }
      if (slot.tag == wanted.tag && id != kGone && is(id, interface, address)) [[likely]] {
        return AdjId(id);
      }
    }
  }

  // -- Control thread ---------------------------------------------------------------------------------------------
  AdjId find(IfId interface, const IpAddress& address) const {
    return address.is_ip4() ? find(interface, address.ip4()) : find(interface, address.ip6());
  }
  /// The adjacency is complete but for its MAC address, and not in the index.
  void add(uint32_t id);
  /// The id may be used anew after a grace period.
  void remove(uint32_t id);
  /// `visit` takes an id and changes nothing.
  template <typename Visit>
  void for_each(Visit visit) const {
    const Slots& slots = *slots_.load();
    for (uint64_t i = 0; i <= slots.mask; i++) {
      if (const uint32_t id = slots.slots[i].id.load(std::memory_order_relaxed); in_use(id)) {
        visit(id);
      }
    }
  }

 private:
  static constexpr uint32_t kFree = 0, kGone = UINT32_MAX;  ///< instead of an id
  struct Key {
    uint64_t tag;
    uint64_t hash;  ///< its upper bits are the good ones: they say where to begin
  };
  struct Slot {
    uint64_t tag = 0;  ///< written once, before the id
    std::atomic<uint32_t> id{kFree};
  };
  struct Slots {
    explicit Slots(uint64_t size)
        : mask(size - 1), shift(64 - std::countr_zero(size)), slots(std::make_unique<Slot[]>(size)) {}
    uint64_t mask;
    int shift;
    std::unique_ptr<Slot[]> slots;
  };

  static bool in_use(uint32_t id) { return id != kFree && id != kGone; }
  Key key(IfId interface, Ip4 address) const {
    const uint64_t all = uint64_t{1} << 63 | uint64_t{interface.value()} << 32 | address.value();
    return {all, all * factors_[0]};
  }
  /// The tag's first bit tells it from one of IPv4.
  Key key(IfId interface, const Ip6& address) const {
    const auto halves = std::bit_cast<std::array<uint64_t, 2>>(address.bytes());
    const uint64_t hash = halves[0] * factors_[0] + halves[1] * factors_[1] + interface.value() * factors_[2];
    return {hash >> 1, hash};
  }
  Key key(IfId interface, const IpAddress& address) const {
    return address.is_ip4() ? key(interface, address.ip4()) : key(interface, address.ip6());
  }
  Key key_of(uint32_t id) const {
    const Adjacency& adjacency = adjacencies_.at(id);
    return key(IfId(adjacency.interface.load(std::memory_order_relaxed)), adjacency.next_hop);
  }
  static bool is(uint32_t, IfId, Ip4) { return true; }
  bool is(uint32_t id, IfId interface, const Ip6& address) const {
    const Adjacency& adjacency = adjacencies_.at(id);
    return adjacency.interface.load(std::memory_order_relaxed) == interface.value() &&
           adjacency.next_hop == IpAddress(address);
  }
  void put(Slots& slots, uint32_t id);
  void rebuild();

  Qsbr& qsbr_;
  const FlatArray<Adjacency>& adjacencies_;
  std::array<uint64_t, 3> factors_;  ///< random, odd
  std::atomic<Slots*> slots_;
  size_t live_ = 0, used_ = 0;  ///< `used_`: also those that are gone
};

}  // namespace floof::ip
