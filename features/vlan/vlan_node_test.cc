// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan_node.h"

#include <gtest/gtest.h>

#include <random>

#include "base/test_folder.h"
#include "engine/ports/test_port.h"
#include "engine/tags.h"

namespace floof::vlan {
namespace {

using Bytes = std::vector<uint8_t>;

struct Got {
  IfId rx;
  Bytes frame;
  uint32_t priority;
};

/// vlan-input between a port and two nodes that keep what they get.
class VlanNode : public testing::Test {
 protected:
  VlanNode() {
    engine_ = std::move(*engine::Engine::start(
        {.run_dir = folder_.path(), .workers = 0, .buffers = 2048, .allow_hugepages = false}, loop_));
    state_ = std::make_unique<VlanState>(engine_->interfaces());
    port_ = std::make_unique<engine::TestPort>(engine_->pools());
    engine::GraphBuilder builder;
    register_nodes(builder, *state_);
    builder.add_node({.name = "ip-fast-tagged", .help = "test", .process = keep, .state = &tagged_});
    builder.add_node({.name = "ip-fast", .help = "test", .process = keep, .state = &untagged_});
    const auto running = engine_->run(std::move(builder));
    EXPECT_TRUE(running) << running.error().text();
    parent_ = add("e0");
    engine_->bind(*port_, parent_, engine_->graph().node("vlan-input"));
    free_ = free_buffers();
  }
  ~VlanNode() override {
    EXPECT_EQ(free_buffers(), free_) << "packet buffers leak";
    engine_->unbind(*port_);
  }

  IfId add(const char* name) {
    const IfId id = *engine_->interfaces().allocate(name);
    engine_->interfaces()[id].admin_up = engine_->interfaces()[id].link_up = true;
    return id;
  }
  IfId add(const char* name, const VlanSpec& spec) {
    const IfId id = add(name);
    set_tags(engine_->interfaces()[id], parent_, spec);
    entries_.push_back({spec, id});
    table_ = std::make_unique<TagTable>(entries_);
    state_->tables[parent_.value()] = table_.get();
    return id;
  }

  void send(const std::vector<Bytes>& frames) {
    tagged_.clear();
    untagged_.clear();
    for (const Bytes& frame : frames) {
      port_->push(frame);
    }
    while (engine_->turn() > 0) {
    }
  }

  uint64_t drops(std::string_view name) const {
    const auto reader = stats::Reader::open(folder_.path() + "/stats");
    for (const auto& counter : reader->counters()) {
      if (counter.kind == stats::Kind::drop && name == counter.name) {
        return reader->value(counter.first_slot);
      }
    }
    ADD_FAILURE() << "no drop " << name;
    return 0;
  }
  uint64_t received(IfId id) const {
    return stats::Reader::open(folder_.path() + "/stats")->interface_value(id, stats::rx_packets);
  }
  size_t free_buffers() const { return rte_mempool_avail_count(engine_->pools().packets); }

  static void keep(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
      node.state<std::vector<Got>>().push_back({engine::meta(packet).rx_if, Bytes(data, data + packet->data_len),
                                                engine::kept_priority(engine::meta(packet))});
      rte_pktmbuf_free(packet);
    }
  }

