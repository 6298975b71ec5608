// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "base/ids.h"

namespace floof::engine {

/// What the graph knows of a packet; lives in the mbuf's private area. Written by the node that finds it out, valid
/// downstream of that node. Reset by the port that received the packet.
struct PacketMeta {
  enum Flag : uint16_t {
    from_tap = 1 << 0,       ///< came from the kernel's side of an interface: never punted again
    checksum_partial = 1 << 1,  ///< L4 checksum holds the pseudo header only; csum_* say where (virtio NEEDS_CSUM)
    checksum_good = 1 << 2,  ///< L4 checksum was verified by somebody (virtio DATA_VALID)
    own = 1 << 3,            ///< made by this router (ICMP errors): no TTL decrement
    broadcast = 1 << 4,      ///< L2 destination was broadcast or multicast
    traced = 1 << 5,
  };
  enum Gso : uint8_t { gso_none, gso_tcp4, gso_tcp6 };

  // The first eight bytes are compared at once (features/ip/ip_fast_node.cc).
  IfId rx_if;
  uint16_t flags;
  uint16_t gso_size;      ///< TCP payload per segment; 0 = not a super packet
  Gso gso;
  uint8_t arc_position;   ///< which feature of the current arc comes next
  IfId tx_if;
  uint16_t csum_start;    ///< from the end of the 14-byte Ethernet header, which is the IP header without VLAN tags
  AdjId adj;
  uint32_t flow_hash;
  uint16_t csum_offset;   ///< from csum_start
  uint16_t drop_reason;
  uint8_t icmp_type;      ///< for the ICMP error nodes
  uint8_t icmp_code;
  uint32_t icmp_data;     ///< MTU of too-big errors, pointer of parameter problems
};
static_assert(sizeof(PacketMeta) <= 64);

inline PacketMeta& meta(rte_mbuf* m) { return *static_cast<PacketMeta*>(rte_mbuf_to_priv(m)); }
inline const PacketMeta& meta(const rte_mbuf* m) { return meta(const_cast<rte_mbuf*>(m)); }

}  // namespace floof::engine
