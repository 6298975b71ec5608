// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"

namespace floof {

/// An IP prefix of either family, host bits always zero.
class Prefix {
 public:
  constexpr Prefix() = default;  ///< 0.0.0.0/0
  /// Host bits of `address` are cleared. `length` must be at most 32 or 128.
  Prefix(const IpAddress& address, uint8_t length);

  constexpr const IpAddress& address() const { return address_; }
  constexpr uint8_t length() const { return length_; }
  constexpr Family family() const { return address_.family(); }
  constexpr uint8_t max_length() const { return address_.is_ip4() ? 32 : 128; }
  constexpr bool is_host() const { return length_ == max_length(); }
  bool contains(const IpAddress& address) const;
  bool contains(const Prefix& other) const;
  friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  IpAddress address_;
  uint8_t length_ = 0;
};

/// An interface address: an address together with the length of its subnet (192.0.2.1/24).
struct InterfaceAddress {
  IpAddress address;
  uint8_t length = 0;
  Prefix subnet() const { return {address, length}; }
  friend constexpr auto operator<=>(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// "192.0.2.0/24". Set host bits are an error that names the right spelling. Any thread.
Result<Prefix> parse_prefix(std::string_view text);
/// "192.0.2.1/24". Any thread.
Result<InterfaceAddress> parse_interface_address(std::string_view text);
std::string to_string(const Prefix& prefix);
std::string to_string(const InterfaceAddress& address);

}  // namespace floof

template <>
struct std::hash<floof::Prefix> {
  size_t operator()(const floof::Prefix& p) const noexcept {
    return std::hash<floof::IpAddress>{}(p.address()) * 31 + p.length();
  }
};
