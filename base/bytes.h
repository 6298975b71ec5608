// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>

namespace floof {

namespace detail {
constexpr uint16_t swap_bytes(uint16_t v) { return __builtin_bswap16(v); }
constexpr uint32_t swap_bytes(uint32_t v) { return __builtin_bswap32(v); }
constexpr uint64_t swap_bytes(uint64_t v) { return __builtin_bswap64(v); }
}  // namespace detail

/// An unsigned integer kept in network byte order, for use inside wire structs.
/// There is no implicit conversion: `from(host)` and `host()` say which side one is on.
template <typename T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  static constexpr BigEndian from(T host) {
    BigEndian out;
    out.raw_ = detail::swap_bytes(host);
    return out;
  }
  /// Wraps a value that is already in network order.
  static constexpr BigEndian from_raw(T raw) {
    BigEndian out;
    out.raw_ = raw;
    return out;
  }
  constexpr T host() const { return detail::swap_bytes(raw_); }
  /// The bytes as they stand on the wire.
  constexpr T raw() const { return raw_; }
  friend constexpr bool operator==(BigEndian, BigEndian) = default;

 private:
  T raw_ = 0;
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;
static_assert(sizeof(be16) == 2 && sizeof(be32) == 4 && sizeof(be64) == 8);

/// What lies in network byte order at any address, in host order.
inline uint16_t load16(const uint8_t* at) {
  uint16_t raw;
  std::memcpy(&raw, at, sizeof raw);
  return be16::from_raw(raw).host();
}
inline uint32_t load32(const uint8_t* at) {
  uint32_t raw;
  std::memcpy(&raw, at, sizeof raw);
  return be32::from_raw(raw).host();
}

}  // namespace floof
