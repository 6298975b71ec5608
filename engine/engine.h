// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine of floof-dataplane: EAL, pools, interfaces, workers, shared counters. One per process.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/dataplane/qsbr.h"
#include "base/dataplane/stats_segment.h"
#include "base/event_loop.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/graph.h"
#include "engine/interface_events.h"
#include "engine/port.h"
#include "engine/sample_ring.h"

namespace floof::engine {

/// An interface as workers see it. Written by the control thread only; fields that change while workers read are
/// atomics. Lives at a fixed address for the life of the process (slot of InterfaceTable). An interface is not a port:
/// several may share one (VLANs), and what tells their frames apart is `tags`.
struct alignas(64) Interface {
  std::atomic<bool> used{false};
  std::atomic<bool> admin_up{false};
  std::atomic<bool> link_up{false};
  std::atomic<uint8_t> tag_bytes{0};        ///< 0, 4 or 8: of `tags`
  std::atomic<uint16_t> mtu{1500};          ///< largest IP packet, bytes
  std::atomic<uint16_t> parent{0};          ///< IfId of the interface whose port this one shares; 0: it is its own
  std::atomic<Port*> port{nullptr};         ///< nullptr: loopback or device missing
  std::atomic<Port*> kernel_port{nullptr};  ///< the TAP of the same name in the router's netns
  std::atomic<uint64_t> mac_bits{0};        ///< the six bytes in the low 48 bits, first byte lowest
  std::atomic<uint64_t> tags{0};            ///< VLAN tags that go behind the MAC addresses, first byte lowest (tags.h)
  std::atomic<uint32_t> tags_kept{0};  ///< bits of the first tag that stay as they came, if there was one: priority
  std::atomic<uint16_t> sender{0};     ///< without a port: the node to send by (GraphBuilder::add_sender); 0: none
  std::atomic<uint16_t> vrf{0};        ///< VrfId, whose routes packets that come in take; see InterfaceTable::set_vrf
  char name[16] = {};

  Mac mac() const;
  void set_mac(const Mac& mac);
  /// It shares no port, and what it sends has no tags. Control thread.
  void send_untagged();
  bool up() const { return admin_up.load(std::memory_order_relaxed) && link_up.load(std::memory_order_relaxed); }
};

static_assert(sizeof(Interface) == 64);

/// The six bytes in the low 48 bits, first byte lowest.
uint64_t bits_of(const Mac& mac);

/// MAC addresses of an interface beside its own, such as those of VRRP (RFC 9568). Immutable while workers see it.
struct MoreMacs {
  static constexpr size_t kMost = 16;
  size_t count = 0;
  std::array<uint64_t, kMost> bits;  ///< as in Interface::mac_bits
};

class InterfaceTable {
 public:
  /// Workers. `id` must be below kMaxInterfaces; unused slots have used == false.
  const Interface& operator[](IfId id) const { return slots_[id.value()]; }
  Interface& operator[](IfId id) { return slots_[id.value()]; }
  /// Workers: whether any interface has ever been in another VRF than the default one.
  bool has_vrfs() const { return has_vrfs_.load(std::memory_order_acquire); }
  /// Control thread. `vrf` is below kMaxVrfs.
  void set_vrf(IfId id, VrfId vrf);
  /// Control thread: a free id with this name, the same one again when the name was used before in this process.
  Result<IfId> allocate(std::string_view name);
  /// See Engine::release_interface, which does the rest, too.
  void release(IfId id);
  IfId find(std::string_view name) const;
  std::vector<IfId> all() const;

  /// Workers. Whether frames to this MAC (as in Interface::mac_bits) are the interface's. Those to its own one are
  /// forwarded by ip-fast, those to another one by the general nodes.
  bool has_mac(IfId id, uint64_t bits) const {
    if (bits == slots_[id.value()].mac_bits.load(std::memory_order_relaxed)) [[likely]] {
      return true;
    }
    const MoreMacs* const more = more_macs_[id.value()].load(std::memory_order_acquire);
    return more != nullptr &&
           std::find(more->bits.begin(), more->bits.begin() + more->count, bits) != more->bits.begin() + more->count;
  }
  /// See Engine::set_more_macs. Returns those of before.
  std::unique_ptr<const MoreMacs> exchange_more_macs(IfId id, std::unique_ptr<const MoreMacs> next) {
    return std::unique_ptr<const MoreMacs>(more_macs_[id.value()].exchange(next.release()));
  }
  ~InterfaceTable();

 private:
  std::array<Interface, kMaxInterfaces> slots_;
  std::array<std::atomic<const MoreMacs*>, kMaxInterfaces> more_macs_{};
  std::unordered_map<std::string, uint16_t> by_name_;  ///< given back ones, too
  std::set<uint16_t> given_back_;
  unsigned next_fresh_ = 1;
  std::atomic<bool> has_vrfs_{false};
};

enum class Polling { adaptive, busy };

struct EngineOptions {
  std::string run_dir;   ///< stats segment goes there
  unsigned workers = 1;  ///< threads; 0: one worker without a thread, driven by Engine::turn (tests, benches)
  Polling polling = Polling::adaptive;
  unsigned buffers = 16384;  ///< 2 KiB packet buffers
  bool allow_hugepages = true;
  std::vector<unsigned> cores;  ///< pin worker i to cores[i]; empty = not pinned
  size_t extra_memory = 0;      ///< bytes of DPDK's memory beside the pools, for what benches compare with
};

class Engine {
 public:
  /// Starts EAL (no PCI scan, no telemetry, no shared files) with hugepages if there are any, else without and a
  /// warning that says what that costs; makes pools and the stats segment. Control thread.
  static Result<std::unique_ptr<Engine>> start(EngineOptions options, EventLoop& loop);
  ~Engine();

