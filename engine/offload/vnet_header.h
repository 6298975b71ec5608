// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

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
  static constexpr uint8_t gso_none = 0, gso_tcp4 = 1, gso_tcp6 = 4, gso_udp = 5, gso_ecn = 0x80;
};
static_assert(sizeof(VnetHeader) == 10);

/// What one super packet may become: no kernel asks for more in one UDP send, and the TCP of 64 KiB with the smallest
/// MTU of old (576) needs 123. Without a bound one packet of 64 KiB would be 60,000 frames.
inline constexpr uint32_t kMaxSegments = 128;
inline constexpr uint16_t kLeastSegment = 64;  ///< bytes of payload

enum class Verdict : uint8_t {
  good,
  malformed,  ///< the header contradicts the packet, or asks for what nobody offered
  segments    ///< a super packet of too many or too small segments
};

/// Puts into the packet's (reset) meta what the header says. The checksum that is left to be finished must be that of
/// the transport header, or of one inside a tunnel: it will be written to, so it must be no other field. `cuts_udp`:
/// the caller takes UDP super packets; such a one has gso_size, but stays gso_none.
Verdict apply_vnet_header(const VnetHeader& header, rte_mbuf& packet, bool cuts_udp = false);
/// What to tell the kernel about a packet whose data starts at the Ethernet header.
VnetHeader make_vnet_header(const rte_mbuf& packet);

/// Bytes that a receiver takes in one go before it lets them be sent: super packets must not push each other out of
/// the CPU's cache.
inline constexpr uint32_t kReceiveBytes = 512 * 1024;
/// And large buffers, so that one port leaves enough of them to the others.
inline constexpr unsigned kReceiveTails = 64;

/// Where the rest of a frame goes when no large buffer is free, to be forgotten: a frame that fits a packet's buffer
/// needs no more and gets through, one that does not is lost.
std::span<uint8_t> spill_room();

}  // namespace floof::engine
