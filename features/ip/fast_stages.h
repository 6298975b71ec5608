// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to the nodes that forward in one go: how packets go through the stages of an arc (engine/stage.h), and out.
#pragma once

#include <bit>

#include "engine/stage.h"
#include "features/ip/fast_forward.h"

namespace floof::ip::fast {

using engine::ArcId;

template <typename Address>
ArcId input_arc(const IpState& state) {
  return std::is_same_v<Address, Ip4> ? state.ip4_unicast : state.ip6_unicast;
}

/// What the general nodes make of a plain packet in front of the input arc: untagged, its data at the IP header.
template <typename Framing>
inline void take_l2_off(rte_mbuf* packet, Framing framing) {
  if (framing.tag_bytes != 0) {
    engine::strip_tags(packet, framing.tag_bytes);
  }
  rte_pktmbuf_adj(packet, kL2);
}

/// Where stages run: what makes a packet what the nodes of the arc get, and who counts what they drop.
template <typename Framing>
struct InputSide {
  static constexpr auto kSide = engine::StageVector::Side::input;
  Framing framing;
  void make_general(rte_mbuf* packet) const { take_l2_off(packet, framing); }
  static void drop(NodeContext& node, engine::DropId reason, rte_mbuf* packet) { node.drop(reason, packet); }
};
struct OutputSide {
  static constexpr auto kSide = engine::StageVector::Side::output;
  uint32_t tag_bytes;
  void make_general(rte_mbuf* packet) const {
    if (tag_bytes != 0) {
      engine::remove_tags(packet, tag_bytes);  // their priority was kept when they were put there
    }
  }
  static void drop(NodeContext& node, engine::DropId reason, rte_mbuf* packet) { node.drop_output(reason, packet); }
};

/// Takes those out of the batch that a stage did not keep.
template <typename Address, typename Side>
[[gnu::noinline]] void settle(engine::StageVector& vector, ArcId arc, unsigned feature, Batch<Address>& batch,
                              const Side& side) {
  size_t kept = 0;
  for (size_t i = 0; i < batch.count; i++) {
    rte_mbuf* packet = batch.packets[i];
    if (!vector.left(i)) {
      batch.packets[kept] = packet;
      batch.frames[kept] = batch.frames[i];
      if (batch.destinations != nullptr) {
        batch.destinations[kept] = batch.destinations[i];
      }
      kept++;
      continue;
    }
    side.make_general(packet);
    if (vector.fate(i) == engine::StageVector::kToNode) {
      vector.node().enter_feature(arc, feature, {&packet, 1});
    } else {
      side.drop(vector.node(), engine::DropId(vector.fate(i)), packet);
    }
  }
  batch.count = kept;
  vector.keep(kept);
}

/// Runs the stages of `chain`. What has passed all of them is left in the batch. True: destination addresses
/// (input) or priorities (output) were written.
template <typename Address, typename Side>
[[gnu::noinline]] bool run_stages(NodeContext& node, ArcId arc, uint32_t chain, uint32_t l3, Batch<Address>& batch,
                                  const Side& side) {
  engine::StageVector vector(node, Side::kSide, batch.packets, batch.frames, l3, batch.count);
  for (; chain != 0 && batch.count != 0; chain &= chain - 1) {
    const auto feature = static_cast<unsigned>(std::countr_zero(chain));
    const auto& stage = node.stage(arc, feature);
    if (stage.run == nullptr) {
      for (size_t i = 0; i < batch.count; i++) {
        side.make_general(batch.packets[i]);
      }
      node.enter_feature(arc, feature, {batch.packets, batch.count});
      batch.count = 0;
      break;
    }
    stage.run(vector, stage.state);
    if (vector.any_left()) [[unlikely]] {
      settle(vector, arc, feature, batch, side);
    }
  }
  return vector.was_changed();
}

inline void read_destination(const uint8_t* ip, Ip4& to) { to = Ip4(load<be32>(ip + 16).host()); }
inline void read_destination(const uint8_t* ip, Ip6& to) { to = Ip6(load<Ip6::Bytes>(ip + 24)); }

/// Takes packets that were judged, all of one chain, through its stages, and forwards them. Those that do not just go
/// out leave for the lookup node, at the end of the arc. The batch is used up; it is not copied, as a copy waits for
/// the stores that made it.
template <typename Address, typename Framing>
void pass(NodeContext& node, const IpState& state, uint32_t chain, Batch<Address>& batch, Framing framing,
          Leaving& leaving) {
  const ArcId arc = input_arc<Address>(state);
  const uint32_t l3 = kL2 + framing.tag_bytes;
  if (chain != 0 && run_stages(node, arc, chain, l3, batch, InputSide<Framing>{framing})) [[unlikely]] {
    for (size_t i = 0; i < batch.count; i++) {
      read_destination(batch.frames[i] + l3, batch.destinations[i]);
    }
  }
  if (batch.count == 0) [[unlikely]] {
    return;
  }
  forward(node, state, batch, framing, leaving, [&](std::span<rte_mbuf*> rest) {
    for (rte_mbuf* packet : rest) {
      take_l2_off(packet, framing);
    }
    node.end_arc(arc, rest);
  });
}

/// The same for packets of several interfaces: those with the same chain go together, in order.
template <typename Address, typename Framing>
[[gnu::noinline]] void pass_by_chain(NodeContext& node, const IpState& state, Batch<Address>& batch, Framing framing,
                                     Leaving& leaving) {
  const ArcId arc = input_arc<Address>(state);
  while (batch.count > 0) {
    const uint32_t chain = node.chain(arc, meta(batch.packets[0]).rx_if);
    Sorted<Address> alike;
    size_t left = 0;
    for (size_t i = 0; i < batch.count; i++) {
      rte_mbuf* packet = batch.packets[i];
      if (node.chain(arc, meta(packet).rx_if) == chain) {
        alike.add(packet, batch.frames[i], batch.destinations[i]);
      } else {
        batch.packets[left] = packet;
        batch.frames[left] = batch.frames[i];
        batch.destinations[left++] = batch.destinations[i];
      }
    }
    batch.count = left;
    if (alike.count > 0) {  // none when the chain changes just now
      Batch<Address> together = alike.batch();
      pass(node, state, chain, together, framing, leaving);
    }
  }
}

/// Bytes of the tags of a frame that was just written: nobody else may have changed the interface meanwhile.
inline uint32_t tag_bytes_of(const uint8_t* frame) {
  const auto is_ip = [](uint16_t type) { return type == 0x0008 || type == 0xdd86; };
  return is_ip(load<uint16_t>(frame + 12)) ? 0 : is_ip(load<uint16_t>(frame + 16)) ? 4 : 8;
}

/// Puts the priority that a stage has chosen into the tags, as interface-tx does it.
inline void write_priorities(const IpState& state, const Batch<Ip4>& batch) {
  for (size_t i = 0; i < batch.count; i++) {
    const PacketMeta& m = meta(batch.packets[i]);
    const uint32_t kept = state.interfaces[m.tx_if].tags_kept.load(std::memory_order_relaxed);
    auto* const at = const_cast<uint8_t*>(batch.frames[i]) + engine::kMacBytes;
    const uint32_t tag = (load<uint32_t>(at) & ~kept) | (engine::kept_priority(m) & kept);
    std::memcpy(at, &tag, sizeof tag);
  }
}

[[gnu::noinline]] inline void send_featured(NodeContext& node, const IpState& state, unsigned port_tx,
                                            Leaving& leaving) {
  while (leaving.count > 0) {
    const auto chain_of = [&](const rte_mbuf* packet) {
      return node.chain(state.interface_output, meta(packet).tx_if);
    };
    const uint32_t chain = chain_of(leaving.packets[0]);
    const uint32_t tag_bytes = tag_bytes_of(rte_pktmbuf_mtod(leaving.packets[0], const uint8_t*));
    Room<rte_mbuf*> packets;
    Room<const uint8_t*> frames;
    size_t taken = 0, left = 0;
    for (size_t i = 0; i < leaving.count; i++) {
      rte_mbuf* packet = leaving.packets[i];
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      const bool alike = chain_of(packet) == chain && tag_bytes_of(frame) == tag_bytes;
      packets[taken] = leaving.packets[left] = packet;
      frames[taken] = frame;
      taken += alike;
      left += !alike;
    }
    leaving.count = left;
    Batch<Ip4> batch{packets.data(), frames.data(), nullptr, taken};
    if (chain != 0 && taken != 0) {
      if (run_stages(node, state.interface_output, chain, kL2 + tag_bytes, batch, OutputSide{tag_bytes}) &&
          tag_bytes != 0) {
        write_priorities(state, batch);
      }
    }
    node.next_all(port_tx, {batch.packets, batch.count});
  }
}

/// Hands on what leaves by edge `port_tx`, after the output stages of its interfaces.
inline void send(NodeContext& node, const IpState& state, unsigned port_tx, Leaving& leaving) {
  if (leaving.featured) [[unlikely]] {
    send_featured(node, state, port_tx, leaving);
  } else {
    node.next_all(port_tx, {leaving.packets.data(), leaving.count});
  }
}

}  // namespace floof::ip::fast
