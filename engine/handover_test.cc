// SPDX-License-Identifier: GPL-3.0-or-later
//
// What workers give to each other and to the control thread.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <map>
#include <thread>

#include "base/test_folder.h"
#include "engine/engine.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

/// Packets carry a number and the worker that owns it (number mod workers). `spread` gives each to its owner, where
/// `owner` checks whose it is, that each giver's come in order, and counts it.
struct SpreadState {
  NodeId owner;
  DropId done;
  CounterId wrong;
  SamplerId sampler;
  bool samples = false;
  std::atomic<bool> blocked{false};
  struct alignas(64) PerWorker {
    std::map<uint32_t, uint32_t> last;  ///< number, by giver
  };
  std::array<PerWorker, stats::kMaxWorkers> workers;
};

struct Numbered {
  uint32_t number, owner, giver;
};

void spread(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<SpreadState>();
  std::vector<std::vector<rte_mbuf*>> of(node.workers());
  for (rte_mbuf* packet : packets) {
    auto* numbered = rte_pktmbuf_mtod(packet, Numbered*);
    numbered->giver = node.worker().index();
    if (state.samples) {
      node.take_sample(state.sampler, packet, numbered->number);
    }
    of[numbered->owner].push_back(packet);
  }
  for (unsigned i = 0; i < of.size(); i++) {
    node.hand_over(i, state.owner, of[i]);
  }
}

void owner(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<SpreadState>();
  while (state.blocked) {
    node.beat();
  }
  auto& last = state.workers[node.worker().index()].last;
  for (rte_mbuf* packet : packets) {
    const auto numbered = *rte_pktmbuf_mtod(packet, const Numbered*);
    uint32_t& before = last[numbered.giver];
    if (numbered.owner != node.worker().index() || numbered.number <= before) {
      node.count(state.wrong);
    }
    before = numbered.number;
    node.drop(state.done, packet);
  }
}

class HandoverTest : public testing::Test {
 protected:
  void start(unsigned workers) {
    auto engine = Engine::start(
        {.run_dir = folder_.path(), .workers = workers, .buffers = 16384, .allow_hugepages = false}, loop_);
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    GraphBuilder builder;
    state_.done = builder.declare_drop("spread-done", "Counted.");
    state_.wrong = builder.declare_counter("spread-wrong", "packets", "Of another worker, or out of order.");
    builder.add_node({.name = "spread", .help = "", .process = spread, .state = &state_});
    builder.add_node({.name = "owner", .help = "", .process = owner, .state = &state_});
    auto running = engine_->run(std::move(builder));
    ASSERT_TRUE(running) << running.error().text();
    state_.owner = engine_->graph().node("owner");
  }
  void TearDown() override {
    state_.blocked = false;
    engine_.reset();
  }

  /// False: no buffer, or the worker is busy.
  bool send(uint32_t number, uint32_t to, uint32_t flow) {
    rte_mbuf* packet = rte_pktmbuf_alloc(engine_->pools().packets);
    if (packet == nullptr) {
      return false;
    }
    *reinterpret_cast<Numbered*>(rte_pktmbuf_append(packet, 600)) = {number, to, 0};
    meta(packet) = {};
    meta(packet).rx_if = IfId(2);
    notes(packet).flow_hash = flow;
    return engine_->inject(engine_->graph().node("spread"), packet);
  }
  uint64_t counter(std::string_view name) const {
    const auto reader = stats::Reader::open(folder_.path() + "/stats");
    for (const auto& entry : reader ? reader->counters() : std::vector<stats::CounterEntry>{}) {
      if (name == entry.name) {
        return reader->value(entry.first_slot);
      }
    }
    return 0;
  }
  template <typename Condition>
  bool wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return condition();
  }

  const TestFolder folder_;
  EventLoop loop_;
  std::unique_ptr<Engine> engine_;
  SpreadState state_;
};

