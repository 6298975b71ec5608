// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan_node.h"

#include "engine/tags.h"

namespace floof::vlan {

namespace {

using engine::meta;
using engine::NodeContext;

enum Edge : unsigned { tagged, untagged };

/// Behind the MAC addresses: type, tag, type and two more bytes, or two types and tags. What frames share that belong
/// to the same interface; their priority may differ.
constexpr uint64_t kSameTag = 0x0000'ffff'ff0f'ffff, kSameTags = 0xff0f'ffff'ff0f'ffff;
constexpr unsigned kBehindMacs = 12, kBehindTwoTags = kBehindMacs + 8, kLeastLength = kBehindTwoTags + 2;

/// Where a frame goes.
struct Way {
  IfId interface;
  uint8_t strip = 0;    ///< bytes of tags that come off
  bool tagged = false;  ///< its tags are all its interface's
  bool malformed = false;
};

/// The interface of a frame with one tag, as most have, by what is behind the MAC addresses; none: look closer.
IfId find_usual(const TagTable& table, uint64_t word) {
  const auto at = [&](unsigned byte) { return be16::from_raw(static_cast<uint16_t>(word >> 8 * byte)).host(); };
  const uint16_t type = at(0), id = at(2) & kIdMask;
  const bool usual = detail::is_tag(type) && !detail::is_tag(at(4)) && id != 0;
  return usual ? table.find_one(type == static_cast<uint16_t>(OuterProtocol::dot1ad), id) : IfId{};
}

Way find(const VlanState& state, const TagTable& table, IfId parent, std::span<const uint8_t> frame) {
  const Tags tags = read_tags(frame);
  if (tags.broken) {
    return {.malformed = true};
  }
  const auto found = table.find(tags, parent);
  const auto own = state.interfaces[found.interface].tag_bytes.load(std::memory_order_relaxed);
  return {.interface = found.interface,
          .strip = found.strip,
          .tagged = found.strip != 0 && found.strip == own && tags.skipped == 0};
}

uint64_t word_of(const uint8_t* frame) {
  uint64_t out;
  std::memcpy(&out, frame + kBehindMacs, sizeof out);
  return out;
}

/// Frames like one that was found to be its interface's with all its tags: the others of a train need no search.
struct Train {
  uint64_t mask = 0, word = 1;  ///< nothing is like it
  uint16_t type = 0;            ///< behind two tags
  IfId parent, interface;

  static Train of(const uint8_t* frame, unsigned tag_bytes, IfId parent, IfId interface) {
    const uint64_t mask = tag_bytes == 4 ? kSameTag : kSameTags;
    return {mask, word_of(frame) & mask, load16(frame + kBehindTwoTags), parent, interface};
  }
  bool has(const rte_mbuf* packet) const {
    const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
    return (word_of(frame) & mask) == word && meta(packet).rx_if == parent && packet->data_len >= kLeastLength &&
           (mask == kSameTag || load16(frame + kBehindTwoTags) == type);
  }
};

class Sorter {
 public:
  Sorter(NodeContext& node, const VlanState& state) : node_(node), state_(state) {}

  // What changes from packet to packet is in local variables.
  void sort(std::span<rte_mbuf*> packets) {
    Train train;
    size_t tagged = 0;  // at the front of `packets`, in order: those that go on with their tags
    for (size_t i = 0; i < packets.size();) {
      const size_t first = i;
      uint64_t bytes = 0;
      for (; i < packets.size() && train.has(packets[i]); i++) {
        rte_mbuf* packet = packets[i];
        meta(packet).rx_if = train.interface;
        bytes += packet->pkt_len;
        packets[tagged++] = packet;
      }
      if (i > first) {
        count(train.interface, i - first, bytes);
      }
      if (i == packets.size()) {
        break;
      }
      rte_mbuf* packet = packets[i++];
      const IfId parent = meta(packet).rx_if;
      const unsigned tag_bytes = is_usual(packet, parent) ? 4 : search(packet, parent);
      if (tag_bytes != 0) [[likely]] {
        packets[tagged++] = packet;
        if (packet->data_len >= kLeastLength) [[likely]] {
          train = Train::of(rte_pktmbuf_mtod(packet, const uint8_t*), tag_bytes, parent, meta(packet).rx_if);
        }
      }
    }
    node_.next_all(Edge::tagged, packets.first(tagged));
    node_.next_all(Edge::untagged, {untagged_.data(), untagged_count_});
  }

