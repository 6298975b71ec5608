// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/offload/offload.h"

#include <rte_hash_crc.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "engine/offload/frame.h"
#include "engine/offload/vnet_header.h"

namespace floof::engine {
namespace {

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;
constexpr uint16_t kUdpHeader = 8;

void store16(uint8_t* at, uint16_t host) {
  const uint16_t raw = be16::from(host).raw();
  std::memcpy(at, &raw, 2);
}

void store_raw16(uint8_t* at, uint16_t raw) { std::memcpy(at, &raw, 2); }

void store32(uint8_t* at, uint32_t host) {
  store16(at, static_cast<uint16_t>(host >> 16));
  store16(at + 2, static_cast<uint16_t>(host));
}

uint16_t load_raw16(const uint8_t* at) {
  uint16_t raw;
  std::memcpy(&raw, at, 2);
  return raw;
}

/// To 16 bits, one's complement.
uint16_t fold(uint32_t sum) {
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<uint16_t>(sum + (sum >> 16));
}

}  // namespace

bool complete_checksum(rte_mbuf& packet) {
  PacketMeta& m = meta(&packet);
  const uint32_t start = m.csum_start + kEthernetHeader;
  const uint32_t at = start + notes(&packet).csum_offset;
  // The kernel puts all headers into the first buffer; a place beyond it is no L4 header.
  uint16_t sum = 0;
  if (at + 2 > packet.data_len || rte_raw_cksum_mbuf(&packet, start, packet.pkt_len - start, &sum) != 0) {
    return false;
  }
  // The field holds the pseudo header's sum, which the sum over the whole thus includes. A UDP sum of zero would mean
  // "none": it is sent as ones (RFC 768); for TCP both are zero.
  sum = static_cast<uint16_t>(~sum);
  store_raw16(rte_pktmbuf_mtod_offset(&packet, uint8_t*, at), sum == 0 ? 0xffff : sum);
  m.flags = static_cast<uint16_t>(m.flags & ~PacketMeta::checksum_partial);
  return true;
}

bool complete_sctp(rte_mbuf& packet, uint32_t start) {
  constexpr uint32_t kChecksum = 8, kHeader = 12;
  if (start + kHeader > packet.data_len) {
    return false;
  }
  auto* field = rte_pktmbuf_mtod_offset(&packet, uint8_t*, start + kChecksum);
  std::memset(field, 0, sizeof(uint32_t));
  uint32_t crc = ~0u, skip = start;
  for (const rte_mbuf* segment = &packet; segment != nullptr; segment = segment->next) {
    crc = rte_hash_crc(rte_pktmbuf_mtod_offset(segment, const uint8_t*, skip), segment->data_len - skip, crc);
    skip = 0;
  }
  crc = ~crc;
  std::memcpy(field, &crc, sizeof(crc));  // its lowest byte goes first
  return true;
}

void recognize_partial_checksum(rte_mbuf& packet) {
  const auto* frame = rte_pktmbuf_mtod(&packet, const uint8_t*);
  const auto transport = find_transport(frame, packet.data_len);
  if (!transport || (transport->protocol != kTcp && transport->protocol != kUdp)) {
    return;
  }
  const uint8_t* ip = frame + transport->ip_at;
  const uint32_t l4_at = transport->at, field = l4_at + (transport->protocol == kTcp ? 16 : 6);
  const uint32_t end =
      transport->ip_at + (transport->ip6 ? uint32_t{sizeof(rte_ipv6_hdr)} + load16(ip + 4) : load16(ip + 2));
  if (field + 2 > packet.data_len || end > packet.pkt_len || field + 2 > end) {
    return;
  }
  uint32_t sum = transport->ip6 ? rte_raw_cksum(ip + 8, 32) : rte_raw_cksum(ip + 12, 8);
  sum += be16::from(transport->protocol).raw() + be16::from(static_cast<uint16_t>(end - l4_at)).raw();
  if (fold(sum) == load_raw16(frame + field)) {
    meta(&packet).flags |= PacketMeta::checksum_partial;
    meta(&packet).csum_start = static_cast<uint16_t>(l4_at - kEthernetHeader);
    notes(&packet).csum_offset = static_cast<uint16_t>(field - l4_at);
  }
}

Segmenter::Segmenter(const rte_mbuf& super, const Pools& pools, Kind kind) : super_(super), pools_(pools), kind_(kind) {
  valid_ = find_headers();
}

bool Segmenter::find_headers() {
  const PacketMeta& m = meta(&super_);
  const auto* frame = rte_pktmbuf_mtod(&super_, const uint8_t*);
  const bool tcp = kind_ == Kind::tcp;
  const auto transport = find_transport(frame, super_.data_len);
  if (!transport || transport->protocol != (tcp ? kTcp : kUdp) ||
      (tcp && m.gso != (transport->ip6 ? PacketMeta::gso_tcp6 : PacketMeta::gso_tcp4))) {
    return false;
  }
  ip6_ = transport->ip6;
  ip_at_ = transport->ip_at;
  l4_at_ = transport->at;
  const uint16_t least = tcp ? 20 : kUdpHeader;
  if (l4_at_ + least > super_.data_len) {
    return false;
  }
  const uint16_t l4_bytes = tcp ? static_cast<uint16_t>((frame[l4_at_ + 12] >> 4) * 4) : kUdpHeader;
  headers_ = static_cast<uint16_t>(l4_at_ + l4_bytes);
  if (l4_bytes < least || headers_ > super_.data_len || headers_ >= super_.pkt_len) {
    return false;
  }
  payload_ = super_.pkt_len - headers_;
  return m.gso_size >= kLeastSegment && payload_ <= kMaxSegments * m.gso_size;
}

rte_mbuf* Segmenter::next() {
  if (done()) {
    return nullptr;
  }
  const uint32_t payload = std::min<uint32_t>(meta(&super_).gso_size, payload_ - at_);
  const uint32_t length = headers_ + payload;
  rte_mbuf* out = rte_pktmbuf_alloc(pools_.packets);
  if (out != nullptr && length > rte_pktmbuf_tailroom(out)) {
    rte_pktmbuf_free(out);
    out = rte_pktmbuf_alloc(pools_.large);
  }
  if (out == nullptr || length > rte_pktmbuf_tailroom(out)) {
    rte_pktmbuf_free(out);
    valid_ = false;
    return nullptr;
  }
  copy_meta(out, &super_);
  meta(out).gso = PacketMeta::gso_none;
  meta(out).gso_size = 0;
  meta(out).flags = static_cast<uint16_t>(meta(out).flags & ~PacketMeta::checksum_partial);
  auto* frame = rte_pktmbuf_mtod(out, uint8_t*);
  out->data_len = static_cast<uint16_t>(length);
  out->pkt_len = length;
  std::memcpy(frame, rte_pktmbuf_mtod(&super_, const uint8_t*), headers_);
  const void* body = rte_pktmbuf_read(&super_, headers_ + at_, payload, frame + headers_);
  if (body != frame + headers_) {
    std::memcpy(frame + headers_, body, payload);
  }
  fix_ip(frame, payload);
  if (kind_ == Kind::tcp) {
    fix_tcp(frame + l4_at_, payload);
  } else {
    store16(frame + l4_at_ + 4, static_cast<uint16_t>(kUdpHeader + payload));
  }
  fix_checksum(frame, payload);
  at_ += payload;
  index_++;
  return out;
}

void Segmenter::fix_ip(uint8_t* frame, uint32_t payload) const {
  uint8_t* ip = frame + ip_at_;
  if (ip6_) {
    store16(ip + 4, static_cast<uint16_t>(headers_ - ip_at_ - 40 + payload));
    return;
  }
  store16(ip + 2, static_cast<uint16_t>(headers_ - ip_at_ + payload));
  store16(ip + 4, static_cast<uint16_t>(load16(ip + 4) + index_));
  store16(ip + 10, 0);
  store_raw16(ip + 10, static_cast<uint16_t>(~rte_raw_cksum(ip, l4_at_ - ip_at_)));
}

void Segmenter::fix_tcp(uint8_t* l4, uint32_t payload) const {
  store32(l4 + 4, load32(l4 + 4) + at_);
  if (at_ + payload < payload_) {
    l4[13] = static_cast<uint8_t>(l4[13] & ~(kFin | kPsh));
  }
  if (index_ > 0) {
    l4[13] = static_cast<uint8_t>(l4[13] & ~kCwr);
  }
}

void Segmenter::fix_checksum(uint8_t* frame, uint32_t payload) const {
  const auto length = static_cast<uint16_t>(headers_ - l4_at_ + payload);
  uint8_t* field = frame + l4_at_ + (kind_ == Kind::tcp ? 16 : 6);
  store16(field, 0);
  uint32_t sum = rte_raw_cksum(frame + ip_at_ + (ip6_ ? 8 : 12), ip6_ ? 32 : 8);
  sum += be16::from(kind_ == Kind::tcp ? kTcp : kUdp).raw() + be16::from(length).raw();
  sum += rte_raw_cksum(frame + l4_at_, length);
  const auto checksum = static_cast<uint16_t>(~fold(sum));
  store_raw16(field, kind_ == Kind::udp && checksum == 0 ? 0xffff : checksum);
}

}  // namespace floof::engine
