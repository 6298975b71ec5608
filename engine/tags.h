// SPDX-License-Identifier: GPL-3.0-or-later
//
// VLAN tags (IEEE 802.1Q) as bytes of a frame. An interface that sends with tags (a VLAN subinterface, features/vlan)
// has them ready in its slot of the InterfaceTable; frames of such an interface are untagged everywhere but on the wire
// and in `ip-fast-tagged`: a tag comes off before the general nodes and goes on at `interface-tx`.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>

#include "engine/packet.h"

namespace floof::engine {

/// Both MAC addresses.
inline constexpr unsigned kMacBytes = 12;

/// Remembers priority and drop eligibility of a tag. `tag`: its four bytes as they lie. Worker.
inline void keep_priority(PacketMeta& m, uint32_t tag) {
  m.flags = static_cast<uint16_t>(m.flags | (tag >> 20 & 0xf) << PacketMeta::kPriorityShift);
}
/// The same bits, where they lie in a tag.
inline uint32_t kept_priority(const PacketMeta& m) {
  return static_cast<uint32_t>(m.flags & PacketMeta::kPriorityMask) >> PacketMeta::kPriorityShift << 20;
}

/// Takes `bytes` (4 or more) of tags behind the MAC addresses out; they are contiguous with the type behind them.
/// Worker.
inline void remove_tags(rte_mbuf* packet, unsigned bytes) {
  char* frame = rte_pktmbuf_mtod(packet, char*);
  PacketMeta& m = meta(packet);
  std::memmove(frame + bytes, frame, kMacBytes);
  rte_pktmbuf_adj(packet, static_cast<uint16_t>(bytes));
  if ((m.flags & PacketMeta::checksum_partial) != 0) {
    m.csum_start = static_cast<uint16_t>(m.csum_start - bytes);
  }
}

/// The same, and remembers the first one's priority.
inline void strip_tags(rte_mbuf* packet, unsigned bytes) {
  uint32_t tag;
  std::memcpy(&tag, rte_pktmbuf_mtod_offset(packet, char*, kMacBytes), sizeof tag);
  keep_priority(meta(packet), tag);
  remove_tags(packet, bytes);
}

/// Puts the first `bytes` (4 or 8) of `tags` behind the MAC addresses, with those bits of the first one that are in
/// `kept` as the packet came with them. False: no headroom. Worker.
inline bool push_tags(rte_mbuf* packet, uint64_t tags, unsigned bytes, uint32_t kept) {
  char* frame = rte_pktmbuf_prepend(packet, static_cast<uint16_t>(bytes));
  if (frame == nullptr) [[unlikely]] {
    return false;
  }
  PacketMeta& m = meta(packet);
  tags |= kept_priority(m) & kept;
  std::memmove(frame, frame + bytes, kMacBytes);
  std::memcpy(frame + kMacBytes, &tags, bytes);
  if ((m.flags & PacketMeta::checksum_partial) != 0) {
    m.csum_start = static_cast<uint16_t>(m.csum_start + bytes);
  }
  return true;
}

}  // namespace floof::engine
