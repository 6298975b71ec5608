// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the headers of a frame lie that a port handed over and nobody has checked yet. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace floof::engine {

inline constexpr uint8_t kTcp = 6, kUdp = 17;

/// Where the L3 header starts, behind up to two VLAN tags; at least 22 bytes of frame are needed.
inline uint16_t l3_offset(const uint8_t* frame) {
  constexpr uint16_t kTags[] = {0x8100, 0x88a8};
  uint16_t at = 12;
  for (int tags = 0; tags < 2; tags++) {
    const uint16_t type = load16(frame + at);
    if (type != kTags[0] && type != kTags[1]) {
      break;
    }
    at = static_cast<uint16_t>(at + 4);
  }
  return static_cast<uint16_t>(at + 2);
}

/// The header behind those of IP.
struct Transport {
  uint16_t ip_at = 0, at = 0;  ///< of the IP header and of this one, from the start of the frame
  uint8_t protocol = 0;
  bool ip6 = false;
};
/// Nothing: it is no IP, a fragment, or the IP headers are malformed or longer than the `contiguous` first bytes.
/// Walks at most 8 extension headers of IPv6.
std::optional<Transport> find_transport(const uint8_t* frame, uint32_t contiguous);

}  // namespace floof::engine
