// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstring>

namespace floof {

namespace {

Error not_an(std::string_view what, std::string_view text) {
  return Error{"", "'" + std::string(text) + "' is not " + std::string(what), ""};
}

// inet_pton wants a terminated string; an embedded NUL must not cut the text short.
template <typename Raw>
bool presentation_to_raw(int family, std::string_view text, Raw& raw) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return false;
  }
  char buffer[INET6_ADDRSTRLEN] = {};
  std::memcpy(buffer, text.data(), text.size());
  return inet_pton(family, buffer, &raw) == 1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

Result<Ip4> parse_ip4(std::string_view text) {
  uint32_t raw = 0;
  if (!presentation_to_raw(AF_INET, text, raw)) {
    return not_an("an IPv4 address", text);
  }
  return Ip4(be32::from_raw(raw));
}

Result<Ip6> parse_ip6(std::string_view text) {
  Ip6::Bytes raw{};
  if (!presentation_to_raw(AF_INET6, text, raw)) {
    return not_an("an IPv6 address", text);
  }
  return Ip6(raw);
}

Result<IpAddress> parse_ip(std::string_view text) {
  if (auto a = parse_ip4(text)) {
    return IpAddress(*a);
  }
  if (auto a = parse_ip6(text)) {
    return IpAddress(*a);
  }
  return not_an("an IP address", text);
}

Result<Mac> parse_mac(std::string_view text) {
  // 02:00:5e:00:01:0a, 02-00-5e-00-01-0a and 0200.5e00.010a.
  Mac mac;
  const bool dotted = text.size() == 14;
  const char sign = dotted ? '.' : text.size() == 17 ? text[2] : '\0';
  const size_t group = dotted ? 4 : 2;
  if (!dotted && sign != ':' && sign != '-') {
    return not_an("a MAC address", text);
  }
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const int digit = hex_digit(text[i]);
    if (i % (group + 1) == group ? text[i] != sign : digit < 0) {
      return not_an("a MAC address", text);
    }
    if (i % (group + 1) != group) {
      uint8_t& byte = mac.bytes[digits++ / 2];
      byte = static_cast<uint8_t>(byte << 4 | digit);
    }
  }
  return mac;
}

std::string to_string(Ip4 address) {
  const uint32_t raw = address.wire().raw();
  char buffer[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &raw, buffer, sizeof buffer);
}

std::string to_string(const Ip6& address) {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, address.bytes().data(), buffer, sizeof buffer);
}

std::string to_string(const IpAddress& address) {
  return address.is_ip4() ? to_string(address.ip4()) : to_string(address.ip6());
}

std::string to_string(const Mac& mac) {
  char buffer[18];
  const auto& b = mac.bytes;
  std::snprintf(buffer, sizeof buffer, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return buffer;
}

}  // namespace floof
