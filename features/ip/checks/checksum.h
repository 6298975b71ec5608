// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Sums are of 16-bit words as they lie in
// memory, so that no byte is swapped: store the result with memcpy or as a raw be16. Any thread.
#pragma once

#include <cstdint>
#include <cstring>

namespace floof::ip {

/// Folds a sum to 16 bits.
inline uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

/// Adds `length` bytes to `sum` (16 bits at a time, an odd last byte padded with zero).
inline uint64_t add_to_sum(uint64_t sum, const void* data, size_t length) {
  const auto* at = static_cast<const uint8_t*>(data);
  for (; length >= 4; at += 4, length -= 4) {
    uint32_t word;
    std::memcpy(&word, at, 4);
    sum += word;
  }
  if (length >= 2) {
    uint16_t word;
    std::memcpy(&word, at, 2);
    sum += word;
    at += 2;
    length -= 2;
  }
  return length == 0 ? sum : sum + *at;
}

/// The checksum of `length` bytes in which the checksum field itself is zero; 0 over bytes that hold a right one.
inline uint16_t internet_checksum(const void* data, size_t length, uint64_t sum = 0) {
  return static_cast<uint16_t>(~fold(add_to_sum(sum, data, length)));
}

/// RFC 1624, equation 3: the checksum after a 16-bit word went from `before` to `after`. All in memory order.
inline uint16_t update_checksum(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  sum += static_cast<uint16_t>(~before);
  sum += after;
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~(sum + (sum >> 16)));
}

}  // namespace floof::ip
