// SPDX-License-Identifier: GPL-3.0-or-later
//
// Vectors of counters that come, grow, move and go while workers count and readers read.
#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <thread>

#include "base/test_folder.h"
#include "engine/engine.h"

namespace floof::engine {
namespace {

struct RuleState {
  VectorId rules, seen;  ///< by what the packet's first byte says, by interface
  DropId done;
};

void count_rules(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<RuleState>();
  for (rte_mbuf* packet : packets) {
    node.count(state.rules, *rte_pktmbuf_mtod(packet, const uint8_t*));
    node.count(state.seen, meta(packet).rx_if.value());
    node.drop(state.done, packet);
  }
}

class CountersTest : public testing::Test {
 protected:
  void start(unsigned workers) {
    auto engine = Engine::start(
        {.run_dir = folder_.path(), .workers = workers, .buffers = 8192, .allow_hugepages = false}, loop_);
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    GraphBuilder builder;
    state_.done = builder.declare_drop("rules-done", "Counted.");
    state_.seen = builder.declare_interface_counter("seen", "packets", "Seen by the rules.");
    builder.add_node({.name = "rules", .help = "", .process = count_rules, .state = &state_});
    auto running = engine_->run(std::move(builder));
    ASSERT_TRUE(running) << running.error().text();
    auto added = engine_->add_counters("rule-hits", "packets", "By rule.", 4);
    ASSERT_TRUE(added) << added.error().text();
    state_.rules = *added;
    auto reader = stats::Reader::open(folder_.path() + "/stats");
    ASSERT_TRUE(reader) << reader.error().text();
    reader_.emplace(std::move(*reader));
  }
  void TearDown() override { engine_.reset(); }

  /// A packet for this rule. False: the worker is busy.
  bool send(uint8_t rule, uint32_t flow = 0) {
    rte_mbuf* packet = rte_pktmbuf_alloc(engine_->pools().packets);
    if (packet == nullptr) {
      return false;
    }
    *reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet, 64)) = rule;
    meta(packet) = {};
    meta(packet).rx_if = IfId(2);
    notes(packet).flow_hash = flow;
    return engine_->inject(engine_->graph().node("rules"), packet);
  }
  static const stats::CounterEntry* find(const stats::Reader& reader, std::string_view name) {
    for (const auto& entry : reader.counters()) {
      if (name == entry.name) {
        return &entry;
      }
    }
    return nullptr;
  }
  std::vector<uint64_t> values(std::string_view name, uint32_t most = 16) {
    std::vector<uint64_t> out;
    EXPECT_TRUE(reader_->look([&] {
      out.clear();
      const auto* entry = find(*reader_, name);
      for (uint32_t i = 0; entry != nullptr && i < std::min(entry->elements, most); i++) {
        out.push_back(reader_->value(*entry, i));
      }
    }));
    return out;
  }

  const TestFolder folder_;
  EventLoop loop_;
  std::unique_ptr<Engine> engine_;
  RuleState state_;
  std::optional<stats::Reader> reader_;
};

using Values = std::vector<uint64_t>;

TEST_F(CountersTest, GoOnWhereADataplaneBeforeEnded) {
  start(0);
  engine_->name_interface(IfId(2), "e2");
  for (const uint8_t rule : {0, 1, 1, 3}) {
    ASSERT_TRUE(send(rule));
  }
  engine_->turn();
  const auto count = [&](std::string_view name) { return reader_->value(*find(*reader_, name), 0); };
  EXPECT_EQ(count("rules-done"), 4u);
  const std::string file = folder_.path() + "/stats";
  for (const uint16_t id : {3, 4}) {
    engine_.reset();
    ASSERT_EQ(rename(file.c_str(), (file + ".before").c_str()), 0);
    start(0);
    EXPECT_EQ(count("rules-done"), 4u);
    EXPECT_EQ(values("rule-hits"), (Values{1, 2, 0, 1}));
    EXPECT_EQ(values("seen", 5), (Values{0, 0, 0, 0, 0})) << "no interface has come back yet";
    engine_->name_interface(IfId(id), "e2");
    EXPECT_EQ(values("seen", 5), (id == 3 ? Values{0, 0, 0, 4, 0} : Values{0, 0, 0, 0, 4}));
    engine_->name_interface(IfId(1), "e2");
    EXPECT_EQ(values("seen", 2), (Values{0, 0})) << "taken once";
    engine_->name_interface(IfId(1), "");
    EXPECT_NE(access((file + ".before").c_str(), F_OK), 0);
  }
  engine_.reset();
  ASSERT_EQ(rename(file.c_str(), (file + ".before").c_str()), 0);
  start(0);
  engine_->forget_earlier_counters();
  engine_->name_interface(IfId(2), "e2");
  EXPECT_EQ(values("seen", 5), (Values{0, 0, 0, 0, 0})) << "a new interface of an old name";
  EXPECT_EQ(count("rules-done"), 4u);
}

