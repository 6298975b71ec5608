// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/worker.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/dataplane/stats_segment.h"
#include "base/test_folder.h"
#include "engine/ports/test_netns.h"
#include "engine/ports/test_port.h"

namespace floof::engine {
namespace {

using namespace std::chrono_literals;

TestPort::Frame frame_beginning(uint8_t first, size_t bytes = 64) {
  TestPort::Frame out(bytes, 0x55);
  out[0] = first;
  return out;
}

/// A port that a test feeds from its own thread while the worker sleeps on its descriptor.
class EventPort final : public Port {
 public:
  explicit EventPort(const Pools& pools, unsigned queues = 1) : pools_(pools) {
    for (unsigned i = 1; i < queues; i++) {
      add_queue(std::make_unique<EventPort>(pools));
    }
  }
  void signal() { eventfd_write(fd_.get(), 1); }
  std::string_view kind() const override { return "event"; }
  int receive_fd() const override { return fd_.get(); }
  Capabilities capabilities() const override { return {}; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    sent_ += packets.size();
    return static_cast<unsigned>(packets.size());
  }
  unsigned receive(std::span<rte_mbuf*> out) override {
    eventfd_t count = 0;
    if (eventfd_read(fd_.get(), &count) != 0) {
      return 0;
    }
    unsigned n = 0;
    while (n < count && n < out.size()) {
      out[n++] = TestPort::make_packet(pools_, frame_beginning(0));
    }
    return n;
  }
  std::atomic<uint64_t> sent_{0};

 private:
  const Pools& pools_;
  UniqueFd fd_{eventfd(0, EFD_NONBLOCK)};
};

/// input: first byte 0 = to the output of interface 2, 1 = drop, 2 = arc, 3 = twice to itself as 0, 4 = multiply,
/// 5 = to itself for ever.
struct TestState {
  DropId drop;
  CounterId counter;
  ArcId arc;
  Pools pools;
  unsigned largest = 0;
  std::vector<std::string> visited;
};

void input(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<TestState>();
  state.largest = std::max<unsigned>(state.largest, static_cast<unsigned>(packets.size()));
  for (rte_mbuf* packet : packets) {
    auto* bytes = rte_pktmbuf_mtod(packet, uint8_t*);
    meta(packet).tx_if = IfId(2);
    switch (bytes[0]) {
      case 0:
        node.next(0, packet);
        break;
      case 1:
        node.drop(state.drop, packet);
        break;
      case 2:
        node.start_arc(state.arc, packet, meta(packet).rx_if);
        break;
      case 3:
        bytes[0] = 0;
        node.count(state.counter, 2);
        node.next(1, packet);
        break;
      case 5:
        node.next(1, packet);
        break;
      default:
        for (unsigned i = 0; i < NodeQueue::kSize; i++) {
          rte_mbuf* copy = TestPort::make_packet(state.pools, frame_beginning(0));
          meta(copy).tx_if = IfId(2);
          node.next(0, copy);
        }
        node.next(0, packet);
    }
  }
}

template <char kName>
void feature(NodeContext& node, std::span<rte_mbuf*> packets) {
  auto& state = node.state<TestState>();
  state.visited.emplace_back(1, kName);
  for (rte_mbuf* packet : packets) {
    node.next_feature(state.arc, packet, meta(packet).rx_if);
  }
}

class EngineTest : public testing::Test {
 protected:
  void start(unsigned workers, unsigned buffers = 8192) {
    auto engine = Engine::start(
        {.run_dir = folder_.path(), .workers = workers, .buffers = buffers, .allow_hugepages = false}, loop_);
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    GraphBuilder builder;
    state_.drop = builder.declare_drop("test-drop", "Dropped on purpose.");
    state_.counter = builder.declare_counter("test-counter", "packets", "Counted on purpose.");
    state_.arc = builder.add_arc("test-arc", "interface-output");
    state_.pools = engine_->pools();
    builder.add_node({.name = "test-input",
                      .help = "",
                      .process = input,
                      .next = {"interface-output", "test-input"},
                      .state = &state_});
    builder.add_node({.name = "feature-a", .help = "", .process = feature<'a'>, .state = &state_});
    builder.add_node({.name = "feature-b", .help = "", .process = feature<'b'>, .state = &state_});
    builder.add_feature({"test-arc", "feature-a", {}, {}});
    builder.add_feature({"test-arc", "feature-b", {}, {}});
    auto running = engine_->run(std::move(builder));
    ASSERT_TRUE(running) << running.error().text();
    in_ = add("in0");
    out_ = add("out0");
    ASSERT_EQ(out_, IfId(2));
    input_ = engine_->graph().node("test-input");
  }