TEST_F(HandoverTest, EachPacketComesToItsOwnerInOrder) {
  start(3);
  constexpr uint32_t kPackets = 30'000;
  for (uint32_t i = 1; i <= kPackets; i++) {
    while (!send(i, i % 3, i / 7)) {
      std::this_thread::yield();
    }
    if (i % 5000 == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // they fall asleep and are woken
    }
  }
  EXPECT_TRUE(wait_for([&] { return counter("spread-done") == kPackets; })) << counter("spread-done");
  EXPECT_EQ(counter("spread-wrong"), 0u);
  EXPECT_EQ(counter("handover-queue-full"), 0u);
}

TEST_F(HandoverTest, WhatFindsNoRoomIsDroppedAndCounted) {
  start(2);
  const unsigned before = rte_mempool_avail_count(engine_->pools().packets);
  state_.blocked = true;
  ASSERT_TRUE(send(1, 1, 1));  // by worker 1 to itself, where it stays for now
  uint32_t sent = 1;
  while (sent < 8000) {
    if (send(sent + 1, 1, 0)) {
      sent++;
    } else {
      std::this_thread::yield();
    }
  }
  EXPECT_TRUE(wait_for([&] { return counter("handover-queue-full") >= sent - 1 - 4096 - 256; }));
  state_.blocked = false;
  EXPECT_TRUE(wait_for([&] { return counter("spread-done") + counter("handover-queue-full") == sent; }));
  EXPECT_EQ(counter("spread-wrong"), 0u);
  engine_->stop();
  EXPECT_EQ(rte_mempool_avail_count(engine_->pools().packets), before) << "no buffer is lost";
}

TEST_F(HandoverTest, SamplesComeToWhoAskedForThem) {
  start(2);
  std::vector<PacketSample> got, others;
  const SamplerId other = engine_->add_sampler([&](const PacketSample& sample) { others.push_back(sample); });
  state_.sampler = engine_->add_sampler([&](const PacketSample& sample) { got.push_back(sample); });
  state_.samples = true;
  constexpr uint32_t kPackets = 1000;
  for (uint32_t i = 1; i <= kPackets; i++) {
    while (!send(i, i % 2, i)) {
      std::this_thread::yield();
    }
  }
  const EventLoop::TimerId timer = loop_.every(std::chrono::milliseconds(5), [&] {
    if (got.size() == kPackets) {
      loop_.stop();
    }
  });
  loop_.after(std::chrono::seconds(20), [&] { loop_.stop(); });
  loop_.run();
  loop_.cancel(timer);
  ASSERT_EQ(got.size(), kPackets);
  EXPECT_TRUE(others.empty());
  EXPECT_EQ(got[0].length, 600u);
  EXPECT_EQ(got[0].rx_if, IfId(2));
  ASSERT_EQ(got[0].bytes().size(), PacketSample::kHead);
  for (const PacketSample& sample : got) {
    uint32_t number = 0;
    std::memcpy(&number, sample.head.data(), sizeof(number));
    EXPECT_EQ(number, sample.argument);
  }
  engine_->remove_sampler(other);
}

TEST_F(HandoverTest, SamplesThatNobodyTakesAreLostAndCounted) {
  start(0);
  uint32_t got = 0;
  state_.sampler = engine_->add_sampler([&](const PacketSample&) { got++; });
  state_.samples = true;
  constexpr uint32_t kPackets = 3000;
  for (uint32_t i = 1; i <= kPackets; i++) {
    ASSERT_TRUE(send(i, 0, 0));
    engine_->turn();
  }
  EXPECT_EQ(counter("spread-done"), kPackets) << "packets go on";
  const uint64_t lost = counter("samples-lost");
  EXPECT_GE(lost, kPackets - SampleRing::kSamples);
  engine_->remove_sampler(state_.sampler);
  EXPECT_EQ(got + lost, kPackets) << "what was on its way is handed out";
}

}  // namespace
}  // namespace floof::engine