  /// Ends the workers; packets that wait are freed. Nothing reads what nodes work on any more. Also at the end.
  void stop();

  /// Adds the engine's own nodes "interface-output", "interface-tx" (with the arc "interface-output" between them) and
  /// "port-tx", builds the graph and starts the workers. Once.
  Result<void> run(GraphBuilder&& builder);

  const EngineOptions& options() const;
  InterfaceTable& interfaces();
  InterfaceEvents& interface_events();
  /// MACs that an interface has beside its own, from now on; its device must be promiscuous, as all are. Errors: there
  /// are more than MoreMacs::kMost. Control thread.
  Result<> set_more_macs(IfId id, std::span<const Mac> macs);
  /// Gives the id back, with all features of arcs switched off that were on for it, and returns when no worker uses it.
  void release_interface(IfId id);
  const Pools& pools() const;
  Graph& graph();
  Qsbr& qsbr();
  EventLoop& loop();
  bool hugepages() const;
  unsigned worker_count() const;  ///< also without threads: 1

  /// Lets workers receive from `port` for `interface` into node `input` (e.g. "ip-fast"); returns when they have taken
  /// it. With a queue for each worker, worker i gets queue i; fewer queues go to the workers that have least to serve.
  /// The port must stay alive until `unbind` has returned. Control thread.
  void bind(Port& port, IfId interface, NodeId input);
  void unbind(Port& port);
  /// Returns after every worker has passed a quiescent state: pointers that were unlinked before may be freed.
  void synchronize();

  /// Hands a packet made on the control thread to a worker, into node `node`. Takes ownership. False: ring full, freed.
  bool inject(NodeId node, rte_mbuf* packet);

  /// Who takes samples of packets: `handler` gets what nodes take for it by NodeContext::take_sample, on the control
  /// thread, in the loop.
  SamplerId add_sampler(SampleRing::Handler handler);
  /// No worker takes any for it any more (unlink, `synchronize`). Not from inside a handler.
  void remove_sampler(SamplerId id);

  /// One turn of the worker of an engine without threads (workers == 0); returns how many packets came in.
  unsigned turn();

  /// Counts on the control thread, for packets that it drops or handles itself.
  void count_drop(DropId reason, uint64_t packets = 1);
  void count(CounterId counter, uint64_t by = 1);
  void count(VectorId id, uint32_t element, uint64_t by = 1);

  /// Counters that come and go while packets flow, such as one for each rule of a list: `elements` of them, all zero.
  /// Nodes count by NodeContext::count. Control thread; the graph runs. Errors: there are too many, or no memory.
  Result<VectorId> add_counters(std::string_view name, std::string_view unit, std::string_view help, uint32_t elements);
  /// More of them, or fewer; those that stay keep their values.
  Result<> resize_counters(VectorId id, uint32_t elements);
  /// Nothing counts by it any more: unlink what does, then `synchronize`, then this.
  void remove_counters(VectorId id);

  /// Zeroes all counters of the segment, each block on the thread that writes it.
  void clear_counters();
  /// Tells the supervisor that the control thread lives, inside work that keeps it from its loop for more than
  /// 500 ms (the loop itself does this every 100 ms).
  void beat();

  struct WorkerState {
    unsigned index;
    int core;  ///< where it was last seen, -1 before its first turn
    bool pinned, sleeping;
    uint64_t turns, packets, sleeps;
    struct Queue {
      IfId interface;
      unsigned queue, of;  ///< `of` of the port's queues this is number `queue`, from 0
      bool kernel;         ///< of the interface's TAP in the router's namespace, not of its own port
    };
    std::vector<Queue> queues;  ///< that it receives from
  };
  std::vector<WorkerState> workers();

  /// Names an interface in the stats segment (empty: unused) and zeroes nothing. Control thread.
  void name_interface(IfId id, std::string_view name);
  /// Everything of an earlier dataplane that is to come back has come back (StatsWriter::forget_earlier).
  void forget_earlier_counters();

  struct DropSample {
    DropId reason;
    IfId interface;
    uint64_t age_us;
    uint32_t length;            ///< of the whole packet
    std::vector<uint8_t> head;  ///< first bytes, at most 128
  };
  /// The last dropped packets of each reason, newest first. Control thread; may race with a writer, then that sample
  /// is left out.
  std::vector<DropSample> drop_samples() const;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Counts on the control thread or worker that calls (its own block of the stats segment).
void count_interface(IfId interface, stats::InterfaceSlot slot, uint64_t by);

}  // namespace floof::engine
