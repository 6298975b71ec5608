// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/vnet_header.h"

namespace floof::engine {
namespace {

constexpr unsigned kTcpOffsetByte = 12, kTcpFlagsByte = 13, kTcpMinimum = 20;
constexpr uint8_t kCwr = 0x80;

}  // namespace

bool apply_vnet_header(const VnetHeader& header, rte_mbuf& packet) {
  PacketMeta& m = meta(&packet);
  if (header.flags & VnetHeader::needs_csum) {
    if (header.csum_start < kEthernetHeader || uint32_t{header.csum_start} + header.csum_offset + 2 > packet.pkt_len) {
      return false;
    }
    m.flags |= PacketMeta::checksum_partial;
    m.csum_start = static_cast<uint16_t>(header.csum_start - kEthernetHeader);
    notes(&packet).csum_offset = header.csum_offset;
  } else if (header.flags & VnetHeader::data_valid) {
    m.flags |= PacketMeta::checksum_good;
  }
  switch (header.gso_type & ~VnetHeader::gso_ecn) {
    case VnetHeader::gso_none:
      return true;
    case VnetHeader::gso_tcp4:
      m.gso = PacketMeta::gso_tcp4;
      break;
    case VnetHeader::gso_tcp6:
      m.gso = PacketMeta::gso_tcp6;
      break;
    default:
      return false;  // we never offered it
  }
  m.gso_size = header.gso_size;
  return header.gso_size != 0 && (m.flags & PacketMeta::checksum_partial) != 0;
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
    if (tcp[kTcpFlagsByte] & kCwr) {
      out.gso_type |= VnetHeader::gso_ecn;
    }
    out.gso_size = m.gso_size;
    out.hdr_len = static_cast<uint16_t>(out.csum_start + (tcp[kTcpOffsetByte] >> 4) * 4);
  }
  return out;
}

}  // namespace floof::engine