  TestFolder folder_;
  EventLoop loop_;
  std::vector<Got> tagged_, untagged_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<VlanState> state_;
  std::unique_ptr<engine::TestPort> port_;
  std::vector<TagTable::Entry> entries_;
  std::unique_ptr<TagTable> table_;
  IfId parent_;
  size_t free_ = 0;
};

/// 60 bytes and the tags: types and what stands in them.
Bytes frame_with(const std::vector<std::pair<uint16_t, uint16_t>>& tags) {
  Bytes out(12, 2);
  for (const auto& [type, control] : tags) {
    for (const uint16_t word : {type, control}) {
      out.push_back(static_cast<uint8_t>(word >> 8));
      out.push_back(static_cast<uint8_t>(word));
    }
  }
  out.insert(out.end(), {8, 0});
  out.resize(out.size() + 46, 0x55);
  return out;
}

VlanSpec one(uint16_t id) { return {.parent = "e0", .match = Match::one, .outer = id, .priority = {}}; }
VlanSpec two(uint16_t outer, uint16_t inner) {
  return {.parent = "e0",
          .match = Match::two,
          .outer = outer,
          .inner = inner,
          .protocol = OuterProtocol::dot1ad,
          .priority = {}};
}

TEST_F(VlanNode, SortsByTags) {
  const IfId hundred = add("e0.100", one(100)), both = add("e0.4000.7", two(4000, 7));
  send({frame_with({}), frame_with({{0x8100, 100}}), frame_with({{0x8100, 0x6064}}),
        frame_with({{0x88a8, 4000}, {0x8100, 7}}), frame_with({{0x8100, 0xa000}})});
  ASSERT_EQ(tagged_.size(), 3u);
  EXPECT_EQ(tagged_[0].rx, hundred);
  EXPECT_EQ(tagged_[1].rx, hundred) << "whatever its priority";
  EXPECT_EQ(tagged_[2].rx, both);
  EXPECT_EQ(tagged_[1].frame, frame_with({{0x8100, 0x6064}})) << "with its tags";
  ASSERT_EQ(untagged_.size(), 2u);
  EXPECT_EQ(untagged_[0].rx, parent_);
  EXPECT_EQ(untagged_[1].rx, parent_) << "a priority tag is none";
  EXPECT_EQ(untagged_[1].frame, frame_with({}));
  EXPECT_EQ(untagged_[1].priority, 0xau << 20);
  EXPECT_EQ(received(hundred), 2u);
  EXPECT_EQ(received(both), 1u);
  EXPECT_EQ(received(parent_), 5u) << "the port's own count has all";
}

TEST_F(VlanNode, DropsWhatIsNobodysAndWhatIsOff) {
  const IfId hundred = add("e0.100", one(100));
  send({frame_with({{0x8100, 101}}), frame_with({{0x88a8, 100}}), frame_with({{0x8100, 100}, {0x8100, 100}}),
        frame_with({{0x8100, 1}, {0x8100, 2}, {0x8100, 3}, {0x8100, 4}, {0x8100, 5}})});
  EXPECT_TRUE(tagged_.empty() && untagged_.empty());
  EXPECT_EQ(drops("vlan-unknown"), 3u);
  EXPECT_EQ(drops("vlan-malformed"), 1u);
  engine_->interfaces()[hundred].admin_up = false;
  send({frame_with({{0x8100, 100}})});
  EXPECT_EQ(drops("vlan-down"), 1u);
}

TEST_F(VlanNode, EveryLengthIsTakenOrCounted) {
  add("e0.100", one(100));
  add("e0.4000.7", two(4000, 7));
  size_t sent = 0;
  for (const auto& whole :
       {frame_with({{0x8100, 100}}), frame_with({{0x88a8, 4000}, {0x8100, 7}}), frame_with({{0x8100, 0}})}) {
    for (size_t length = 14; length <= whole.size(); length++, sent++) {
      send({Bytes(whole.begin(), whole.begin() + static_cast<long>(length))});
      EXPECT_LE(tagged_.size() + untagged_.size(), 1u);
    }
  }
  EXPECT_GT(drops("vlan-malformed"), 0u);
}

// One after the other or all at once, in any order: the same.
TEST_F(VlanNode, TrainsChangeNothing) {
  for (uint16_t id = 1; id <= 20; id++) {
    add(("v" + std::to_string(id)).c_str(), one(id));
    add(("q" + std::to_string(id)).c_str(), two(id, id));
  }
  std::mt19937 random(5);
  for (int round = 0; round < 200; round++) {
    std::vector<Bytes> frames;
    for (size_t n = 1 + random() % 200; n > 0; n--) {
      const auto id = static_cast<uint16_t>(random() % 23);
      const auto priority = static_cast<uint16_t>(random() % 8 << 13);
      frames.push_back(random() % 3 == 0   ? frame_with({{0x88a8, id}, {0x8100, id}})
                       : random() % 8 == 0 ? frame_with({})
                                           : frame_with({{0x8100, static_cast<uint16_t>(id | priority)}}));
      while (random() % 2 == 0) {
        frames.push_back(frames.back());
      }
    }
    std::vector<Got> expected;
    for (const Bytes& frame : frames) {
      send({frame});
      expected.insert(expected.end(), tagged_.begin(), tagged_.end());
    }
    send(frames);
    ASSERT_EQ(tagged_.size(), expected.size()) << round;
    for (size_t i = 0; i < expected.size(); i++) {
      ASSERT_EQ(tagged_[i].rx, expected[i].rx) << round;
      ASSERT_EQ(tagged_[i].frame, expected[i].frame) << round;
    }
  }
}

}  // namespace
}  // namespace floof::vlan
