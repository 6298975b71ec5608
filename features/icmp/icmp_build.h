// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether an ICMP error may answer a packet, and what it looks like. Pure functions on bytes.
#pragma once

#include <cstdint>

#include "base/address.h"

namespace floof::icmp {

struct Error {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t data = 0;  ///< MTU or pointer
};

/// RFC 1812 4.3.2.7: not about ICMP errors, fragments but the first, broadcasts, multicasts, and sources that are not
/// one host. `ip`: `length` contiguous bytes from an IPv4 header that passed its check.
bool may_answer4(const uint8_t* ip, uint32_t length);
/// RFC 4443 2.4 (e): not about ICMPv6 errors and redirects, nor about packets to multicast groups but for "packet too
/// big" and "unknown option", nor to sources that are not one host.
bool may_answer6(const uint8_t* ip, uint32_t length, const Error& error);

inline constexpr uint32_t kLongest4 = 576;   ///< RFC 1812 4.3.2.3: bytes of the whole error packet
inline constexpr uint32_t kLongest6 = 1280;  ///< RFC 4443 2.4 (c)
inline constexpr uint32_t kHeaders4 = 28;    ///< in front of the quote
inline constexpr uint32_t kHeaders6 = 48;

/// Writes the headers in front of `quoted` bytes of the original packet, which already lie at out + kHeaders4; returns
/// the length of the whole. Errors go out with precedence 6, "internetwork control" (RFC 1812 4.3.2.5).
uint32_t build4(uint8_t* out, const Error& error, Ip4 source, Ip4 destination, uint16_t id, uint32_t quoted);
uint32_t build6(uint8_t* out, const Error& error, const Ip6& source, const Ip6& destination, uint32_t quoted);

}  // namespace floof::icmp
