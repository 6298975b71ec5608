// SPDX-License-Identifier: GPL-3.0-or-later
//
// The vector graph. Nodes are registered once at start; each worker runs its own copy of their state in a fixed order.
// A node gets a vector of up to kFrameSize packets and must pass on every one: to one of its declared edges, to the
// next feature of an arc, or to a named drop reason.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dataplane/stats_segment.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/packet.h"
#include "engine/sample_ring.h"

namespace floof::engine {

inline constexpr unsigned kFrameSize = 256;

using NodeId = Id<struct NodeTag, uint16_t, UINT16_MAX>;
using DropId = Id<struct DropTag, uint16_t, UINT16_MAX>;
using CounterId = Id<struct CounterTag, uint32_t, UINT32_MAX>;
/// A vector of counters, see Engine::add_counters and GraphBuilder::declare_interface_counter.
using VectorId = Id<struct VectorTag, uint16_t, UINT16_MAX>;
using ArcId = Id<struct ArcTag, uint8_t, UINT8_MAX>;

class Worker;
class NodeContext;
class StageVector;
struct OutputState;

using Process = void (*)(NodeContext& node, std::span<rte_mbuf*> packets);
/// What a feature does on the fast way, see stage.h. `state` is that of its node.
using Stage = void (*)(StageVector& vector, void* state);

struct NodeSpec {
  std::string_view name;  ///< same as its source file, with dashes: "ip4-input"
  std::string_view help;
  Process process = nullptr;
  std::vector<std::string_view> next;  ///< edge i leads to the node of this name
  void* state = nullptr;               ///< what NodeContext::state<T>() returns; outlives the graph
  std::vector<std::string_view> arcs;  ///< arcs that it starts; only for the order of nodes and the picture
};

/// Collects nodes, arcs, drop reasons and counters from the features at start. Control thread, before `build`.
class GraphBuilder {
 public:
  void add_node(NodeSpec spec);

  /// Lets a node that was added already, of another feature perhaps, hand packets to `to` as well. The number of that
  /// edge.
  unsigned add_edge(std::string_view from, std::string_view to);

  /// A node that interfaces without a port send by, such as those of bridges: Interface::sender is what this returns.
  /// It gets their frames with tags, counted as sent; what is left to a device (PacketMeta) is left to it.
  uint16_t add_sender(std::string_view node);

  /// A feature arc: packets of interfaces that enable nothing on it go straight to `end`. The same arc again (same
  /// name, same end) gives the same id.
  ArcId add_arc(std::string_view name, std::string_view end_node);
  struct Feature {
    std::string_view arc;
    std::string_view node;                 ///< must be added with add_node too
    std::vector<std::string_view> before;  ///< names of feature nodes on the same arc
    std::vector<std::string_view> after;
    Stage stage = nullptr;  ///< nullptr: its packets take the general way from here on
  };
  void add_feature(Feature feature);

  /// A reason to drop, unique by name ("ip4-ttl-expired"); `help` is a sentence for operators. Declaring the same name
  /// again gives the same id, so that features can share a reason.
  DropId declare_drop(std::string_view name, std::string_view help);
  CounterId declare_counter(std::string_view name, std::string_view unit, std::string_view help);
  /// One for each interface, counted by its id; `show interface` has it. The same name again gives the same one.
  VectorId declare_interface_counter(std::string_view name, std::string_view unit, std::string_view help);

 private:
  friend class Graph;
  friend void register_output_nodes(GraphBuilder& builder, OutputState& state);
  struct Arc {
    std::string name, end;
  };
  struct Named {
    std::string name, unit, help;
  };
  std::vector<NodeSpec> nodes_;
  std::vector<std::string_view> senders_;
  std::vector<std::string> edges_of_nobody_;  ///< given to add_edge as `from`, but not there
  std::vector<Arc> arcs_;
  std::vector<Feature> features_;
  std::vector<Named> drops_, counters_, interface_counters_;
};

/// The finished graph: immutable but for the arcs' per-interface switches. Errors of `build` name a missing node or
/// arc, a duplicate name, or features of an arc whose before/after form a cycle. Nodes may form cycles (an ICMP error
/// is routed like any packet), and packets that the control thread injects may come back to it: a packet that does so
/// more than PacketMeta::kMostRounds times is dropped as graph-loop.
class Graph {
 public:
  static Result<std::unique_ptr<Graph>> build(GraphBuilder&& builder);
  ~Graph();

  NodeId node(std::string_view name) const;  ///< invalid when there is none
  ArcId arc(std::string_view name) const;
  /// Switches a feature for one interface. Control thread; workers see it within one vector.
  void enable(ArcId arc, std::string_view feature_node, IfId interface, bool on);
  /// Switches all features of an interface off, on every arc.
  void disable_all(IfId interface);

