// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same as ip-fast for frames that still have the VLAN tags of the interface which they came in on (vlan-input has
// found it and compared them): they are judged behind the tags and, where the way out has as many, get its tags in
// their place, so that no byte moves. Subinterfaces of one port share its MAC address, so a vector from many of them is
// judged as one; what differs between them (their own addresses, which are nobody's source) is looked at afterwards.
#include "features/ip/fast_collected.h"

namespace floof::ip {

namespace {

/// Those at the front of `packets` that came with as many tags to the same MAC address, at least one.
struct Arrivals : fast::Collected {
  // What changes from packet to packet is in local variables.
  Arrivals(NodeContext& node, const IpState& state, std::span<rte_mbuf*> arrived)
      : chains(node, state, meta(arrived.front()).rx_if) {
    packets = arrived;
    IfId last = meta(arrived.front()).rx_if;
    const engine::Interface* const interfaces = &state.interfaces[IfId{}];
    const uint64_t mac = interfaces[last.value()].mac_bits.load(std::memory_order_relaxed);
    const uint32_t tag_bytes = interfaces[last.value()].tag_bytes.load(std::memory_order_relaxed);
    const auto *features4 = node.arc_features(state.ip4_unicast), *features6 = node.arc_features(state.ip6_unicast);
    const fast::Chains first = chains;
    uint32_t other = 0;  // bits of chains that differ
    size_t i = 0;
    for (; i < arrived.size(); i++) {
      const rte_mbuf* packet = arrived[i];
      if (const IfId rx = meta(packet).rx_if; rx != last) {
        const engine::Interface& in = interfaces[rx.value()];
        if (((in.mac_bits.load(std::memory_order_relaxed) ^ mac) |
             (in.tag_bytes.load(std::memory_order_relaxed) ^ tag_bytes)) != 0) [[unlikely]] {
          break;
        }
        last = rx;
        several = true;
        other |= features4[rx.value()].load(std::memory_order_acquire) ^ first.ip4;
        other |= features6[rx.value()].load(std::memory_order_acquire) ^ first.ip6;
      }
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      rte_prefetch0(frame);
      const bool special =
          packet->data_len != packet->pkt_len || (fast::load<uint64_t>(&meta(packet).flags) & fast::kRelevant) != 0;
      judged.frames[i] = frame;
      judged.lengths[i] = special ? 0 : packet->pkt_len - tag_bytes;
    }
    count = i;
    framing.tag_bytes = tag_bytes;
    chains.differ = other != 0;
  }

  void judge(const IpState& state) {
    PlainFrames on = fast::plain_on(state, meta(packets.front()).rx_if);
    if (several) {
      on.own4 = on.own6_first = on.own6_last = 0;
    }
    state.frames->judge_tagged(on, judged, count, framing.tag_bytes);
    if (several && any_from_itself(state)) [[unlikely]] {
      refuse_own(state);
    }
  }

  fast::Tagged framing{0};
  fast::Chains chains;

 private:
  /// Whether there may be a packet from an address of the interface that it came in on. Without branches, for it is
  /// asked of each packet, and the answer is no.
  bool any_from_itself(const IpState& state) const {
    const uint32_t l3 = fast::kL2 + framing.tag_bytes;
    if (!all(judged.plain4)) {
      return true;
    }
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++) {
      any |= fast::load<be32>(judged.frames[i] + l3 + 12).host() == state.sources.own4(meta(packets[i]).rx_if);
    }
    return any != 0;
  }

  [[gnu::noinline]] void refuse_own(const IpState& state) {
    constexpr size_t kLanes = JudgedFrames::kLanes;
    for (size_t i = 0; i < count; i++) {
      const uint8_t* ip = judged.frames[i] + fast::kL2 + framing.tag_bytes;
      const IfId rx = meta(packets[i]).rx_if;
      const auto bit = static_cast<uint8_t>(1u << i % kLanes);
      if ((judged.plain4[i / kLanes] & bit) != 0) {
        if (fast::load<be32>(ip + 12).host() == state.sources.own4(rx)) [[unlikely]] {
          judged.plain4[i / kLanes] ^= bit;
        }
      } else if ((judged.plain6[i / kLanes] & bit) != 0 && state.sources.is_own(rx, Ip6Words(ip + 8))) [[unlikely]] {
        judged.plain6[i / kLanes] ^= bit;
      }
    }
  }

  bool several = false;  ///< interfaces
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  fast::Leaving leaving;
  while (!packets.empty()) {
    Arrivals arrivals(node, state, packets);
    arrivals.judge(state);
    arrivals.forward_plain(node, state, arrivals.chains, arrivals.framing, leaving);
    packets = packets.subspan(arrivals.count);
  }
  fast::send(node, state, fast::Edge::output, leaving);
}

}  // namespace

engine::NodeSpec ip_fast_tagged_node(IpState& state) {
  return {.name = "ip-fast-tagged",
          .help = "Forwards plain unicast packets that have their VLAN tags; takes the tags off all others.",
          .process = process,
          .next = {"ethernet-input", "port-tx"},
          .state = &state,
          .arcs = {"ip4-unicast", "ip6-unicast", "interface-output"}};
}

}  // namespace floof::ip
