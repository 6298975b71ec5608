// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nodes of FibTree, for its implementation only. They lie in a BlockArena, so they are trivial.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "features/ip/fib/fib_tree.h"

namespace floof::ip::fib {

/// A prefix with its value: 8 bytes for IPv4, 24 for IPv6. Sorted by key, shorter ones first.
template <typename K, unsigned kRootBits>
struct FibTree<K, kRootBits>::Route {
  Route(K k, unsigned length, uint32_t value) : packed(length << 24 | value) { store(k); }
  K key() const {
    if constexpr (kBits == 32) {
      return words[0];
    } else {
      return K{words[0]} << 64 | words[1];
    }
  }
  unsigned length() const { return packed >> 24; }
  uint32_t value() const { return packed & kMaxValue; }
  bool same_prefix(const Route& other) const { return key() == other.key() && length() == other.length(); }
  friend bool operator<(const Route& a, const Route& b) {
    return a.key() != b.key() ? a.key() < b.key() : a.length() < b.length();
  }

 private:
  using Word = std::conditional_t<kBits == 32, uint32_t, uint64_t>;
  void store(K key) {
    if constexpr (kBits == 32) {
      words = {key};
    } else {
      words = {static_cast<uint64_t>(key >> 64), static_cast<uint64_t>(key)};
    }
  }
  std::array<Word, kBits == 32 ? 1 : 2> words;
  uint32_t packed;
};

template <typename K, unsigned kRootBits>
struct FibTree<K, kRootBits>::Bucket {
  uint16_t count;
  uint16_t room;
  uint32_t unused;
  Route routes[];
  std::span<Route> all() { return {routes, count}; }
  std::span<const Route> all() const { return {routes, count}; }
};

/// `own`: values of the prefixes that end within the node's 6 bits, by 1 << length | bits, from 2 up. `entry`: what
/// readers find in each slot, before runs of equal ones are joined.
template <typename K, unsigned kRootBits>
struct FibTree<K, kRootBits>::Split {
  std::array<uint32_t, 2 * kBitmapSlots> own;
  std::array<NodeRef, kBitmapSlots> below;
  Slots entry;
  uint32_t count;  ///< prefixes here and below
};

template <typename K, unsigned kRootBits>
template <typename F>
void FibTree<K, kRootBits>::for_each(F visit) const {
  for (uint32_t code = 1; code < 2 * kRootSlots; code++) {
    if (short_[code] != 0) {
      const auto length = static_cast<unsigned>(std::bit_width(code)) - 1;
      visit(shift_left(static_cast<K>(code), kBits - length), length, short_[code]);
    }
  }
  for (size_t slot = 0; slot < kRootSlots; slot++) {
    for_each_below(below_[slot], shift_left(static_cast<K>(slot), kBits - kRootBits), kRootBits, visit);
  }
}

template <typename K, unsigned kRootBits>
template <typename F>
void FibTree<K, kRootBits>::for_each_below(NodeRef ref, K key, unsigned depth, F& visit) const {
  if (ref == 0) {
    return;
  }
  if (!is_split(ref)) {
    for (const Route& route : bucket(ref).all()) {
      visit(route.key(), route.length(), route.value());
    }
    return;
  }
  const Split& node = split(ref);
  for (unsigned code = 2; code < node.own.size(); code++) {
    if (node.own[code] != 0) {
      const auto bits = static_cast<unsigned>(std::bit_width(code)) - 1;
      const K rest = shift_right(shift_left(static_cast<K>(code), kBits - bits), depth);
      visit(key | rest, depth + bits, node.own[code]);
    }
  }
  for (unsigned slot = 0; slot < kBitmapSlots; slot++) {
    const K rest = shift_right(shift_left(static_cast<K>(slot), kBits - kBitmapBits), depth);
    for_each_below(node.below[slot], key | rest, depth + kBitmapBits, visit);
  }
}

}  // namespace floof::ip::fib