  size_t nodes() const;
  std::string_view node_name(NodeId id) const;
  std::string_view drop_name(DropId id) const;
  std::string_view drop_help(DropId id) const;
  size_t drops() const;
  size_t counters() const;

  struct Impl;
  Impl& impl() { return *impl_; }
  const Impl& impl() const { return *impl_; }

 private:
  explicit Graph(std::unique_ptr<Impl> impl);
  Result<> add_nodes(const GraphBuilder& builder);
  Result<> add_arcs(const GraphBuilder& builder);
  Result<> add_arc(const GraphBuilder& builder, const GraphBuilder::Arc& arc);
  std::unique_ptr<Impl> impl_;
};

/// One node's input on one worker. A node may feed itself while it runs: entries are only taken back when it is done.
struct alignas(64) NodeQueue {
  static constexpr uint32_t kSize = 16 * kFrameSize;  ///< a node that multiplies packets (fragments) has this room
  uint32_t count = 0;
  uint32_t rank = 0;  ///< place in the order in which pending nodes run
  std::array<rte_mbuf*, kSize> packets;
};

/// Where in a block of the stats segment the elements of a vector of counters are.
struct CounterVector {
  uint32_t first_slot = 0, elements = 0;
};

/// A worker's view of an arc.
struct ArcLane {
  static constexpr unsigned kMaxFeatures = 32;
  struct StageCall {
    Stage run = nullptr;
    void* state = nullptr;
  };
  const std::atomic<uint32_t>* enabled = nullptr;  ///< by interface: bit i = feature i
  NodeQueue* end = nullptr;
  std::array<NodeQueue*, kMaxFeatures> features{};
  std::array<StageCall, kMaxFeatures> stages{};
};

/// The state of a worker that packets touch. Written by its thread only.
struct Lane {
  static constexpr unsigned kMaxNodes = 256;
  std::array<uint64_t, kMaxNodes / 64> pending{};  ///< by rank
  std::vector<ArcLane> arcs;
  uint64_t* block = nullptr;  ///< this worker's block of the stats segment
  uint32_t drop_slots = 0, counter_slots = 0, interface_slots = 0;
  std::vector<CounterVector> vectors;  ///< by id; changed by the worker itself, between two turns
  DropId worker_queue_full;
  Worker* worker = nullptr;

  void enqueue(NodeQueue& to, rte_mbuf* packet) {
    const uint32_t n = to.count;
    if (n >= NodeQueue::kSize) [[unlikely]] {
      overflow(packet);
      return;
    }
    to.packets[n] = packet;
    to.count = n + 1;
    if (n == 0) {
      pending[to.rank / 64] |= uint64_t{1} << to.rank % 64;
    }
  }
  void enqueue_all(NodeQueue& to, std::span<rte_mbuf*> packets);
  void overflow(rte_mbuf* packet);

