// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>

#include "base/ids.h"

namespace floof::engine {

/// What every node wants to know of a packet. Reset by the port that received the packet, written by the node that
/// finds something out, valid downstream of that node. It lies in the mbuf's first cache line, in fields that only
/// drivers of network cards write before the packet enters the graph (VLAN tag, RSS hash, outer VLAN tag), because one
/// line less per packet is 2 cycles less (docs/performance.md).
struct PacketMeta {
  enum Flag : uint16_t {
    from_tap = 1 << 0,          ///< came from the kernel's side of an interface: never punted again
    checksum_partial = 1 << 1,  ///< L4 checksum holds the pseudo header only; csum_* say where (virtio NEEDS_CSUM)
    checksum_good = 1 << 2,     ///< L4 checksum was verified by somebody (virtio DATA_VALID)
    own = 1 << 3,               ///< made by this router (ICMP errors): no TTL decrement
    broadcast = 1 << 4,         ///< L2 destination was broadcast or multicast
    answer = 1 << 6,            ///< an ICMP error is asked for; PacketNotes says which
    one_round = 1 << 12,  ///< the upper four bits count how often it came to a node where a cycle closes (graph.h)
  };
  static constexpr unsigned kMostRounds = 15;
  static constexpr unsigned kPriorityShift = 7;  ///< four bits of `flags`: PCP and DEI of the VLAN tag that came off
  static constexpr uint16_t kPriorityMask = 0xf << kPriorityShift;
  enum Gso : uint8_t { gso_none, gso_tcp4, gso_tcp6 };

  // The first eight bytes are compared at once (features/ip/ip_fast_node.cc).
  IfId rx_if;
  uint16_t flags;
  uint16_t gso_size;  ///< TCP payload per segment; 0 = not a super packet
  Gso gso;
  uint8_t arc_position;  ///< which feature of the current arc comes next
  IfId tx_if;
  uint16_t csum_start;  ///< from the end of the 14-byte Ethernet header, which is the IP header without VLAN tags
};
static_assert(sizeof(PacketMeta) == 12 && alignof(PacketMeta) == 2);
static_assert(offsetof(rte_mbuf, vlan_tci) % 4 == 2 &&
              offsetof(rte_mbuf, buf_len) - offsetof(rte_mbuf, vlan_tci) == sizeof(PacketMeta));

/// What one node notes for the next one beside the fast path. Lies in the mbuf's private area and is not reset: each
/// field is valid only where its comment says.
struct PacketNotes {
  AdjId adj;             ///< behind the lookup
  uint32_t next_index;   ///< behind a lookup that led to a feature's node: what the route says to it
  uint32_t flow_hash;    ///< behind the lookup; 0 where the choice of the next hop does not depend on it
  uint16_t csum_offset;  ///< from csum_start; with checksum_partial
  uint16_t drop_reason;  ///< this and the next ones: for the ICMP error nodes, with `answer`
  uint8_t icmp_type;
  uint8_t icmp_code;
  uint32_t icmp_data;  ///< MTU of too-big errors, pointer of parameter problems
};
static_assert(sizeof(PacketNotes) <= 64);

/// False: the packet has gone in a circle often enough.
inline bool begin_round(PacketMeta& meta) {
  if (meta.flags / PacketMeta::one_round >= PacketMeta::kMostRounds) [[unlikely]] {
    return false;
  }
  meta.flags = static_cast<uint16_t>(meta.flags + PacketMeta::one_round);
  return true;
}

inline PacketMeta& meta(rte_mbuf* m) { return *reinterpret_cast<PacketMeta*>(&m->vlan_tci); }
inline const PacketMeta& meta(const rte_mbuf* m) { return meta(const_cast<rte_mbuf*>(m)); }
inline PacketNotes& notes(rte_mbuf* m) { return *static_cast<PacketNotes*>(rte_mbuf_to_priv(m)); }
inline const PacketNotes& notes(const rte_mbuf* m) { return notes(const_cast<rte_mbuf*>(m)); }

/// For packets that are made of another one.
inline void copy_meta(rte_mbuf* to, const rte_mbuf* from) {
  meta(to) = meta(from);
  notes(to) = notes(from);
}

}  // namespace floof::engine
