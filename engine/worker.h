// SPDX-License-Identifier: GPL-3.0-or-later
//
// A worker turns: takes vectors of packets from the ports bound to it and from the control thread, runs the graph until
// no node has packets waiting, announces a quiescent state. Nodes run in the order of their rank, so that upstream
// nodes fill a vector before the next one takes it. When nothing came for a short while it sleeps in epoll_wait.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/dataplane/qsbr.h"
#include "base/fd.h"
#include "engine/engine.h"
#include "engine/graph.h"
#include "engine/stats_writer.h"

struct rte_ring;

namespace floof::engine {

/// Starts on a cache line of its own, as does all that it allocates and writes while packets flow.
class alignas(64) Worker {
 public:
  struct Setup {
    unsigned index = 0;
    Graph* graph = nullptr;
    InterfaceTable* interfaces = nullptr;
    Qsbr* qsbr = nullptr;
    StatsWriter* stats = nullptr;
    Polling polling = Polling::adaptive;
    int core = -1;  ///< to pin to; -1 = not pinned
    SampleRing* samples = nullptr;
  };
  static constexpr unsigned kSamples = 4;
  static constexpr unsigned kSampleBytes = 128;

  /// Control thread; the graph, tables and the segment must outlive the worker.
  static Result<std::unique_ptr<Worker>> create(Setup setup);
  ~Worker();

  // -- Control thread ---------------------------------------------------------------------------------------------
  /// All workers, this one too, by index. Before `start`; they end before any is destroyed.
  void set_peers(std::vector<Worker*> peers) { peers_ = std::move(peers); }
  void start();
  /// Ends and joins the thread. Packets that wait are freed.
  void stop();
  /// Runs `task` on the worker between two turns and returns when it is done. Without a thread: at once, here.
  void call(const std::function<void()>& task);
  /// Takes ownership; false: the queue is full and the packet was freed. Any thread.
  bool inject(NodeId node, rte_mbuf* packet);
  void bind(Port& port, IfId interface, NodeId input);
  /// False: this worker does not have it.
  bool unbind(Port& port);
  /// Where a vector of counters is from now on; what it counted comes along. Returns when it is so.
  void set_counters(VectorId id, const CounterVector& to);
  Engine::WorkerState state() const;
  void collect_samples(std::vector<Engine::DropSample>& out) const;

  // -- Worker thread ----------------------------------------------------------------------------------------------
  /// Polls everything once and runs the graph; returns how many packets came in. The thread does this in a loop;
  /// a worker that was not started may be driven by calls (tests, benches).
  unsigned turn();
  /// Hands packets straight to a node; they run at the next `turn`.
  void feed(NodeId node, std::span<rte_mbuf*> packets);
  /// See NodeContext::hand_over and take_sample.
  void hand_over(unsigned to, NodeId node, std::span<rte_mbuf*> packets);
  bool take_sample(SamplerId sampler, const rte_mbuf& packet, uint64_t argument);
  unsigned peers() const { return static_cast<unsigned>(peers_.size()); }
  void drop(DropId reason, rte_mbuf* packet, IfId interface, stats::InterfaceSlot slot);
  /// Tells the supervisor that this worker lives, inside work on one vector that may take long.
  void beat();
  unsigned index() const { return setup_.index; }
  const InterfaceTable& interfaces() const { return *setup_.interfaces; }

 private:
  struct alignas(64) Binding {
    Port* port;
    IfId interface;
    NodeQueue* input;
    int fd;
    bool ready = false;   ///< on ready_
    bool failed = false;  ///< epoll reported an error; when it has no packets either it rests until retry_at
    uint64_t retry_at = 0;
    Port::Lost lost_seen{};
  };
  struct Node {
    Process process;
    void* state;
    std::vector<NodeQueue*> edges;
    NodeQueue* queue;
    uint32_t slot;
    bool closes_cycle;
    bool timed = false;    ///< a small vector was
    uint32_t untimed = 0;  ///< small vectors since then
  };
  struct Injected {
    rte_mbuf* packet;
    uint64_t node;
  };
  struct Sample {
    std::atomic<uint32_t> version{0};  ///< odd while it is written
    IfId interface;
    uint16_t head_bytes = 0;
    uint32_t length = 0;
    uint64_t tsc = 0;
    std::array<uint8_t, kSampleBytes> head;
  };
  struct alignas(64) Samples {
    uint64_t turn = 0;
    uint32_t in_turn = 0;
    std::atomic<uint32_t> next{0};
    std::array<Sample, kSamples> ring;
  };

  explicit Worker(Setup setup);
  void make_nodes();
  void loop();
  void sleep();
  void wake();
  void run_mail();
  void heartbeat(uint64_t now);
  unsigned poll_ready(uint64_t now);
  unsigned receive(Binding& binding);
  void count_lost(Binding& binding);
  void run_received();
  void rest(Binding& binding, uint64_t now);
  void retry_resting(uint64_t now);
  /// Asks epoll which ports have something; waits at most `timeout_ms`.
  void collect(int timeout_ms);
  unsigned take_from(rte_ring* ring);
  void run_graph();
  /// `before`: TSC now, or kUnread. Returns the TSC behind it, or kUnread. Reading the clock takes as long as a node
  /// does with one packet, so of a node's small vectors one in kClockEvery is timed and counts for all of them.
  uint64_t run_node(Node& node, uint64_t before);
  void call_node(Node& node, uint64_t now);
  uint32_t drop_loops(std::span<rte_mbuf*> packets);
  void free_trash();
  void sample(DropId reason, const rte_mbuf& packet, IfId interface);

  Setup setup_;
  Lane lane_;
  std::unique_ptr<NodeQueue[]> queues_;  ///< by rank
  std::vector<Node> nodes_;              ///< by rank
  std::vector<NodeQueue*> by_id_;
  std::unique_ptr<Samples[]> samples_;  ///< by drop reason
  std::array<rte_mbuf*, kFrameSize> trash_;
  uint32_t trash_count_ = 0;

  std::vector<std::unique_ptr<Binding>> bindings_;
  std::vector<Binding*> ready_, polled_, resting_;
  UniqueFd epoll_, wakeup_;
  std::vector<Worker*> peers_;
  rte_ring* injected_ = nullptr;     ///< by the control thread
  rte_ring* handed_over_ = nullptr;  ///< by other workers: neither keeps the other out
  unsigned reader_ = 0;
  uint64_t tsc_per_us_ = 1;
  uint64_t clock_cycles_ = 0;  ///< that reading the clock takes
  uint64_t turn_number_ = 0;
  uint64_t received_bytes_ = 0;  ///< that wait for the graph
  uint64_t now_ = 0, last_packet_ = 0, last_collect_ = 0, last_heartbeat_ = 0;

  std::thread thread_;
  std::atomic<bool> stop_{false}, sleeping_{false}, has_mail_{false};
  std::mutex mail_mutex_;
  std::vector<std::function<void()>> mail_;
  std::atomic<uint64_t> turns_{0}, packets_{0}, sleeps_{0};
  std::atomic<int> cpu_{-1};
};

}  // namespace floof::engine
