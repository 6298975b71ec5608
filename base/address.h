// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace floof {

/// IPv4 address, host order inside (`value()`), so that `<` sorts as people do.
class Ip4 {
 public:
  constexpr Ip4() = default;
  constexpr explicit Ip4(uint32_t host_order) : value_(host_order) {}
  constexpr explicit Ip4(be32 wire) : value_(wire.host()) {}
  constexpr uint32_t value() const { return value_; }
  constexpr be32 wire() const { return be32::from(value_); }

  constexpr bool is_unspecified() const { return value_ == 0; }
  constexpr bool is_multicast() const { return value_ >> 28 == 0xe; }
  constexpr bool is_loopback() const { return value_ >> 24 == 127; }
  constexpr bool is_link_local() const { return value_ >> 16 == 0xa9fe; }
  constexpr bool is_broadcast() const { return value_ == 0xffffffff; }
  friend constexpr auto operator<=>(Ip4, Ip4) = default;

 private:
  uint32_t value_ = 0;
};

/// IPv6 address as 16 bytes in wire order.
class Ip6 {
 public:
  using Bytes = std::array<uint8_t, 16>;
  constexpr Ip6() = default;
  constexpr explicit Ip6(const Bytes& bytes) : bytes_(bytes) {}
  /// From the upper and lower halves in host order.
  static constexpr Ip6 from_halves(uint64_t high, uint64_t low) {
    Ip6 out;
    for (int i = 0; i < 8; i++) {
      out.bytes_[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
      out.bytes_[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
    }
    return out;
  }
  constexpr const Bytes& bytes() const { return bytes_; }
  constexpr uint64_t high() const { return half(0); }
  constexpr uint64_t low() const { return half(8); }

  constexpr bool is_unspecified() const { return high() == 0 && low() == 0; }
  constexpr bool is_loopback() const { return high() == 0 && low() == 1; }
  constexpr bool is_multicast() const { return bytes_[0] == 0xff; }
  constexpr bool is_link_local() const { return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80; }
  friend constexpr auto operator<=>(const Ip6&, const Ip6&) = default;

 private:
  constexpr uint64_t half(int at) const {
    uint64_t out = 0;
    for (int i = 0; i < 8; i++) {
      out = out << 8 | bytes_[at + i];
    }
    return out;
  }
  Bytes bytes_{};
};
static_assert(sizeof(Ip6) == 16);

enum class Family : uint8_t { ip4 = 4, ip6 = 6 };

/// An address of either family. Default constructed: 0.0.0.0.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  constexpr IpAddress(Ip4 a) : family_(Family::ip4) {
    const uint32_t v = a.value();
    bytes_ = {uint8_t(v >> 24), uint8_t(v >> 16), uint8_t(v >> 8), uint8_t(v)};
  }
  constexpr IpAddress(const Ip6& a) : family_(Family::ip6), bytes_(a.bytes()) {}

  constexpr Family family() const { return family_; }
  constexpr bool is_ip4() const { return family_ == Family::ip4; }
  constexpr bool is_ip6() const { return family_ == Family::ip6; }
  /// Only valid for the family that it names.
  constexpr Ip4 ip4() const {
    return Ip4(uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 | bytes_[3]);
  }
  constexpr Ip6 ip6() const { return Ip6(bytes_); }
  constexpr bool is_unspecified() const { return bytes_ == std::array<uint8_t, 16>{}; }
  constexpr bool is_link_local() const { return is_ip4() ? ip4().is_link_local() : ip6().is_link_local(); }
  constexpr bool is_multicast() const { return is_ip4() ? ip4().is_multicast() : ip6().is_multicast(); }
  /// The address bytes in wire order: 4 or 16 of them.
  std::string_view wire() const { return {reinterpret_cast<const char*>(bytes_.data()), is_ip4() ? 4u : 16u}; }
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Family family_ = Family::ip4;
  std::array<uint8_t, 16> bytes_{};
};

struct Mac {
  std::array<uint8_t, 6> bytes{};
  constexpr bool is_multicast() const { return (bytes[0] & 1) != 0; }
  constexpr bool is_zero() const { return bytes == std::array<uint8_t, 6>{}; }
  friend constexpr auto operator<=>(const Mac&, const Mac&) = default;
};
static_assert(sizeof(Mac) == 6);

/// Parsers accept exactly one canonical or RFC 4291 spelling and nothing around it; the Error's reason
/// names the text. Any thread.
Result<Ip4> parse_ip4(std::string_view text);
Result<Ip6> parse_ip6(std::string_view text);
Result<IpAddress> parse_ip(std::string_view text);
Result<Mac> parse_mac(std::string_view text);  ///< also with dashes, or as 0200.5e00.010a

std::string to_string(Ip4 address);
std::string to_string(const Ip6& address);  ///< RFC 5952 spelling.
std::string to_string(const IpAddress& address);
std::string to_string(const Mac& mac);  ///< "02:00:5e:00:01:0a"

}  // namespace floof

template <>
struct std::hash<floof::IpAddress> {
  size_t operator()(const floof::IpAddress& a) const noexcept { return std::hash<std::string_view>{}(a.wire()); }
};
