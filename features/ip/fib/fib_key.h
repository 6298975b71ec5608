// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <climits>
#include <cstdint>

namespace floof::ip::fib {

/// An address as a number, most significant bit first on the wire: uint32_t for IPv4, Key6 for IPv6.
using Key4 = uint32_t;
using Key6 = unsigned __int128;

template <typename K>
inline constexpr unsigned kKeyBits = sizeof(K) * CHAR_BIT;

/// Shifts that may shift everything out.
template <typename K>
constexpr K shift_left(K key, unsigned by) {
  return by >= kKeyBits<K> ? K{0} : static_cast<K>(key << by);
}
template <typename K>
constexpr K shift_right(K key, unsigned by) {
  return by >= kKeyBits<K> ? K{0} : static_cast<K>(key >> by);
}
/// The `width` (1..32) bits after the first `depth` ones; zeros beyond the end.
template <typename K>
constexpr uint32_t bits_at(K key, unsigned depth, unsigned width) {
  return static_cast<uint32_t>(shift_left(key, depth) >> (kKeyBits<K> - width));
}
/// The first address after those of the prefix, less one: its last address.
template <typename K>
constexpr K last_of(K key, unsigned length) {
  return key | shift_right(static_cast<K>(~K{0}), length);
}
template <typename K>
constexpr K masked(K key, unsigned length) {
  return key & static_cast<K>(~shift_right(static_cast<K>(~K{0}), length));
}

}  // namespace floof::ip::fib
