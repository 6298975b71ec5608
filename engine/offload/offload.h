// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a port cannot do for us, in software: finishing L4 checksums (RFC 1071) and cutting TCP super packets into
// segments as a network card's TSO would. Worker thread; no allocation but of mbufs.
#pragma once

#include <rte_mbuf.h>

#include "engine/port.h"

namespace floof::engine {

/// Finishes the L4 checksum that meta says is partial and clears the flag. The data starts at the Ethernet header, the
/// packet may be a chain. False: the place of the checksum is outside of the packet; nothing was changed.
bool complete_checksum(rte_mbuf& packet);

/// Writes the CRC32c of an SCTP packet (RFC 9260, appendix A) whose transport header starts at `start`, from the start
/// of the frame. The kernel leaves it to a veth, and no vnet header can say so. False: the header is cut.
bool complete_sctp(rte_mbuf& packet, uint32_t start);

/// Sets PacketMeta::checksum_partial when the checksum of a TCP or UDP packet is exactly its pseudo header's sum: what
/// a sender leaves who counts on the device to finish it. For devices that do not tell; finishing a checksum that
/// happens to look so and is right gives the same value again. Data starts at the Ethernet header.
void recognize_partial_checksum(rte_mbuf& packet);

/// Cuts a super packet. The first segment's buffer must hold all headers. The segments have finished IPv4 and L4
/// checksums and consecutive IPv4 ids; for TCP sequence numbers, FIN and PSH only on the last, CWR only on the first
/// (RFC 3168); for UDP each its length. meta.gso_size says how long their payloads are.
class Segmenter {
 public:
  enum class Kind { tcp, udp };
  /// `super` must outlive the segmenter, which never frees it.
  Segmenter(const rte_mbuf& super, const Pools& pools, Kind kind = Kind::tcp);
  /// False: headers are malformed; nothing comes out.
  bool valid() const { return valid_; }
  bool done() const { return !valid_ || at_ >= payload_; }
  /// The next segment, owned by the caller; nullptr when done or out of buffers.
  rte_mbuf* next();

 private:
  bool find_headers();
  void fix_ip(uint8_t* frame, uint32_t payload) const;
  void fix_tcp(uint8_t* l4, uint32_t payload) const;
  void fix_checksum(uint8_t* frame, uint32_t payload) const;

  const rte_mbuf& super_;
  const Pools& pools_;
  const Kind kind_;
  bool valid_ = false;
  bool ip6_ = false;
  uint16_t ip_at_ = 0, l4_at_ = 0, headers_ = 0;  ///< bytes from the start of the frame
  uint32_t payload_ = 0;
  uint32_t at_ = 0;  ///< payload bytes cut so far
  uint32_t index_ = 0;
};

}  // namespace floof::engine
