// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/offload/vnet_header.h"

#include <array>
#include <optional>

#include "engine/offload/frame.h"
#include "engine/offload/offload.h"

namespace floof::engine {
namespace {

constexpr unsigned kTcpOffsetByte = 12, kTcpFlagsByte = 13, kTcpMinimum = 20, kUdpBytes = 8;
constexpr uint8_t kCwrFlag = 0x80;
constexpr uint16_t kNoField = 0xffff;
constexpr uint8_t kSctp = 132;
constexpr uint16_t kSctpChecksum = 8;

/// Where a transport header has the Internet checksum that covers it, from its start.
uint16_t checksum_field(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return 16;
    case kUdp:
    case 33:   // DCCP
    case 136:  // UDP-Lite
      return 6;
    case 1:   // ICMP
    case 58:  // ICMPv6
      return 2;
    case 47:  // GRE
      return 4;
    default:
      return kNoField;
  }
}

/// The shortest header of a tunnel, behind which other packets follow; 0: the protocol carries none.
uint32_t tunnel_header(uint8_t protocol) {
  switch (protocol) {
    case kUdp:  // VXLAN, Geneve, GUE
      return kUdpBytes;
    case 47:
      return 4;
    case 4:
      return 20;
    case 41:
      return 40;
    default:
      return 0;
  }
}

bool is_checksum_place(const VnetHeader& header, const Transport& transport) {
  if (header.csum_start == transport.at) {
    return header.csum_offset == checksum_field(transport.protocol);
  }
  const uint32_t tunnel = tunnel_header(transport.protocol);
  return tunnel != 0 && header.csum_start >= transport.at + tunnel;
}

/// Of a super packet whose transport header is known.
Verdict judge_segments(const VnetHeader& header, const rte_mbuf& packet, const Transport& transport, bool udp) {
  uint32_t headers = transport.at + (udp ? kUdpBytes : kTcpMinimum);
  if (transport.protocol != (udp ? kUdp : kTcp) || header.csum_start != transport.at || headers > packet.data_len) {
    return Verdict::malformed;
  }
  if (!udp) {
    headers =
        transport.at + (*rte_pktmbuf_mtod_offset(&packet, const uint8_t*, transport.at + kTcpOffsetByte) >> 4) * 4u;
  }
  if (headers >= packet.pkt_len) {
    return Verdict::malformed;
  }
  const bool fits = header.gso_size >= kLeastSegment && packet.pkt_len - headers <= kMaxSegments * header.gso_size;
  return fits ? Verdict::good : Verdict::segments;
}

}  // namespace

Verdict apply_vnet_header(const VnetHeader& header, rte_mbuf& packet, bool cuts_udp) {
  PacketMeta& m = meta(&packet);
  const auto gso = static_cast<uint8_t>(header.gso_type & ~VnetHeader::gso_ecn);
  if ((header.flags & VnetHeader::needs_csum) == 0) {
    m.flags = static_cast<uint16_t>(m.flags | (header.flags & VnetHeader::data_valid ? PacketMeta::checksum_good : 0));
    return gso == VnetHeader::gso_none ? Verdict::good : Verdict::malformed;
  }
  const auto transport = find_transport(rte_pktmbuf_mtod(&packet, const uint8_t*), packet.data_len);
  if (transport && transport->protocol == kSctp && header.csum_start == transport->at &&
      header.csum_offset == kSctpChecksum && gso == VnetHeader::gso_none) {
    return complete_sctp(packet, transport->at) ? Verdict::good : Verdict::malformed;
  }
  if (!transport || !is_checksum_place(header, *transport) ||
      uint32_t{header.csum_start} + header.csum_offset + 2 > packet.pkt_len) {
    return Verdict::malformed;
  }
  m.flags |= PacketMeta::checksum_partial;
  m.csum_start = static_cast<uint16_t>(header.csum_start - kEthernetHeader);
  notes(&packet).csum_offset = header.csum_offset;
  if (gso == VnetHeader::gso_none) {
    return Verdict::good;
  }
  const bool udp = gso == VnetHeader::gso_udp;
  if (udp ? !cuts_udp : gso != (transport->ip6 ? VnetHeader::gso_tcp6 : VnetHeader::gso_tcp4)) {
    return Verdict::malformed;
  }
  m.gso = udp ? PacketMeta::gso_none : transport->ip6 ? PacketMeta::gso_tcp6 : PacketMeta::gso_tcp4;
  m.gso_size = header.gso_size;
  return judge_segments(header, packet, *transport, udp);
}

std::span<uint8_t> spill_room() {
  static thread_local std::array<uint8_t, 65536> room;
  return room;
}

VnetHeader make_vnet_header(const rte_mbuf& packet) {
  const PacketMeta& m = meta(&packet);
  VnetHeader out;
  if (m.flags & PacketMeta::checksum_partial) {
    out.flags = VnetHeader::needs_csum;
    out.csum_start = static_cast<uint16_t>(m.csum_start + kEthernetHeader);
    out.csum_offset = notes(&packet).csum_offset;
  } else if (m.flags & PacketMeta::checksum_good) {
    out.flags = VnetHeader::data_valid;
  }
  if (m.gso != PacketMeta::gso_none && packet.data_len >= out.csum_start + kTcpMinimum) {
    const auto* tcp = rte_pktmbuf_mtod_offset(&packet, const uint8_t*, out.csum_start);
    out.gso_type = m.gso == PacketMeta::gso_tcp4 ? VnetHeader::gso_tcp4 : VnetHeader::gso_tcp6;
    if (tcp[kTcpFlagsByte] & kCwrFlag) {
      out.gso_type |= VnetHeader::gso_ecn;
    }
    out.gso_size = m.gso_size;
    out.hdr_len = static_cast<uint16_t>(out.csum_start + (tcp[kTcpOffsetByte] >> 4) * 4);
  }
  return out;
}

}  // namespace floof::engine