  void TearDown() override { engine_.reset(); }

  IfId add(const char* name) {
    auto id = engine_->interfaces().allocate(name);
    EXPECT_TRUE(id);
    auto& interface = engine_->interfaces()[*id];
    interface.admin_up = true;
    interface.link_up = true;
    engine_->name_interface(*id, name);
    return *id;
  }

  uint64_t counter(std::string_view name, unsigned offset = 0) {
    auto reader = stats::Reader::open(folder_.path() + "/stats");
    EXPECT_TRUE(reader);
    for (const auto& entry : reader->counters()) {
      if (name == entry.name) {
        return reader->value(entry.first_slot + offset);
      }
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  uint64_t interface_counter(IfId id, stats::InterfaceSlot slot) {
    auto reader = stats::Reader::open(folder_.path() + "/stats");
    EXPECT_TRUE(reader);
    return reader->interface_value(id, slot);
  }

  unsigned available() { return rte_mempool_avail_count(engine_->pools().packets); }

  EventLoop loop_;
  TestFolder folder_;
  std::unique_ptr<Engine> engine_;
  TestState state_;
  IfId in_, out_;
  NodeId input_;
};

TEST_F(EngineTest, ForwardsAndCounts) {
  start(0);
  TestPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  for (int i = 0; i < 300; i++) {
    in.push(frame_beginning(0, 64 + static_cast<size_t>(i)));
  }
  EXPECT_EQ(engine_->turn(), 256u);
  EXPECT_EQ(engine_->turn(), 44u);
  const auto sent = out.take();
  ASSERT_EQ(sent.size(), 300u);
  EXPECT_EQ(sent[7].frame.size(), 71u);
  EXPECT_EQ(sent[7].meta.rx_if, in_);
  EXPECT_EQ(interface_counter(in_, stats::rx_packets), 300u);
  EXPECT_EQ(interface_counter(in_, stats::rx_bytes), 300u * 64 + 299 * 300 / 2);
  EXPECT_EQ(interface_counter(out_, stats::tx_packets), 300u);
  EXPECT_EQ(interface_counter(out_, stats::tx_bytes), 300u * 64 + 299 * 300 / 2);
  EXPECT_EQ(counter("interface-tx", 0), 2u);
  EXPECT_EQ(counter("interface-tx", 1), 300u);
  EXPECT_GT(counter("interface-tx", 2), 0u);
  EXPECT_EQ(state_.largest, 256u);
  engine_->unbind(in);
  in.push(frame_beginning(0));
  EXPECT_EQ(engine_->turn(), 0u);
}

TEST_F(EngineTest, DropsUnderAReasonAndKeepsTheLastHeads) {
  start(0);
  const unsigned before = available();
  TestPort in(engine_->pools());
  engine_->bind(in, in_, input_);
  for (uint8_t i = 0; i < 6; i++) {
    auto frame = frame_beginning(1, 200);
    frame[1] = i;
    in.push(frame);
    engine_->turn();
  }
  EXPECT_EQ(counter("test-drop"), 6u);
  EXPECT_EQ(interface_counter(in_, stats::rx_drops), 6u);
  const auto samples = engine_->drop_samples();
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0].head[1], 5);  // newest first
  EXPECT_EQ(samples[3].head[1], 2);
  EXPECT_EQ(samples[0].head.size(), 128u);
  EXPECT_EQ(samples[0].length, 200u);
  EXPECT_EQ(samples[0].interface, in_);
  EXPECT_EQ(engine_->graph().drop_name(samples[0].reason), "test-drop");
  engine_->unbind(in);
  EXPECT_EQ(available(), before);
}

TEST_F(EngineTest, WalksOnlyEnabledFeatures) {
  start(0);
  TestPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  const auto visit = [&] {
    in.push(frame_beginning(2));
    engine_->turn();
    EXPECT_EQ(out.take().size(), 1u);
    return std::exchange(state_.visited, {});
  };
  EXPECT_EQ(visit(), std::vector<std::string>{});
  engine_->graph().enable(state_.arc, "feature-b", in_, true);
  EXPECT_EQ(visit(), std::vector<std::string>{"b"});
  engine_->graph().enable(state_.arc, "feature-a", in_, true);
  EXPECT_EQ(visit(), (std::vector<std::string>{"a", "b"}));
  engine_->graph().enable(state_.arc, "feature-b", in_, false);
  EXPECT_EQ(visit(), std::vector<std::string>{"a"});
  // Who gets the id next begins with nothing.
  engine_->unbind(in);
  engine_->release_interface(in_);
  ASSERT_EQ(add("in0"), in_);
  engine_->bind(in, in_, input_);
  EXPECT_EQ(visit(), std::vector<std::string>{});
}

TEST_F(EngineTest, ANodeMayFeedItself) {
  start(0);
  TestPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  in.push(frame_beginning(3));
  in.push(frame_beginning(0));
  engine_->turn();
  EXPECT_EQ(out.take().size(), 2u);
  EXPECT_EQ(counter("test-counter"), 2u);
}

TEST_F(EngineTest, AFullQueueDropsUnderAReason) {
  start(0, 16384);
  const unsigned before = available();
  TestPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  in.push(frame_beginning(4));
  engine_->turn();
  EXPECT_EQ(out.take().size(), NodeQueue::kSize);
  EXPECT_EQ(counter("graph-queue-full"), 1u);
  EXPECT_EQ(available(), before);
}

TEST_F(EngineTest, OutputDropsAreCountedAgainstTheWayOut) {
  start(0);
  TestPort in(engine_->pools()), out(engine_->pools(), {.max_frame = 100});
  engine_->bind(in, in_, input_);
  in.push(frame_beginning(0));
  engine_->turn();
  EXPECT_EQ(counter("interface-down"), 1u);  // no port
  engine_->interfaces()[out_].port = &out;
  engine_->interfaces()[out_].link_up = false;
  in.push(frame_beginning(0));
  engine_->turn();
  EXPECT_EQ(counter("interface-down"), 2u);
  engine_->interfaces()[out_].link_up = true;
  in.push(frame_beginning(0, 101));
  engine_->turn();
  EXPECT_EQ(counter("frame-too-long"), 1u);
  out.set_broken(true);
  in.push(frame_beginning(0));
  engine_->turn();
  EXPECT_EQ(counter("tx-failed"), 1u);
  EXPECT_EQ(interface_counter(out_, stats::tx_drops), 4u);
  EXPECT_EQ(interface_counter(out_, stats::tx_errors), 1u);
  EXPECT_EQ(interface_counter(out_, stats::tx_packets), 0u);
}

TEST_F(EngineTest, NoPacketGoesRoundForEver) {
  start(0);
  const unsigned before = available();
  ASSERT_TRUE(engine_->inject(input_, TestPort::make_packet(engine_->pools(), frame_beginning(5))));
  engine_->turn();
  EXPECT_EQ(counter("graph-loop"), 1u);
  EXPECT_EQ(counter("test-input", 1), PacketMeta::kMostRounds) << "with the injection, and the one that was too much";
  // Nor by way of the control thread.
  rte_mbuf* packet = TestPort::make_packet(engine_->pools(), frame_beginning(0));
  meta(packet).flags = PacketMeta::one_round * PacketMeta::kMostRounds;
  ASSERT_TRUE(engine_->inject(engine_->graph().node("port-tx"), packet));
  engine_->turn();
  EXPECT_EQ(counter("graph-loop"), 2u);
  EXPECT_EQ(available(), before);
}

TEST_F(EngineTest, DisabledInterfacesReceiveNothing) {
  start(0);
  TestPort in(engine_->pools()), kernel(engine_->pools(), {}, PacketMeta::from_tap), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->interfaces()[in_].admin_up = false;
  engine_->bind(in, in_, input_);
  engine_->bind(kernel, in_, input_);
  in.push(frame_beginning(0));
  kernel.push(frame_beginning(0));  // from the kernel's side: judged where it leaves
  engine_->turn();
  EXPECT_EQ(counter("input-interface-down"), 1u);
  EXPECT_EQ(interface_counter(in_, stats::rx_drops), 1u);
  EXPECT_EQ(interface_counter(in_, stats::rx_packets), 1u);
  EXPECT_EQ(out.take().size(), 1u);
}

TEST_F(EngineTest, CountsWhatPortsLose) {
  start(0);
  TestPort in(engine_->pools());
  in.losses().malformed = 7;  // before it was bound: nobody's
  engine_->bind(in, in_, input_);
  in.losses().malformed += 2;
  in.losses().segments += 3;
  in.losses().no_buffer += 4;
  in.losses().waits += 5;
  engine_->turn();
  engine_->turn();
  EXPECT_EQ(counter("rx-malformed"), 2u);
  EXPECT_EQ(counter("rx-segments"), 3u);
  EXPECT_EQ(counter("rx-no-buffer"), 4u);
  EXPECT_EQ(counter("rx-waits"), 5u);
  EXPECT_EQ(interface_counter(in_, stats::rx_errors), 9u);
}

TEST_F(EngineTest, GroupsByInterfaceInOrder) {
  start(0);
  std::vector<std::unique_ptr<TestPort>> ports;
  std::vector<IfId> ids;
  for (int i = 0; i < 5; i++) {
    ids.push_back(add(("p" + std::to_string(i)).c_str()));
    ports.push_back(std::make_unique<TestPort>(engine_->pools()));
    engine_->interfaces()[ids.back()].port = ports.back().get();
  }
  for (uint8_t i = 0; i < 200; i++) {
    rte_mbuf* packet = TestPort::make_packet(engine_->pools(), frame_beginning(i));
    meta(packet).tx_if = ids[i % 5];
    ASSERT_TRUE(engine_->inject(engine_->graph().node("port-tx"), packet));
  }
  for (int i = 0; i < 10; i++) {
    engine_->turn();
  }
  for (size_t p = 0; p < 5; p++) {
    const auto sent = ports[p]->take();
    ASSERT_EQ(sent.size(), 40u);
    for (size_t i = 0; i < sent.size(); i++) {
      EXPECT_EQ(sent[i].frame[0], i * 5 + p);
    }
  }
}

TEST_F(EngineTest, InjectionFailsWhenTheQueueIsFull) {
  start(0);
  const unsigned before = available();
  engine_->interfaces()[out_].port = nullptr;
  unsigned taken = 0;
  while (engine_->inject(input_, TestPort::make_packet(engine_->pools(), frame_beginning(1)))) {
    taken++;
  }
  EXPECT_GT(taken, 1000u);
  EXPECT_EQ(counter("inject-queue-full"), 1u);
  while (counter("test-drop") < taken) {
    engine_->turn();
  }
  EXPECT_EQ(available(), before);
}

TEST_F(EngineTest, ClearsCounters) {
  start(0);
  engine_->count_drop(state_.drop, 5);
  engine_->count(state_.counter, 3);
  count_interface(in_, stats::rx_errors, 9);
  EXPECT_EQ(counter("test-drop"), 5u);
  EXPECT_EQ(counter("test-counter"), 3u);
  EXPECT_EQ(interface_counter(in_, stats::rx_errors), 9u);
  engine_->clear_counters();
  EXPECT_EQ(counter("test-drop"), 0u);
  EXPECT_EQ(interface_counter(in_, stats::rx_errors), 0u);
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

TEST_F(EngineTest, SleepsWhenIdleAndKeepsItsHeartbeat) {
  start(1);
  auto null = open_null();
  engine_->bind(*null, in_, input_);
  auto reader = stats::Reader::open(folder_.path() + "/stats");
  ASSERT_TRUE(reader);
  std::this_thread::sleep_for(50ms);
  const uint64_t beats = reader->header().worker_heartbeat[1];
  const double before = cpu_seconds();
  std::this_thread::sleep_for(1s);
  EXPECT_LT(cpu_seconds() - before, 0.01);
  EXPECT_GE(reader->header().worker_heartbeat[1], beats + 5);
  const auto state = engine_->workers().at(0);
  EXPECT_GE(state.sleeps, 5u);
  ASSERT_EQ(state.queues.size(), 1u);
  EXPECT_EQ(state.queues[0].interface, in_);
  EXPECT_EQ(state.queues[0].of, 1u);
  engine_->unbind(*null);
}

TEST_F(EngineTest, IsWokenByPacketsAndNotByItsTimer) {
  start(1);
  EventPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  std::vector<double> waits;
  for (unsigned i = 1; i <= 51; i++) {
    std::this_thread::sleep_for(2ms);
    const auto before = std::chrono::steady_clock::now();
    if (i % 2 == 0) {
      in.signal();
    } else {
      ASSERT_TRUE(engine_->inject(input_, TestPort::make_packet(engine_->pools(), frame_beginning(0))));
    }
    while (out.sent_.load() < i) {
      ASSERT_LT(std::chrono::steady_clock::now() - before, 5s);
      std::this_thread::yield();
    }
    waits.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before).count());
  }
  std::sort(waits.begin(), waits.end());
  // Its own timer would wake it after 100 ms, 50 on average; how soon it really is, `./dev bench` tells.
  EXPECT_LT(waits[waits.size() / 2], 20'000);
  engine_->unbind(in);
}

TEST_F(EngineTest, SynchronizeWaitsForABusyWorker) {
  start(1);
  EventPort in(engine_->pools()), out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  engine_->bind(in, in_, input_);
  for (int i = 0; i < 100; i++) {
    in.signal();
    engine_->interfaces()[out_].port = nullptr;
    engine_->synchronize();
    engine_->interfaces()[out_].port = &out;
  }
  bool freed = false;
  engine_->qsbr().retire([&] { freed = true; });
  engine_->synchronize();
  EXPECT_TRUE(freed);
  engine_->unbind(in);
}

TEST_F(EngineTest, ADeletedDeviceDoesNotKeepTheWorkerAwake) {
  start(1);
  const TestNetns netns;
  auto tap = open_tap({.name = "gone", .netns = netns.fd(), .adopted = {}, .mac = {}}, engine_->pools());
  ASSERT_TRUE(tap) << tap.error().text();
  ASSERT_TRUE(netns.run("ip link set gone up"));
  engine_->bind(**tap, in_, input_);
  ASSERT_TRUE(netns.run("ip link del gone"));
  EXPECT_FALSE((*tap)->link_up());
  std::this_thread::sleep_for(100ms);
  const double before = cpu_seconds();
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(cpu_seconds() - before, 0.02);
  engine_->unbind(**tap);
}

TEST_F(EngineTest, WorkersShareTheWayOut) {
  start(3);
  std::array<std::unique_ptr<EventPort>, 4> in;
  EventPort out(engine_->pools());
  engine_->interfaces()[out_].port = &out;
  for (auto& port : in) {
    port = std::make_unique<EventPort>(engine_->pools());
    engine_->bind(*port, in_, input_);
  }
  for (const auto& worker : engine_->workers()) {
    EXPECT_GE(worker.queues.size(), 1u);
    EXPECT_LE(worker.queues.size(), 2u);
  }
  constexpr unsigned kSignals = 200;
  for (unsigned i = 0; i < kSignals; i++) {
    for (auto& port : in) {
      port->signal();
    }
  }
  for (int tries = 0; tries < 500 && out.sent_.load() < kSignals * in.size(); tries++) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(out.sent_.load(), kSignals * in.size());
  EXPECT_EQ(interface_counter(out_, stats::tx_packets), kSignals * in.size());
  for (auto& port : in) {
    engine_->unbind(*port);
  }
}

TEST_F(EngineTest, EachWorkerHasItsQueues) {
  start(3);
  EventPort in(engine_->pools(), 3), single(engine_->pools()), pair(engine_->pools(), 2);
  EventPort out(engine_->pools(), 3);
  engine_->interfaces()[out_].port = &out;
  engine_->bind(single, in_, input_);
  engine_->bind(in, in_, input_);
  engine_->bind(pair, in_, input_);
  const auto workers = engine_->workers();
  for (unsigned i = 0; i < 3; i++) {
    EXPECT_EQ(workers[i].queues.size(), 2u) << i;  // six queues, dealt out evenly
    EXPECT_EQ(std::count_if(workers[i].queues.begin(), workers[i].queues.end(),
                            [&](const auto& q) { return q.of == 3 && q.queue == i; }),
              1);
  }
  // What comes in on queue i goes out on queue i.
  for (unsigned i = 0; i < 3; i++) {
    auto& queue = static_cast<EventPort&>(in.queue(i));
    auto& way_out = static_cast<EventPort&>(out.queue(i));
    for (unsigned n = 0; n < 50 * (i + 1); n++) {
      queue.signal();
    }
    for (int tries = 0; tries < 500 && way_out.sent_.load() < 50 * (i + 1); tries++) {
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(way_out.sent_.load(), 50 * (i + 1));
  }
  // With fewer queues than workers some share one.
  EXPECT_EQ(&pair.queue_of_worker(0), &pair);
  EXPECT_EQ(&pair.queue_of_worker(1), &pair.queue(1));
  EXPECT_EQ(&pair.queue_of_worker(2), &pair);
  for (Port* port : {&in, &single, &pair}) {
    engine_->unbind(*port);
  }
  for (const auto& worker : engine_->workers()) {
    EXPECT_TRUE(worker.queues.empty());
  }
}

TEST_F(EngineTest, NamesKeepTheirIds) {
  start(0);
  auto& table = engine_->interfaces();
  table.release(in_);
  EXPECT_FALSE(table.find("in0").valid());
  const auto other = table.allocate("other");
  ASSERT_TRUE(other);
  EXPECT_NE(*other, in_);
  const auto again = table.allocate("in0");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, in_);
  EXPECT_FALSE(table.allocate("in0"));
  EXPECT_FALSE(table.allocate("a-name-that-is-too-long"));
  EXPECT_EQ(table.find("other"), *other);
  EXPECT_EQ(table.all().size(), 3u);
}

}  // namespace
}  // namespace floof::engine