  /// One writer per block, readers elsewhere: a plain add, but never torn.
  void add(uint32_t slot, uint64_t by) {
    std::atomic_ref<uint64_t> value(block[slot]);
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
};

/// What a node sees while it processes a vector. Worker thread only; never allocates, locks or calls the kernel.
class NodeContext {
 public:
  /// Passes a packet to edge `edge` of this node.
  void next(unsigned edge, rte_mbuf* packet) { lane_.enqueue(*edges_[edge], packet); }
  /// Passes all to one edge.
  void next_all(unsigned edge, std::span<rte_mbuf*> packets) { lane_.enqueue_all(*edges_[edge], packets); }
  /// Starts `arc` for `interface` (the packet's rx_if, or tx_if on output): its first enabled feature, else its end.
  void start_arc(ArcId arc, rte_mbuf* packet, IfId interface) {
    const ArcLane& lane = lane_.arcs[arc.value()];
    walk(lane, lane.enabled[interface.value()].load(std::memory_order_relaxed), packet);
  }
  /// The same for a vector; `side` is &PacketMeta::rx_if or &PacketMeta::tx_if.
  void start_arc_all(ArcId arc, std::span<rte_mbuf*> packets, IfId PacketMeta::*side) {
    walk_all<true>(lane_.arcs[arc.value()], packets, side);
  }
  /// By interface: the features of `arc` that are enabled there (its chain, stage.h), 0 when start_arc leads straight
  /// to the arc's end.
  const std::atomic<uint32_t>* arc_features(ArcId arc) const { return lane_.arcs[arc.value()].enabled; }
  uint32_t chain(ArcId arc, IfId interface) const {
    return arc_features(arc)[interface.value()].load(std::memory_order_acquire);
  }
  const ArcLane::StageCall& stage(ArcId arc, unsigned feature) const { return lane_.arcs[arc.value()].stages[feature]; }
  /// Hands packets to feature number `feature`, as if they had passed those before it.
  void enter_feature(ArcId arc, unsigned feature, std::span<rte_mbuf*> packets) {
    for (rte_mbuf* packet : packets) {
      meta(packet).arc_position = static_cast<uint8_t>(feature + 1);
    }
    lane_.enqueue_all(*lane_.arcs[arc.value()].features[feature], packets);
  }
  /// As if they had passed all features.
  void end_arc(ArcId arc, std::span<rte_mbuf*> packets) { lane_.enqueue_all(*lane_.arcs[arc.value()].end, packets); }
  /// From a feature node: on to the next enabled feature of `arc`, else its end.
  void next_feature(ArcId arc, rte_mbuf* packet, IfId interface) {
    const ArcLane& lane = lane_.arcs[arc.value()];
    const uint64_t enabled = lane.enabled[interface.value()].load(std::memory_order_relaxed);
    const unsigned passed = meta(packet).arc_position;
    walk(lane, static_cast<uint32_t>(enabled >> passed << passed), packet);
  }
  /// The same for a vector.
  void next_feature_all(ArcId arc, std::span<rte_mbuf*> packets, IfId PacketMeta::*side) {
    walk_all<false>(lane_.arcs[arc.value()], packets, side);
  }
  /// Counts under the reason and against rx_if (rx_drops), keeps a copy of the head for `show dataplane drops`, frees.
  void drop(DropId reason, rte_mbuf* packet);
  /// The same against tx_if (tx_drops), for nodes behind the choice of the way out.
  void drop_output(DropId reason, rte_mbuf* packet);
  /// For long work on one vector, now and then: see Worker::beat.
  void beat();
  void count(CounterId counter, uint64_t by = 1) { lane_.add(lane_.counter_slots + counter.value(), by); }
  /// An element of a vector; one that it does not have is not counted.
  void count(VectorId id, uint32_t element, uint64_t by = 1) {
    if (const CounterVector& vector = lane_.vectors[id.value()]; element < vector.elements) {
      lane_.add(vector.first_slot + element, by);
    }
  }
  /// Gives packets to another worker, into node `node` there: for what has one owner among the workers (flows that are
  /// translated or put together). Those of one giver stay in order. Nothing but the packet goes along: what it refers
  /// to (notes.adj) may be gone when it arrives. What finds no room is dropped as handover-queue-full, counted here.
  /// `worker` counts from 0; to itself it is an ordinary edge.
  void hand_over(unsigned worker, NodeId node, std::span<rte_mbuf*> packets);
  /// How many workers there are.
  unsigned workers() const;
  /// Lets a sampler (Engine::add_sampler) have the head of a packet; the packet stays the caller's. False: the ring is
  /// full, counted as samples-lost.
  bool take_sample(SamplerId sampler, const rte_mbuf* packet, uint64_t argument = 0);
  void count_interface(IfId interface, stats::InterfaceSlot slot, uint64_t by = 1) {
    lane_.add(lane_.interface_slots + interface.value() * stats::kPerInterface + slot, by);
  }
  /// Counts a drop of `packets` that somebody else frees or has freed (a port that could not send); takes no sample.
  void count_drop(DropId reason, uint64_t packets) { lane_.add(lane_.drop_slots + reason.value(), packets); }

  template <typename T>
  T& state() const {
    return *static_cast<T*>(state_);
  }
  Worker& worker() const { return *lane_.worker; }
  /// TSC when the worker called this node; with vectors of few packets, when it called one before it in this turn.
  uint64_t now() const { return now_; }

  /// Engine only: a NodeContext is made by the worker for each call of a node.
  NodeContext(Lane& lane, NodeQueue* const* edges, void* state, uint64_t now)
      : lane_(lane), edges_(edges), state_(state), now_(now) {}

 private:
  void walk(const ArcLane& lane, uint32_t enabled, rte_mbuf* packet) {
    if (enabled == 0) {
      lane_.enqueue(*lane.end, packet);
      return;
    }
    const unsigned feature = __builtin_ctz(enabled);
    meta(packet).arc_position = static_cast<uint8_t>(feature + 1);
    lane_.enqueue(*lane.features[feature], packet);
  }
  template <bool kStart>
  void walk_all(const ArcLane& lane, std::span<rte_mbuf*> packets, IfId PacketMeta::*side);

  Lane& lane_;
  NodeQueue* const* edges_;
  void* state_;
  uint64_t now_;
};

}  // namespace floof::engine
