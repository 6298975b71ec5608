// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a router owes a packet before it forwards it: RFC 1812 section 5.2.2 and 5.3, RFC 8200 section 4, RFC 5095,
// RFC 6890. Pure functions on bytes, so that tests and fuzzers reach every line; the nodes only carry the verdicts out.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "features/ip/ip_drops.h"

namespace floof::ip {

/// ICMP numbers that verdicts and nodes ask for.
namespace icmp4 {
inline constexpr uint8_t unreachable = 3, time_exceeded = 11, parameter_problem = 12;
inline constexpr uint8_t net_unreachable = 0, host_unreachable = 1, fragmentation_needed = 4, prohibited = 13;
}  // namespace icmp4
namespace icmp6 {
inline constexpr uint8_t unreachable = 1, too_big = 2, time_exceeded = 3, parameter_problem = 4;
inline constexpr uint8_t no_route = 0, prohibited = 1, beyond_scope = 2, address_unreachable = 3;
inline constexpr uint8_t erroneous_field = 0, unknown_header = 1, unknown_option = 2;
}  // namespace icmp6

struct Verdict {
  enum Next : uint8_t {
    lookup,   ///< nothing special: look it up
    options,  ///< has options or extension headers: judge these next
    kernel,   ///< multicast, broadcast or router alert: the router's own kernel gets it, whatever the FIB says
    drop,     ///< silently, under `reason`
    error,    ///< under `reason`, and tell the sender by ICMP
  };
  Next next = lookup;
  IpDrop reason = IpDrop::count;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint32_t icmp_data = 0;
};
inline Verdict dropped(IpDrop reason) { return {.next = Verdict::drop, .reason = reason}; }

/// `bytes`: `contiguous` bytes from the IP header on, of `total` that were received in all (contiguous <= total).
/// Reads nothing beyond `contiguous`. The caller trims what is beyond the header's own length (`ip_length`).
Verdict check_ip4(const uint8_t* bytes, uint32_t contiguous, uint32_t total);
Verdict check_ip6(const uint8_t* bytes, uint32_t contiguous, uint32_t total);

/// For packets with verdict `options`. Never answers `options` again.
Verdict check_ip4_options(const uint8_t* bytes, uint32_t contiguous);
Verdict check_ip6_extensions(const uint8_t* bytes, uint32_t contiguous, uint32_t total);

/// The length that the header of a packet that passed its check tells.
inline uint32_t ip4_length(const uint8_t* bytes) { return load16(bytes + 2); }
inline uint32_t ip6_length(const uint8_t* bytes) { return 40u + load16(bytes + 4); }

/// Where the transport header of an IPv6 packet is. Walks at most 8 extension headers.
struct Ip6Transport {
  uint8_t protocol = 0;
  uint32_t offset = 0;    ///< from the IPv6 header; 0 when it was not found
  bool fragment = false;  ///< there is a fragment header
  bool first = true;      ///< offset 0, or no fragment
};
Ip6Transport find_ip6_transport(const uint8_t* bytes, uint32_t contiguous);

/// RFC 791: puts the options that every fragment must carry, padded to 4 bytes, at `out` (40 bytes of room) and
/// returns their length. `options` passed check_ip4_options.
uint32_t copy_fragment_options(const uint8_t* options, uint32_t length, uint8_t* out);

}  // namespace floof::ip