 private:
  void count(IfId interface, uint64_t packets, uint64_t bytes) {
    node_.count_interface(interface, stats::rx_packets, packets);
    node_.count_interface(interface, stats::rx_bytes, bytes);
  }

  /// False: it is of another kind, or should not be here; search() knows.
  bool is_usual(rte_mbuf* packet, IfId parent) {
    const TagTable* table = state_.tables[parent.value()].load(std::memory_order_acquire);
    if (table == nullptr || packet->data_len < kLeastLength) [[unlikely]] {
      return false;
    }
    const IfId interface = find_usual(*table, word_of(rte_pktmbuf_mtod(packet, const uint8_t*)));
    const engine::Interface& own = state_.interfaces[interface];
    if (own.tag_bytes.load(std::memory_order_relaxed) != 4 ||
        own.parent.load(std::memory_order_relaxed) != parent.value() || !own.admin_up.load(std::memory_order_relaxed))
        [[unlikely]] {
      return false;  // nobody's, too: interface 0 has no tags
    }
    meta(packet).rx_if = interface;
    count(interface, 1, packet->pkt_len);
    return true;
  }

  /// Bytes of the tags that the packet goes on with; 0: it went another way.
  [[gnu::noinline]] unsigned search(rte_mbuf* packet, IfId parent) {
    const TagTable* table = state_.tables[parent.value()].load(std::memory_order_acquire);
    if (table == nullptr) [[unlikely]] {
      untagged_[untagged_count_++] = packet;
      return 0;
    }
    const Way way = find(state_, *table, parent, {rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len});
    if (!way.interface.valid()) [[unlikely]] {
      node_.drop(way.malformed ? state_.malformed : state_.unknown, packet);
      return 0;
    }
    if (way.interface != parent) {
      const engine::Interface& own = state_.interfaces[way.interface];
      if (own.parent.load(std::memory_order_relaxed) != parent.value()) [[unlikely]] {
        node_.drop(state_.unknown, packet);  // it is leaving, or has left
        return 0;
      }
      meta(packet).rx_if = way.interface;
      count(way.interface, 1, packet->pkt_len);
      if (!own.admin_up.load(std::memory_order_relaxed)) [[unlikely]] {
        node_.drop(state_.down, packet);
        return 0;
      }
    }
    if (way.tagged) [[likely]] {
      return way.strip;
    }
    if (way.strip != 0) {
      engine::strip_tags(packet, way.strip);
    }
    untagged_[untagged_count_++] = packet;
    return 0;
  }

  NodeContext& node_;
  const VlanState& state_;
  size_t untagged_count_ = 0;
  std::array<rte_mbuf*, engine::kFrameSize> untagged_;
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  for (rte_mbuf* packet : packets) {
    rte_prefetch0(rte_pktmbuf_mtod(packet, void*));
  }
  Sorter(node, node.state<VlanState>()).sort(packets);
}

}  // namespace

void register_nodes(engine::GraphBuilder& builder, VlanState& state) {
  state.unknown = builder.declare_drop("vlan-unknown", "No interface has the VLAN tags of the frame.");
  state.malformed =
      builder.declare_drop("vlan-malformed", "The frame ends inside a VLAN tag, or has more tags than are looked at.");
  state.down = builder.declare_drop("vlan-down", "The VLAN interface that the frame belongs to is disabled.");
  builder.add_node({.name = "vlan-input",
                    .help = "Finds the interface that a frame belongs to by its VLAN tags.",
                    .process = process,
                    .next = {"ip-fast-tagged", "ip-fast"},
                    .state = &state});
}

void set_tags(engine::Interface& interface, IfId parent, const VlanSpec& spec) {
  constexpr uint32_t kPriority = 0x00f00000;  // PCP and DEI, as the first tag's four bytes lie
  uint64_t tags = 0;
  uint8_t bytes[8] = {};
  const bool chosen = spec.priority.chooses_pcp();  // node vlan-pcp writes what is kept
  write_tags(spec, chosen ? 0 : spec.priority.fixed.value_or(0), bytes);
  std::memcpy(&tags, bytes, sizeof tags);
  interface.tags.store(tags, std::memory_order_relaxed);
  interface.tags_kept.store(spec.priority.fixed && !chosen ? 0 : kPriority, std::memory_order_relaxed);
  interface.tag_bytes.store(static_cast<uint8_t>(spec.overhead()), std::memory_order_relaxed);
  interface.parent.store(parent.value(), std::memory_order_relaxed);
}

}  // namespace floof::vlan
