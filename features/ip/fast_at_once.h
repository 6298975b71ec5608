// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to the general nodes: what they do with whole vectors. Most packets that visit features' nodes are as plain
// as those of ip-fast: they are judged together, and forwarded in one go at the lookup; what is special goes node by
// node.
#pragma once

#include "features/ip/fast_stages.h"

namespace floof::ip::fast {

/// Starts the input arc for those that are plain. The others are left at the front of `packets`, unchanged. Their data
/// is at the IP header, behind the Ethernet header that they came with.
template <typename Address>
std::span<rte_mbuf*> accept_at_once(NodeContext& node, const IpState& state, std::span<rte_mbuf*> packets) {
  size_t left = 0;
  for (std::span<rte_mbuf*> rest = packets; !rest.empty();) {
    const IfId rx = meta(rest.front()).rx_if;
    JudgedFrames judged;
    size_t n = 0;
    for (; n < rest.size() && meta(rest[n]).rx_if == rx; n++) {
      const rte_mbuf* packet = rest[n];
      const bool whole = packet->data_len == packet->pkt_len && packet->data_off >= kL2;
      judged.frames[n] =
          whole ? rte_pktmbuf_mtod(packet, const uint8_t*) - kL2 : static_cast<const uint8_t*>(packet->buf_addr);
      judged.lengths[n] = whole ? packet->pkt_len + kL2 : 0;
    }
    state.frames->judge(plain_on(state, rx), judged, n);
    const uint8_t* const plain = std::is_same_v<Address, Ip4> ? judged.plain4 : judged.plain6;
    Room<rte_mbuf*> good;
    size_t accepted = 0;
    for (size_t i = 0; i < n; i++) {
      rte_mbuf* packet = rest[i];
      const size_t block = i / JudgedFrames::kLanes;
      const unsigned bit = 1u << i % JudgedFrames::kLanes;
      if ((plain[block] & bit) == 0) [[unlikely]] {
        packets[left++] = packet;
        continue;
      }
      if ((judged.padded[block] & bit) != 0) {
        const auto* ip = rte_pktmbuf_mtod(packet, const uint8_t*);
        trim_to(packet, std::is_same_v<Address, Ip4> ? ip4_length(ip) : ip6_length(ip));
      }
      good[accepted++] = packet;
    }
    node.start_arc_all(input_arc<Address>(state), {good.data(), accepted}, &PacketMeta::rx_if);
    rest = rest.subspan(n);
  }
  return packets.first(left);
}

inline bool may_be_forwarded(const uint8_t* ip, Ip4) {
  constexpr uint16_t kLinkLocal = 0xfea9;  // as it lies
  return ip[8] > 1 && load<uint16_t>(ip + 12) != kLinkLocal && load<uint16_t>(ip + 16) != kLinkLocal;
}
inline bool may_be_forwarded(const uint8_t* ip, const Ip6&) {
  constexpr uint16_t kMask = 0xc0ff, kLinkLocal = 0x80fe;
  return ip[7] > 1 && (load<uint16_t>(ip + 8) & kMask) != kLinkLocal && (load<uint16_t>(ip + 24) & kMask) != kLinkLocal;
}

/// Whole, in one piece, somebody else's, with life left: the lookup decides the rest. It has passed ip4-input or
/// ip6-input, and its data is at the IP header.
template <typename Address>
inline bool is_simple(const rte_mbuf* packet) {
  // What PacketMeta may say: a checksum that is somebody else's, a priority, rounds; and where it was on the arc.
  constexpr uint64_t kSpecial = PacketMeta::from_tap | PacketMeta::own | PacketMeta::broadcast |
                                uint64_t{0xffff} << 16 | uint64_t{0xff} << 32;  // gso_size, gso
  static_assert(offsetof(PacketMeta, gso_size) == 4 && offsetof(PacketMeta, gso) == 6);
  return (load<uint64_t>(&meta(packet).flags) & kSpecial) == 0 && packet->data_len == packet->pkt_len &&
         packet->data_off >= kL2 && may_be_forwarded(rte_pktmbuf_mtod(packet, const uint8_t*), Address{});
}

/// Sends those that just go out by edge `port_tx`. The others are left at the front of `packets`, unchanged.
template <typename Address>
std::span<rte_mbuf*> forward_at_once(NodeContext& node, const IpState& state, unsigned port_tx,
                                     std::span<rte_mbuf*> packets) {
  Sorted<Address> simple;
  size_t left = 0;
  for (rte_mbuf* packet : packets) {
    if (!is_simple<Address>(packet)) [[unlikely]] {
      packets[left++] = packet;
      continue;
    }
    packet->data_off = static_cast<uint16_t>(packet->data_off - kL2);
    packet->data_len = static_cast<uint16_t>(packet->data_len + kL2);
    packet->pkt_len += kL2;
    const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
    Address destination;
    read_destination(frame + kL2, destination);
    simple.add(packet, frame, destination);
  }
  if (simple.count > 0) {
    Leaving leaving;
    forward(node, state, simple.batch(), Untagged{}, leaving, [&](std::span<rte_mbuf*> rest) {
      for (rte_mbuf* packet : rest) {
        rte_pktmbuf_adj(packet, kL2);
        packets[left++] = packet;
      }
    });
    send(node, state, port_tx, leaving);
  }
  return packets.first(left);
}

}  // namespace floof::ip::fast
