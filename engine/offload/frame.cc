// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/offload/frame.h"

namespace floof::engine {
namespace {

constexpr uint32_t kLongestL2 = 22, kIp4 = 20, kIp6 = 40;
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51, kDestination = 60;
constexpr int kMostExtensions = 8;

/// The length of an extension header, of which 8 bytes are there; 0: `type` is none.
uint32_t extension_bytes(uint8_t type, const uint8_t* header) {
  switch (type) {
    case kHopByHop:
    case kRouting:
    case kDestination:
      return (header[1] + 1u) * 8;
    case kAuthentication:
      return (header[1] + 2u) * 4;
    case kFragment:
      return 8;
    default:
      return 0;
  }
}

std::optional<Transport> find_transport6(const uint8_t* frame, uint32_t ip_at, uint32_t contiguous) {
  uint32_t at = ip_at + kIp6;
  uint8_t next = frame[ip_at + 6];
  for (int i = 0; at + 8 <= contiguous; i++) {
    const uint32_t bytes = extension_bytes(next, frame + at);
    if (bytes == 0) {
      return Transport{static_cast<uint16_t>(ip_at), static_cast<uint16_t>(at), next, true};
    }
    if (i == kMostExtensions || (next == kFragment && (load16(frame + at + 2) & 0xfff9) != 0)) {
      break;
    }
    next = frame[at];
    at += bytes;
  }
  return {};
}

}  // namespace

std::optional<Transport> find_transport(const uint8_t* frame, uint32_t contiguous) {
  if (contiguous < kLongestL2 + kIp4) {
    return {};
  }
  const uint32_t ip_at = l3_offset(frame);
  const uint8_t* ip = frame + ip_at;
  if (ip[0] >> 4 == 6 && ip_at + kIp6 <= contiguous) {
    return find_transport6(frame, ip_at, contiguous);
  }
  const uint32_t bytes = (ip[0] & 15u) * 4;
  const bool whole = (load16(ip + 6) & 0x3fff) == 0;
  if (ip[0] >> 4 != 4 || bytes < kIp4 || !whole || ip_at + bytes > contiguous) {
    return {};
  }
  return Transport{static_cast<uint16_t>(ip_at), static_cast<uint16_t>(ip_at + bytes), ip[9], false};
}

}  // namespace floof::engine
