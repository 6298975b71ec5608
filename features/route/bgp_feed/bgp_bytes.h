// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checked reading of big-endian bytes, shared by the BGP parsers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace floof::route::bgp {

inline constexpr uint16_t kAfiIp4 = 1, kAfiIp6 = 2;
inline constexpr uint8_t kUnicast = 1;  ///< subsequent address family

/// Reads never pass the end: they give 0 and clear `ok`.
class Reader {
 public:
  Reader() = default;
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }
  std::span<const uint8_t> rest() const { return bytes_; }

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  std::span<const uint8_t> take(size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const auto out = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return out;
  }
  Reader sub(size_t count) { return Reader(take(count)); }

 private:
  uint32_t number(size_t size) {
    uint32_t out = 0;
    for (const uint8_t byte : take(size)) {
      out = out << 8 | byte;
    }
    return out;
  }
  std::span<const uint8_t> bytes_;
  bool ok_ = true;
};

inline void put16(std::vector<uint8_t>& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}
inline void put32(std::vector<uint8_t>& out, uint32_t value) {
  put16(out, static_cast<uint16_t>(value >> 16));
  put16(out, static_cast<uint16_t>(value));
}

}  // namespace floof::route::bgp