TEST_F(CountersTest, GrowAndShrinkAndKeepWhatStays) {
  start(0);
  for (const uint8_t rule : {0, 1, 1, 3, 200}) {
    ASSERT_TRUE(send(rule));
  }
  engine_->turn();
  engine_->count(state_.rules, 3, 10);
  engine_->count(state_.rules, 4, 10);
  EXPECT_EQ(values("rule-hits"), (Values{1, 2, 0, 11})) << "200 and 4 are no rules";
  EXPECT_EQ(values("seen"), (Values{0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  const uint32_t before = find(*reader_, "rule-hits")->first_slot;

  ASSERT_TRUE(engine_->resize_counters(state_.rules, 6));
  EXPECT_EQ(values("rule-hits"), (Values{1, 2, 0, 11, 0, 0}));
  EXPECT_EQ(find(*reader_, "rule-hits")->first_slot, before) << "there was room";
  ASSERT_TRUE(engine_->resize_counters(state_.rules, 300));
  EXPECT_EQ(values("rule-hits", 7), (Values{1, 2, 0, 11, 0, 0, 0}));
  EXPECT_NE(find(*reader_, "rule-hits")->first_slot, before);
  ASSERT_TRUE(send(200));
  engine_->turn();
  EXPECT_EQ(values("rule-hits", 300)[200], 1u);

  ASSERT_TRUE(engine_->resize_counters(state_.rules, 2));
  EXPECT_EQ(values("rule-hits"), (Values{1, 2}));
  ASSERT_TRUE(engine_->resize_counters(state_.rules, 4));
  EXPECT_EQ(values("rule-hits"), (Values{1, 2, 0, 0})) << "what comes back begins at zero";

  engine_->clear_counters();
  EXPECT_EQ(values("rule-hits"), (Values{0, 0, 0, 0}));
}

TEST_F(CountersTest, PlacesAreUsedAgainAndClean) {
  start(0);
  ASSERT_TRUE(send(2));
  engine_->turn();
  engine_->remove_counters(state_.rules);
  EXPECT_EQ(values("rule-hits"), Values{});
  ASSERT_TRUE(send(2));
  engine_->turn();  // counts nothing
  for (int i = 0; i < 10'000; i++) {
    const auto id = engine_->add_counters("other", "packets", "", 8);
    ASSERT_TRUE(id) << i << ": " << id.error().text();
    ASSERT_EQ(*id, state_.rules);
    ASSERT_TRUE(send(2));
    engine_->turn();
    ASSERT_EQ(values("other"), (Values{0, 0, 1, 0, 0, 0, 0, 0})) << i;
    engine_->remove_counters(*id);
  }
}

TEST_F(CountersTest, SaysWhatDoesNotFit) {
  start(0);
  const auto huge = engine_->add_counters("huge", "packets", "", UINT32_MAX);
  ASSERT_FALSE(huge);
  EXPECT_NE(huge.error().text().find("do not fit"), std::string::npos) << huge.error().text();
  EXPECT_FALSE(engine_->resize_counters(state_.rules, UINT32_MAX));
  EXPECT_EQ(values("rule-hits"), (Values{0, 0, 0, 0})) << "as it was";
  unsigned kinds = 0;
  while (engine_->add_counters("one of many", "packets", "", 1)) {
    kinds++;
  }
  EXPECT_GT(kinds, 3000u);
  EXPECT_LT(kinds, stats::kMaxEntries);
}

// Two workers count, two readers read, and all the while the vector grows, shrinks and moves: no reader ever sees a sum
// that is less than before or more than was sent, and in the end nothing is lost.
TEST_F(CountersTest, NothingIsLostOrTornWhileTheLayoutChanges) {
  start(2);
  constexpr uint64_t kPackets = 30'000;
  std::atomic<uint64_t> sent{0};
  std::atomic<bool> stop{false};
  std::atomic<unsigned> looks{0};
  std::atomic<bool> torn{false};
  const auto watch = [&] {
    auto reader = stats::Reader::open(folder_.path() + "/stats");
    uint64_t last = 0;
    while (!stop && reader) {
      uint64_t now = 0;
      bool found = false;
      const bool steady = reader->look([&] {
        const auto* entry = find(*reader, "rule-hits");
        found = entry != nullptr;
        now = found ? reader->value(*entry, 0) : 0;
      });
      torn = torn || (steady && (!found || now < last || now > sent));
      last = steady ? now : last;
      looks++;
    }
  };
  std::thread first(watch), second(watch);
  uint32_t size = 4, other = 0;
  std::optional<VectorId> passing;
  for (uint64_t i = 0; i < kPackets; i++) {
    sent++;
    while (!send(0, static_cast<uint32_t>(i))) {
      std::this_thread::yield();
    }
    if (i % 64 == 0) {
      size = size >= 4096 ? 1 : size * 2 + 1;
      ASSERT_TRUE(engine_->resize_counters(state_.rules, size));
      if (passing) {
        engine_->remove_counters(*passing);
      }
      passing = *engine_->add_counters("passing", "packets", "", other++ % 100);
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (values("rule-hits")[0] < kPackets && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(values("rule-hits")[0], kPackets);
  EXPECT_EQ(values("seen")[2], kPackets);
  EXPECT_FALSE(torn);
  EXPECT_GT(looks, 0u);
}

}  // namespace
}  // namespace floof::engine
