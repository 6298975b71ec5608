// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to ip_fast_node.cc and ip_fast_tagged_node.cc: what they do with a vector whose frames were collected.
#pragma once

#include "features/ip/fast_stages.h"

namespace floof::ip::fast {

enum Edge : unsigned { general, output };

/// To ethernet-input, as an untagged frame.
template <typename Framing>
inline void take_general_way(NodeContext& node, rte_mbuf* packet, Framing framing) {
  if (framing.tag_bytes != 0) {
    engine::strip_tags(packet, framing.tag_bytes);
  }
  node.next(Edge::general, packet);
}

/// Features of the input arcs (engine/stage.h) that are enabled where the packets of a vector came in.
struct Chains {
  uint32_t ip4 = 0, ip6 = 0;
  bool differ = false;  ///< from interface to interface

  Chains(const NodeContext& node, const IpState& state, IfId rx)
      : ip4(node.chain(state.ip4_unicast, rx)), ip6(node.chain(state.ip6_unicast, rx)) {}
};

/// Packets of one vector whose frames were collected and are judged together.
struct Collected {
  std::span<rte_mbuf*> packets;
  size_t count = 0;
  JudgedFrames judged;

  /// Forwards what is plain, through the stages of `chains`; the rest takes the general way.
  template <typename Framing>
  void forward_plain(NodeContext& node, const IpState& state, const Chains& chains, Framing framing, Leaving& leaving) {
    if (all(judged.plain4)) [[likely]] {
      auto* destinations = reinterpret_cast<Ip4*>(judged.destinations4);
      Batch<Ip4> batch{packets.data(), judged.frames, destinations, count};
      take(node, state, chains, batch, framing, leaving);
    } else if (all(judged.plain6)) [[likely]] {
      Room<Ip6> destinations;
      for (size_t i = 0; i < count; i++) {
        destinations[i] = destination6(judged.frames[i] + framing.tag_bytes);
      }
      Batch<Ip6> batch{packets.data(), judged.frames, destinations.data(), count};
      take(node, state, chains, batch, framing, leaving);
    } else {
      forward_sorted(node, state, chains, framing, leaving);
    }
  }

 protected:
  /// Whether all packets are so and none is padded. Bits beyond the last one may be anything: the judge copies frames
  /// there.
  bool all(const uint8_t* plain) const {
    unsigned both = 0xff;
    const size_t whole = count / kLanes;
    for (size_t block = 0; block < whole; block++) {
      both &= plain[block] & ~judged.padded[block];
    }
    const unsigned rest = (1u << count % kLanes) - 1;
    return both == 0xff && (plain[whole] & ~judged.padded[whole] & rest) == rest;
  }

 private:
  static constexpr size_t kLanes = JudgedFrames::kLanes;

  template <typename Address, typename Framing>
  static void take(NodeContext& node, const IpState& state, const Chains& chains, Batch<Address>& batch,
                   Framing framing, Leaving& leaving) {
    if (chains.differ) [[unlikely]] {
      pass_by_chain(node, state, batch, framing, leaving);
    } else {
      pass(node, state, std::is_same_v<Address, Ip4> ? chains.ip4 : chains.ip6, batch, framing, leaving);
    }
  }

  static Ip6 destination6(const uint8_t* frame) { return Ip6(load<Ip6::Bytes>(frame + kL2 + 24)); }

  /// Cuts Ethernet padding off a packet in one piece.
  static void trim(rte_mbuf* packet, uint32_t length) {
    packet->pkt_len = length;
    packet->data_len = static_cast<uint16_t>(length);
  }

  template <typename Framing>
  void forward_sorted(NodeContext& node, const IpState& state, const Chains& chains, Framing framing,
                      Leaving& leaving) {
    const uint32_t l2 = kL2 + framing.tag_bytes;
    Sorted<Ip4> sorted4;
    Sorted<Ip6> sorted6;
    for (size_t i = 0; i < count; i++) {
      rte_mbuf* packet = packets[i];
      const uint8_t* frame = judged.frames[i];
      const size_t block = i / kLanes;
      const unsigned bit = 1u << i % kLanes;
      const bool padded = (judged.padded[block] & bit) != 0;
      if ((judged.plain4[block] & bit) != 0) {
        if (padded) {
          trim(packet, ip4_length(frame + l2) + l2);
        }
        sorted4.add(packet, frame, Ip4(judged.destinations4[i]));
      } else if ((judged.plain6[block] & bit) != 0) {
        if (padded) {
          trim(packet, ip6_length(frame + l2) + l2);
        }
        sorted6.add(packet, frame, destination6(frame + framing.tag_bytes));
      } else {
        take_general_way(node, packet, framing);
      }
    }
    if (sorted4.count > 0) {
      Batch<Ip4> batch = sorted4.batch();
      take(node, state, chains, batch, framing, leaving);
    }
    if (sorted6.count > 0) {
      Batch<Ip6> batch = sorted6.batch();
      take(node, state, chains, batch, framing, leaving);
    }
  }
};

}  // namespace floof::ip::fast
