// SPDX-License-Identifier: GPL-3.0-or-later
//
// A bond's port in a running graph, with members that the test holds.
#include "features/bond/bond_port_node.h"

#include <gtest/gtest.h>

#include "base/dataplane/buckets.h"
#include "base/test_folder.h"
#include "engine/engine.h"
#include "engine/ports/test_port.h"
#include "features/bond/bond_hash.h"

namespace floof::bond {
namespace {

using engine::TestPort;
using Frame = TestPort::Frame;

void to_bond(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  for (rte_mbuf* packet : packets) {
    engine::meta(packet).tx_if = node.state<IfId>();
    node.next(0, packet);
  }
}

/// EAL starts once per process.
struct BondRouter {
  static BondRouter& get() {
    static const TestFolder folder;
    static BondRouter* router = new BondRouter(folder.path());
    return *router;
  }
  explicit BondRouter(const std::string& dir) : run_dir(dir) {
    auto started =
        engine::Engine::start({.run_dir = dir, .workers = 0, .buffers = 4096, .allow_hugepages = false}, loop);
    EXPECT_TRUE(started);
    engine = std::move(*started);
    engine::GraphBuilder builder;
    builder.add_node(
        {.name = "to-bond", .help = "", .process = to_bond, .next = {"interface-output"}, .state = &bond_if});
    EXPECT_TRUE(engine->run(std::move(builder)));
    for (const char* name : {"in", "bond0", "m0", "m1", "m2"}) {
      const IfId id = *engine->interfaces().allocate(name);
      ids.push_back(id);
      engine->interfaces()[id].admin_up = engine->interfaces()[id].link_up = true;
      engine->name_interface(id, name);
    }
    bond_if = ids[1];
    for (auto& member : members) {
      member = std::make_unique<TestPort>(engine->pools());
    }
    source = std::make_unique<TestPort>(engine->pools());
    port = std::make_unique<BondPort>(1, engine->pools());
    engine->interfaces()[bond_if].port = port.get();
    engine->bind(*source, ids[0], engine->graph().node("to-bond"));
  }

  void publish(Mode mode, const std::vector<unsigned>& senders, LoadBalance balance = LoadBalance::l34) {
    auto plan = std::make_unique<SendPlan>();
    plan->mode = mode;
    plan->balance = balance;
    std::vector<BucketMember> shares;
    for (const unsigned sender : senders) {
      plan->senders[plan->count++] = {members[sender].get(), ids[2 + sender]};
      shares.push_back({sender + 1, 1});
    }
    if (!shares.empty()) {
      owners = assign_buckets(owners, shares);
      for (size_t i = 0; i < kBuckets; i++) {
        const auto at = std::find(senders.begin(), senders.end(), owners[i] - 1);
        plan->buckets[i] = static_cast<uint8_t>(at - senders.begin());
      }
    }
    const auto old = port->publish(std::move(plan));
    engine->synchronize();
  }
  /// Sends the frames; who sent what.
  std::array<std::vector<Frame>, 3> run(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      source->push(frame);
    }
    while (engine->turn() > 0) {
    }
    std::array<std::vector<Frame>, 3> out;
    for (size_t i = 0; i < out.size(); i++) {
      for (auto& sent : members[i]->take()) {
        out[i].push_back(std::move(sent.frame));
      }
    }
    return out;
  }

  std::string run_dir;
  EventLoop loop;
  std::unique_ptr<engine::Engine> engine;
  std::vector<IfId> ids;
  IfId bond_if;
  std::array<uint32_t, kBuckets> owners{};
  std::array<std::unique_ptr<TestPort>, 3> members;
  std::unique_ptr<TestPort> source;
  std::unique_ptr<BondPort> port;
};

/// UDP from port n.
Frame flow(uint16_t n) {
  Frame out(60);
  out[5] = 1;
  out[11] = 2;
  out[12] = 8;
  out[14] = 0x45;
  out[23] = 17;
  out[29] = 1;
  out[33] = 2;
  out[34] = static_cast<uint8_t>(n >> 8);
  out[35] = static_cast<uint8_t>(n);
  return out;
}

std::vector<Frame> flows(uint16_t count) {
  std::vector<Frame> out;
  for (uint16_t n = 0; n < count; n++) {
    out.push_back(flow(n));
  }
  return out;
}

TEST(BondPort, EachFlowByOneMemberAndALeaverMovesOnlyItsOwn) {
  auto& router = BondRouter::get();
  router.publish(Mode::balance_xor, {0, 1, 2});
  const auto sent = router.run(flows(600));
  size_t total = 0;
  for (const auto& member : sent) {
    EXPECT_NEAR(static_cast<double>(member.size()), 200, 60);
    total += member.size();
  }
  EXPECT_EQ(total, 600u);
  EXPECT_EQ(router.run(flows(600)), sent) << "in order, and always the same way";
  router.publish(Mode::balance_xor, {0, 2});
  const auto after = router.run(flows(600));
  EXPECT_TRUE(after[1].empty());
  for (const size_t member : {0u, 2u}) {
    for (const Frame& frame : sent[member]) {
      EXPECT_NE(std::find(after[member].begin(), after[member].end(), frame), after[member].end());
    }
  }
  router.publish(Mode::lacp, {0, 2}, LoadBalance::l2);
  const auto by_mac = router.run(flows(100));
  EXPECT_TRUE(by_mac[0].empty() || by_mac[2].empty()) << "all have the same addresses";
}

TEST(BondPort, RoundRobinBroadcastAndOneActive) {
  auto& router = BondRouter::get();
  router.publish(Mode::round_robin, {0, 1, 2});
  for (const auto& member : router.run(flows(300))) {
    EXPECT_EQ(member.size(), 100u);
  }
  router.publish(Mode::broadcast, {0, 1, 2});
  const auto frames = flows(300);
  Frame large(5000, 7);  // more than one buffer
  auto all = frames;
  all.push_back(large);
  for (const auto& member : router.run(all)) {
    EXPECT_EQ(member, all);
  }
  router.publish(Mode::active_backup, {1});
  const auto one = router.run(frames);
  EXPECT_EQ(one[1], frames);
  EXPECT_TRUE(one[0].empty() && one[2].empty());
}

TEST(BondPort, NobodyAndBrokenMembersAreCounted) {
  auto& router = BondRouter::get();
  const auto value = [&](std::string_view name) {
    const auto reader = stats::Reader::open(router.run_dir + "/stats");
    for (const auto& counter : reader->counters()) {
      if (name == counter.name) {
        return reader->value(counter.first_slot);
      }
    }
    return uint64_t{0};
  };
  const uint64_t before = value("tx-failed");
  router.publish(Mode::balance_xor, {});
  EXPECT_FALSE(router.port->link_up());
  router.run(flows(10));
  EXPECT_EQ(value("tx-failed") - before, 10u);
  router.publish(Mode::balance_xor, {0, 1});
  EXPECT_TRUE(router.port->link_up());
  router.members[0]->set_broken(true);
  const auto sent = router.run(flows(400));
  EXPECT_EQ(value("tx-failed") - before, 10 + 400 - sent[1].size());
  router.members[0]->set_broken(false);
}

}  // namespace
}  // namespace floof::bond
