// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "engine/packet.h"

namespace floof::engine {

inline constexpr unsigned kEthernetHeader = 14;

/// virtio_net_hdr as TAPs and packet sockets speak it (virtio 1.2, 5.1.6): host byte order, 10 bytes. What the sender
/// left for the device to do: finish a checksum, cut a TCP super packet.
struct VnetHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t hdr_len = 0;
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;  ///< from the start of the frame
  uint16_t csum_offset = 0;

  static constexpr uint8_t needs_csum = 1, data_valid = 2;
  static constexpr uint8_t gso_none = 0, gso_tcp4 = 1, gso_tcp6 = 4, gso_ecn = 0x80;
};
static_assert(sizeof(VnetHeader) == 10);

/// Puts into the packet's (reset) meta what the header says. False: the header contradicts the packet.
bool apply_vnet_header(const VnetHeader& header, rte_mbuf& packet);
/// What to tell the kernel about a packet whose data starts at the Ethernet header.
VnetHeader make_vnet_header(const rte_mbuf& packet);

/// Bytes that a receiver takes in one go before it lets them be sent: super packets must not push each other out of
/// the CPU's cache.
inline constexpr uint32_t kReceiveBytes = 512 * 1024;

}  // namespace floof::engine
