// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/prefix.h"

#include <algorithm>
#include <charconv>

namespace floof {

namespace {

IpAddress clear_host_bits(const IpAddress& address, uint8_t length) {
  if (address.is_ip4()) {
    const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    return Ip4(address.ip4().value() & mask);
  }
  Ip6::Bytes bytes = address.ip6().bytes();
  for (int i = 0; i < 16; i++) {
    const int keep = std::clamp(length - 8 * i, 0, 8);
    bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> keep);
  }
  return Ip6(bytes);
}

}  // namespace

Prefix::Prefix(const IpAddress& address, uint8_t length)
    : address_(clear_host_bits(address, length)), length_(length) {}

bool Prefix::contains(const IpAddress& address) const {
  return address.family() == family() && clear_host_bits(address, length_) == address_;
}

bool Prefix::contains(const Prefix& other) const { return other.length_ >= length_ && contains(other.address_); }

Result<InterfaceAddress> parse_interface_address(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Error{"", "'" + std::string(text) + "' " + std::string(why), "write ADDRESS/LENGTH, such as 192.0.2.1/24"};
  };
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return wrong("has no prefix length");
  }
  auto address = parse_ip(text.substr(0, slash));
  if (!address) {
    return wrong("does not start with an IP address");
  }
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const unsigned most = address->is_ip4() ? 32 : 128;
  if (code != std::errc{} || end != digits.data() + digits.size() || length > most) {
    return wrong("has a prefix length outside 0.." + std::to_string(most));
  }
  return InterfaceAddress{*address, static_cast<uint8_t>(length)};
}

Result<Prefix> parse_prefix(std::string_view text) {
  auto parsed = parse_interface_address(text);
  if (!parsed) {
    return parsed.error();
  }
  const Prefix prefix = parsed->subnet();
  if (prefix.address() != parsed->address) {
    return Error{"", "'" + std::string(text) + "' has host bits set", "write " + to_string(prefix)};
  }
  return prefix;
}

std::string to_string(const Prefix& prefix) {
  return to_string(prefix.address()) + "/" + std::to_string(prefix.length());
}

std::string to_string(const InterfaceAddress& address) {
  return to_string(address.address) + "/" + std::to_string(address.length);
}

}  // namespace floof
