// SPDX-License-Identifier: GPL-3.0-or-later
//
// A bond around ports that the test holds; the partner is another BondControl.
#include "features/bond/running_bond_apply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/test_folder.h"
#include "engine/ports/test_port.h"

namespace floof::bond {
namespace {

using namespace std::chrono_literals;
using engine::TestPort;
using Frame = TestPort::Frame;

/// Keeps what the bond's interface received.
struct Received {
  IfId interface;
  std::vector<Frame> frames;
};
void keep(engine::NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& received = node.state<Received>();
  for (rte_mbuf* packet : packets) {
    const auto* const bytes = rte_pktmbuf_mtod(packet, const uint8_t*);
    received.frames.emplace_back(bytes, bytes + packet->data_len);
    received.interface = engine::meta(packet).rx_if;
    rte_pktmbuf_free(packet);
  }
}

class RunningBondTest : public testing::Test {
 protected:
  struct World {  // EAL starts once per process
    EventLoop loop;
    std::unique_ptr<engine::Engine> engine;
    BondDrops drops;
    Received received;
    IfId bond, e2, e3;
    explicit World(const std::string& folder) {
      auto started =
          engine::Engine::start({.run_dir = folder, .workers = 0, .buffers = 4096, .allow_hugepages = false}, loop);
      EXPECT_TRUE(started);
      engine = std::move(*started);
      engine::GraphBuilder builder;
      drops.declare(builder);
      builder.add_node({.name = "ip-fast", .help = "", .process = keep, .state = &received});
      EXPECT_TRUE(engine->run(std::move(builder)));
      for (auto [name, id] : {std::pair{"bond0", &bond}, {"e2", &e2}, {"e3", &e3}}) {
        *id = *engine->interfaces().allocate(name);
        engine->interfaces()[*id].admin_up = engine->interfaces()[*id].link_up = true;
        engine->name_interface(*id, name);
      }
    }
  };
  static std::string folder_path() {
    static const TestFolder folder;
    return folder.path();
  }
  static World& world() {
    static World* made = new World(folder_path());
    return *made;
  }

  void SetUp() override {
    World& w = world();
    w.received.frames.clear();
    w.engine->clear_counters();
    for (auto [port, id] : {std::pair{&port2_, w.e2}, {&port3_, w.e3}}) {
      *port = std::make_unique<TestPort>(w.engine->pools());
      w.engine->interfaces()[id].port = port->get();
    }
    auto made = RunningBond::make(*w.engine, w.drops, w.bond, "bond0", 1);
    ASSERT_TRUE(made);
    bond_ = std::move(*made);
    w.engine->interfaces()[w.bond].port = &bond_->port();
    spec_.members = {"e2", "e3"};
    lines_ = {{"e2", w.e2, port2_.get(), true}, {"e3", w.e3, port3_.get(), true}};
  }
  void TearDown() override {
    World& w = world();
    w.engine->interfaces()[w.bond].port = nullptr;
    bond_.reset();
    w.engine->interfaces()[w.e2].port = w.engine->interfaces()[w.e3].port = nullptr;
  }

  void configure() { bond_->configure(spec_, Mac{{2, 0, 0, 0, 0, 1}}, lines_, now_); }
  void start_partner() {
    BondSpec spec = spec_;
    spec.mode = Mode::lacp;
    partner_.configure({"partner", Mac{{2, 0, 0, 0, 0, 2}}, 9}, spec, {{1, "a"}, {2, "b"}}, now_);
    partner_.set_link(1, true, now_);
    partner_.set_link(2, true, now_);
  }
  /// Lets time pass; frames go both ways.
  void run(Time duration) {
    for (const Time end = now_ + duration; now_ < end; now_ += 20ms) {
      bond_->turn(now_);
      partner_.advance(now_);
      turn_engine();
      for (const auto& frame : partner_.take_frames()) {
        (frame.number == 1 ? port2_ : port3_)->push({frame.bytes.begin(), frame.bytes.end()});
      }
      turn_engine();
    }
  }
  void turn_engine() {
    for (int i = 0; i < 4; i++) {
      world().engine->turn();
    }
    uint16_t number = 1;
    for (auto* port : {&port2_, &port3_}) {
      for (const auto& sent : (*port)->take()) {
        if (sent.frame.size() > 13 && sent.frame[12] == 0x88 && sent.frame[13] == 0x09) {
          partner_.receive(number, sent.frame, now_);
        } else {
          data_[number - 1u].push_back(sent.frame);
        }
      }
      number++;
    }
  }
  uint64_t drops(std::string_view name) {
    const auto reader = stats::Reader::open(folder_path() + "/stats");
    for (const auto& counter : reader->counters()) {
      if (name == counter.name && counter.kind == stats::Kind::drop) {
        return reader->value(counter.first_slot);
      }
    }
    return UINT64_MAX;
  }

