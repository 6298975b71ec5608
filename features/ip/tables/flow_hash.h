// SPDX-License-Identifier: GPL-3.0-or-later
//
// The hash that spreads flows over ECMP buckets: 5-tuple where the transport has ports, the identifier of ICMP echoes,
// else (source, destination, protocol); fragments use neither, so that all of a packet take one way. Both directions of
// a flow hash alike.
// Pure functions on bytes; workers call them, fuzzers too.
#pragma once

#include <cstdint>
#include <cstring>

namespace floof::ip {

namespace detail {

inline uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

template <typename T>
T load(const uint8_t* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

inline bool has_ports(uint8_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

/// Request or reply, of ICMP or ICMPv6: they have an identifier that is the same in both (RFC 792, RFC 4443 4).
inline bool is_echo(uint8_t protocol, uint8_t type) {
  return (protocol == 1 && (type & 0xf7) == 0) || (protocol == 58 && (type & 0xfe) == 128);
}

/// The ports, smaller first, so that the direction does not matter, or an echo's identifier; 0 when they are not there.
inline uint32_t ports_of(const uint8_t* l4, uint32_t length, uint8_t protocol) {
  if (!has_ports(protocol) || length < 4) {
    return length >= 8 && is_echo(protocol, l4[0]) ? load<uint16_t>(l4 + 4) : 0;
  }
  const uint16_t a = load<uint16_t>(l4);
  const uint16_t b = load<uint16_t>(l4 + 2);
  return a < b ? uint32_t{a} << 16 | b : uint32_t{b} << 16 | a;
}

}  // namespace detail

/// `header`: `length` contiguous bytes (at least 20) from an IPv4 header that was checked.
inline uint32_t flow_hash4(const uint8_t* header, uint32_t length, uint32_t seed) {
  const uint32_t source = detail::load<uint32_t>(header + 12);
  const uint32_t destination = detail::load<uint32_t>(header + 16);
  const uint64_t addresses = source < destination ? uint64_t{source} << 32 | destination  //
                                                  : uint64_t{destination} << 32 | source;
  const uint8_t protocol = header[9];
  const uint32_t header_length = (header[0] & 0xfu) * 4;
  const bool fragment = ((header[6] & 0x3f) | header[7]) != 0;
  const uint32_t ports = fragment || length < header_length
                             ? 0
                             : detail::ports_of(header + header_length, length - header_length, protocol);
  const uint64_t h = detail::mix(addresses, uint64_t{ports} << 32 | protocol << 8 | 4);
  return static_cast<uint32_t>(detail::mix(h, seed) >> 16);
}

/// `header`: `length` contiguous bytes (at least 40) from an IPv6 header that was checked. Walks at most 8 extension
/// headers; what lies behind a longer or cut chain is hashed as a 3-tuple.
uint32_t flow_hash6(const uint8_t* header, uint32_t length, uint32_t seed);

}  // namespace floof::ip
