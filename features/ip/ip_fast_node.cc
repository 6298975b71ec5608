// SPDX-License-Identifier: GPL-3.0-or-later
//
// Most packets of a router are plain: unicast IPv4 without options or IPv6 without extension headers, whole, correct,
// with a resolved next hop. This node forwards them in one go. It changes nothing before it is sure; whatever is not
// plain goes to ethernet-input untouched and takes the general way, which says what is wrong with it. Both ways make
// the same bytes and counts (ip_differential_node_test.cc).
//
// Why it is written like this: a vector goes through three short loops (judge, look up, rewrite), so that the cache
// misses of many packets overlap and no loop outgrows the CPU's window; frames are judged several at once
// (plain_frames.h); what depends on the interface only is worked out when the interface changes. Cycles:
// docs/performance.md.
#include "features/ip/fast_collected.h"

namespace floof::ip {

namespace {

/// Those at the front of `packets` that came in on the same interface, at least one.
struct Arrivals : fast::Collected {
  explicit Arrivals(std::span<rte_mbuf*> arrived) : rx(meta(arrived.front()).rx_if) {
    packets = arrived;
    count = packets.size() < kFew ? collect_few() : collect();
  }

  const IfId rx;

 private:
  /// In a smaller vector the port has hardly written the last packets when the first ones are read.
  static constexpr size_t kFew = 16;

  size_t collect() {
    const uint64_t expected = uint64_t{rx.value()} << 48;
    size_t i = 0;
    for (; i < packets.size(); i++) {
      const rte_mbuf* packet = packets[i];
      const auto word = fast::load<uint64_t>(&packet->pkt_len);
      const auto rest = fast::load<uint64_t>(&meta(packet).flags);
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      rte_prefetch0(frame);
      judged.frames[i] = frame;
      judged.lengths[i] = static_cast<uint32_t>(word);
      // In one piece: both lengths are the same.
      if ((((expected + (word & 0xffff) * 0x1'0000'0001) ^ word) | (rest & fast::kRelevant)) != 0) [[unlikely]] {
        if (meta(packet).rx_if != rx) {
          break;
        }
        judged.lengths[i] = 0;
      }
    }
    return i;
  }

  /// The same field by field: a word that was just made by several stores cannot be loaded until all of them are in the
  /// cache, which takes as long as a cache miss where the buffer was cold.
  size_t collect_few() {
    size_t i = 0;
    for (; i < packets.size(); i++) {
      const rte_mbuf* packet = packets[i];
      const PacketMeta& m = meta(packet);
      if (m.rx_if != rx) {
        break;
      }
      judged.frames[i] = rte_pktmbuf_mtod(packet, const uint8_t*);
      const bool special = packet->data_len != packet->pkt_len || (m.flags & fast::kRelevant) != 0 || m.gso_size != 0 ||
                           m.gso != PacketMeta::gso_none;
      judged.lengths[i] = special ? 0 : packet->pkt_len;
    }
    return i;
  }
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  fast::Leaving leaving;
  while (!packets.empty()) {
    Arrivals arrivals(packets);
    state.frames->judge(fast::plain_on(state, arrivals.rx), arrivals.judged, arrivals.count);
    arrivals.forward_plain(node, state, fast::Chains(node, state, arrivals.rx), fast::Untagged{}, leaving);
    packets = packets.subspan(arrivals.count);
  }
  fast::send(node, state, fast::Edge::output, leaving);
}

}  // namespace

engine::NodeSpec ip_fast_node(IpState& state) {
  return {.name = "ip-fast",
          .help = "Forwards plain unicast packets in one go; all others take the general way.",
          .process = process,
          .next = {"ethernet-input", "port-tx"},
          .state = &state,
          .arcs = {"ip4-unicast", "ip6-unicast", "interface-output"}};
}

}  // namespace floof::ip