  Time now_{1000};
  std::unique_ptr<TestPort> port2_, port3_;
  std::unique_ptr<RunningBond> bond_;
  BondControl partner_;
  BondSpec spec_;
  std::vector<RunningBond::Line> lines_;
  std::vector<Frame> data_[2];
};

const Frame kData(64, 0x42);

TEST_F(RunningBondTest, LacpComesUpAndDataFlows) {
  configure();
  start_partner();
  port2_->push(kData);
  run(1000ms);
  EXPECT_FALSE(bond_->up());
  EXPECT_TRUE(world().received.frames.empty());
  EXPECT_EQ(drops("bond-not-collecting"), 1u);
  run(3000ms);
  EXPECT_TRUE(bond_->up());
  EXPECT_TRUE(partner_.spread().up);
  port2_->push(kData);
  port3_->push(kData);
  run(40ms);
  ASSERT_EQ(world().received.frames.size(), 2u);
  EXPECT_EQ(world().received.interface, world().bond) << "what members receive is the bond's";
  const auto view = bond_->view(now_);
  EXPECT_EQ(view["members"][0]["status"], "carries");
  EXPECT_EQ(view["members"][0]["not-collected"], 1);

  // A member leaves live: its partner hears of it, its port belongs to others again.
  lines_.pop_back();
  spec_.members = {"e2"};
  configure();
  turn_engine();
  EXPECT_EQ(partner_.spread().senders, (std::vector<uint32_t>{1}));
  port3_->push(kData);
  run(40ms);
  EXPECT_EQ(world().received.frames.size(), 2u);
  EXPECT_TRUE(bond_->up());
}

TEST_F(RunningBondTest, APortThatClosesIsLetGo) {
  configure();
  start_partner();
  run(4000ms);
  ASSERT_TRUE(bond_->up());
  bond_->release(world().e2, now_);
  partner_.set_link(1, false, now_);
  world().engine->interfaces()[world().e2].port = nullptr;
  port2_.reset(new TestPort(world().engine->pools()));  // the old one is gone
  run(200ms);
  EXPECT_TRUE(bond_->up());
  EXPECT_EQ(partner_.spread().senders, (std::vector<uint32_t>{2}));
  world().engine->interfaces()[world().e2].port = port2_.get();
  lines_[0].port = port2_.get();
  partner_.set_link(1, true, now_);
  configure();
  run(4000ms);
  EXPECT_EQ(partner_.spread().senders, (std::vector<uint32_t>{1, 2}));
}

TEST_F(RunningBondTest, HostileFramesAreCountedDrops) {
  configure();
  Frame slow(124, 0xff);
  std::copy(kSlowProtocolsGroup.bytes.begin(), kSlowProtocolsGroup.bytes.end(), slow.begin());
  slow[6] = 2;
  slow[12] = 0x88;
  slow[13] = 0x09;
  port2_->push(slow);
  slow.resize(20);
  port2_->push(slow);
  run(100ms);
  EXPECT_EQ(drops("bond-slow-malformed"), 2u);
  spec_.mode = Mode::balance_xor;
  configure();
  Lacpdu pdu;
  pdu.actor.system = Mac{{2, 0, 0, 0, 0, 9}};
  const SlowFrame frame = build_frame(pdu, Mac{{2, 0, 0, 0, 0, 9}});
  port2_->push({frame.begin(), frame.end()});
  run(100ms);
  EXPECT_EQ(drops("bond-slow-unwanted"), 1u);
  // More than anybody reads between two looks.
  for (int i = 0; i < 600; i++) {
    port3_->push({frame.begin(), frame.end()});
  }
  for (int i = 0; i < 10; i++) {
    world().engine->turn();
  }
  run(100ms);
  EXPECT_GT(drops("bond-slow-flood"), 300u);
  EXPECT_EQ(drops("bond-slow-flood") + drops("bond-slow-unwanted"), 601u);
}

TEST_F(RunningBondTest, ActiveBackupMovesAtOnce) {
  spec_.mode = Mode::active_backup;
  configure();
  EXPECT_TRUE(bond_->up());
  port2_->push(kData);
  port3_->push(kData);
  run(40ms);
  EXPECT_EQ(world().received.frames.size(), 1u) << "who waits is not heard";
  ASSERT_EQ(data_[0].size(), 1u) << "switches are shown where the bond is";
  EXPECT_EQ(Frame(data_[0][0].begin(), data_[0][0].begin() + 14),
            (Frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x80, 0x35}));
  bond_->set_link(world().e2, false, now_);
  port3_->push(kData);
  run(40ms);
  EXPECT_EQ(world().received.frames.size(), 2u);
  EXPECT_EQ(bond_->view(now_)["members"][1]["status"], "carries");
  EXPECT_EQ(data_[0].size(), 1u);
  EXPECT_EQ(data_[1].size(), 1u);
}

}  // namespace
}  // namespace floof::bond
