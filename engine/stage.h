// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stages: features that keep a packet on the fast way.
//
// A feature of an arc is a node: packets of interfaces that enable it visit it on their way to the arc's end. A node
// that forwards plain packets in one go (ip-fast) has no place for such visits, and one that leaves it costs its
// packets a multiple. So a feature may give a stage beside its node: a function that is called once for all packets of
// a vector, in the middle of that one go: on input arcs between judging and looking up, on output arcs when the frames
// are rewritten, before they are sent.
//
// The chain of an interface on an arc is one word, in which bit i is feature i in the order of before and after. The
// control thread compiles the order when the graph is built and swaps an interface's chain with one store
// (Graph::enable), so there is no list to make, publish and free, and the packets of many interfaces with the same
// features (the VLANs of a trunk) go through a stage together. What a stage works on belongs to its feature, which
// publishes it for workers under QSBR, as for its node, before it enables the feature and until a grace period after.
//
// Why a packet fares the same both ways:
//   - The node is the reference. The stage does to a plain packet what the node does to any; ip_stages_node_test.cc
//     shows how to compare the two.
//   - Stages run up to the first feature that has none. There packets leave for the nodes at that position of the arc,
//     not at its start, in the form that nodes of the arc get: nothing is done or counted twice.
//   - One packet may leave for its feature's node (`hand_to_node`: a cache that misses, an answer to be made) or be
//     dropped. A stage decides that first and then has effects (counts, tokens, changed bytes) on those that stay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/graph.h"
#include "engine/tags.h"

namespace floof::engine {

/// Packets of one vector at one place of an arc: whole, in one piece, without padding, all IPv4 or all IPv6 (on output
/// arcs perhaps mixed), of one or several interfaces (meta). A stage may change their bytes, but not their lengths.
/// Worker thread; valid during the call.
class StageVector {
 public:
  enum class Side : uint8_t { input, output };
  StageVector(NodeContext& node, Side side, rte_mbuf* const* packets, const uint8_t* const* frames, uint32_t l3,
              size_t count)
      : node_(node), packets_(packets), frames_(frames), l3_(l3), count_(count), side_(side) {}

  /// Never 0, at most kFrameSize.
  size_t count() const { return count_; }
  rte_mbuf* packet(size_t i) const { return packets_[i]; }
  /// From the MAC addresses on. On input as it came, tags and all; on output as it goes onto the wire.
  uint8_t* frame(size_t i) const { return const_cast<uint8_t*>(frames_[i]); }
  uint8_t* ip(size_t i) const { return frame(i) + l3_; }
  /// PCP and DEI that packet i came with, or that it shall leave with, in bits 20 to 23 as the bytes of a tag lie.
  uint32_t priority(size_t i) const { return in_frame() ? tag(i) & kPriorityBits : kept_priority(meta(packets_[i])); }
  void set_priority(size_t i, uint32_t bits) {
    if (in_frame()) {
      const uint32_t changed = (tag(i) & ~kPriorityBits) | bits;
      std::memcpy(frame(i) + kMacBytes, &changed, sizeof changed);
    } else {
      PacketMeta& m = meta(packets_[i]);
      m.flags = static_cast<uint16_t>(m.flags & ~PacketMeta::kPriorityMask);
      keep_priority(m, bits);
      changed_ = true;
    }
  }
  /// What is counted and sampled goes by it; packets are not handed on with it.
  NodeContext& node() const { return node_; }

  /// The feature's node gets packet i instead, as if there were no stage.
  void hand_to_node(size_t i) { leave(i, kToNode); }
  /// Counted as NodeContext::drop does it, on output arcs as drop_output.
  void drop(size_t i, DropId reason) { leave(i, reason.value()); }
  /// A stage has written destination addresses: they are looked up as they are now. Input arcs.
  void readdressed() { changed_ = true; }

  // -- For nodes that run stages ------------------------------------------------------------------------------------
  static constexpr uint16_t kToNode = UINT16_MAX;
  bool any_left() const { return any_left_; }
  /// Input: destinations; output: priorities.
  bool was_changed() const { return changed_; }
  bool left(size_t i) const { return (left_[i / 64] >> i % 64 & 1) != 0; }
  /// kToNode or a drop reason; of those that left.
  uint16_t fate(size_t i) const { return fates_[i]; }
  /// Those that stay are at the front now.
  void keep(size_t count) {
    count_ = count;
    left_ = {};
    any_left_ = false;
  }

 private:
  static constexpr uint32_t kUntaggedL3 = 14, kPriorityBits = 0x00f00000;
  /// On output it is in the packet's meta, and the tag follows.
  bool in_frame() const { return side_ == Side::input && l3_ != kUntaggedL3; }
  uint32_t tag(size_t i) const {
    uint32_t out;
    std::memcpy(&out, frames_[i] + kMacBytes, sizeof out);
    return out;
  }

  void leave(size_t i, uint16_t fate) {
    left_[i / 64] |= uint64_t{1} << i % 64;
    fates_[i] = fate;
    any_left_ = true;
  }

  NodeContext& node_;
  rte_mbuf* const* packets_;
  const uint8_t* const* frames_;
  uint32_t l3_;
  size_t count_;
  const Side side_;
  bool any_left_ = false, changed_ = false;
  std::array<uint64_t, kFrameSize / 64> left_{};
  std::array<uint16_t, kFrameSize> fates_;  ///< not initialized: that would cost as much as a packet
};

}  // namespace floof::engine
