// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/engine.h"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "engine/counting.h"
#include "engine/eal.h"
#include "engine/graph_impl.h"
#include "engine/port_tx.h"
#include "engine/stats_writer.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

constexpr auto kBeat = std::chrono::milliseconds(100);

struct CountingThread {
  uint64_t* block = nullptr;
  uint32_t interface_slots = 0;
};
constinit thread_local CountingThread counting;

void add(uint64_t* block, uint32_t slot, uint64_t by) {
  std::atomic_ref<uint64_t> value(block[slot]);
  value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

void set_counting_thread(uint64_t* block, uint32_t interface_slots) { counting = {block, interface_slots}; }

void count_interface(IfId interface, stats::InterfaceSlot slot, uint64_t by) {
  if (counting.block != nullptr) {
    add(counting.block, counting.interface_slots + interface.value() * stats::kPerInterface + slot, by);
  }
}

struct Engine::Impl {
  EngineOptions options;
  EventLoop& loop;
  bool hugepages = false;
  Pools pools;
  Qsbr qsbr;
  std::unique_ptr<InterfaceTable> interfaces = std::make_unique<InterfaceTable>();
  InterfaceEvents events;
  OutputState output;
  std::unique_ptr<Graph> graph;
  std::unique_ptr<StatsWriter> stats;
  std::unique_ptr<SampleRing> samples;
  std::vector<std::unique_ptr<Worker>> workers;
  struct Bound {
    Port* port;
    Port* queue;
    Worker* worker;
    Engine::WorkerState::Queue state;
  };
  std::vector<Bound> bound;
  EventLoop::TimerId timer = 0;

  Impl(EngineOptions o, EventLoop& l) : options(std::move(o)), loop(l) {}

  Worker& least_bound() {
    auto count = [&](const auto& worker) {
      return std::count_if(bound.begin(), bound.end(), [&](const auto& b) { return b.worker == worker.get(); });
    };
    return **std::min_element(workers.begin(), workers.end(),
                              [&](const auto& a, const auto& b) { return count(a) < count(b); });
  }
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Engine>> Engine::start(EngineOptions options, EventLoop& loop) {
  if (options.workers >= stats::kMaxWorkers) {
    return Error{"dataplane workers", fmt::format("{} workers are too many", options.workers),
                 fmt::format("use at most {}", stats::kMaxWorkers - 1)};
  }
  auto eal = start_eal(pool_bytes(options.buffers), options.allow_hugepages, options.extra_memory);
  if (!eal) {
    return eal.error();
  }
  auto pools = make_pools(options.buffers);
  if (!pools) {
    return pools.error();
  }
  auto impl = std::make_unique<Impl>(std::move(options), loop);
  impl->hugepages = eal->hugepages;
  impl->pools = *pools;
  auto samples = SampleRing::create(loop);
  if (!samples) {
    return samples.error();
  }
  impl->samples = std::move(*samples);
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::~Engine() {
  impl_->loop.cancel(impl_->timer);
  stop();
  impl_->workers.clear();
  set_counting_thread(nullptr, 0);
  free_pools(impl_->pools);
}

void Engine::stop() {
  for (auto& worker : impl_->workers) {
    worker->stop();
  }
  impl_->qsbr.drain();
}

Result<void> Engine::run(GraphBuilder&& builder) {
  impl_->output.interfaces = impl_->interfaces.get();
  impl_->output.pools = impl_->pools;
  register_output_nodes(builder, impl_->output);
  auto graph = Graph::build(std::move(builder));
  if (!graph) {
    return graph.error();
  }
  impl_->graph = std::move(*graph);
  const unsigned count = std::max(impl_->options.workers, 1u);
  auto stats = StatsWriter::create(impl_->options.run_dir, *impl_->graph, count, rte_get_tsc_hz());
  if (!stats) {
    return stats.error();
  }
  impl_->stats = std::move(*stats);
  for (IfId id : impl_->interfaces->all()) {
    name_interface(id, (*impl_->interfaces)[id].name);
  }
  set_counting_thread(impl_->stats->block(0), impl_->stats->interface_slots());
  for (unsigned i = 0; i < count; i++) {
    Worker::Setup setup{
        i,  impl_->graph.get(),  impl_->interfaces.get(), &impl_->qsbr, impl_->stats.get(), impl_->options.polling,
        -1, impl_->samples.get()};
    if (i < impl_->options.cores.size()) {
      setup.core = static_cast<int>(impl_->options.cores[i]);
    }
    auto worker = Worker::create(setup);
    if (!worker) {
      return worker.error();
    }
    impl_->workers.push_back(std::move(*worker));
  }
  std::vector<Worker*> all;
  for (auto& worker : impl_->workers) {
    all.push_back(worker.get());
  }
  for (auto& worker : impl_->workers) {
    worker->set_peers(all);
  }
  if (impl_->options.workers > 0) {
    for (auto& worker : impl_->workers) {
      worker->start();
    }
  }
  if (impl_->stats) {
    impl_->stats->header().threads[0].store(gettid(), std::memory_order_relaxed);
  }
  beat();
  impl_->timer = impl_->loop.every(kBeat, [this] {
    beat();
    impl_->qsbr.reclaim();
  });
  return {};
}

void Engine::beat() {
  if (impl_->stats) {
    impl_->stats->header().control_heartbeat.fetch_add(1, std::memory_order_relaxed);
  }
}

const EngineOptions& Engine::options() const { return impl_->options; }
InterfaceTable& Engine::interfaces() { return *impl_->interfaces; }
InterfaceEvents& Engine::interface_events() { return impl_->events; }

Result<> Engine::set_more_macs(IfId id, std::span<const Mac> macs) {
  if (macs.size() > MoreMacs::kMost) {
    return Error{fmt::format("interface {}", interfaces()[id].name), fmt::format("has {} MAC addresses", macs.size()),
                 fmt::format("give it at most {} beside its own", MoreMacs::kMost)};
  }
  auto next = macs.empty() ? nullptr : std::make_unique<MoreMacs>();
  for (const Mac& mac : macs) {
    next->bits[next->count++] = bits_of(mac);
  }
  if (const auto old = interfaces().exchange_more_macs(id, std::move(next))) {
    synchronize();
  }
  return {};
}

void Engine::release_interface(IfId id) {
  if (impl_->graph) {
    impl_->graph->disable_all(id);
  }
  name_interface(id, "");
  (void)set_more_macs(id, {});
  impl_->interfaces->release(id);
  synchronize();
}

const Pools& Engine::pools() const { return impl_->pools; }
Graph& Engine::graph() { return *impl_->graph; }
Qsbr& Engine::qsbr() { return impl_->qsbr; }
EventLoop& Engine::loop() { return impl_->loop; }
bool Engine::hugepages() const { return impl_->hugepages; }
unsigned Engine::worker_count() const { return std::max(impl_->options.workers, 1u); }

void Engine::bind(Port& port, IfId interface, NodeId input) {
  auto& workers = impl_->workers;
  const bool kernel = impl_->interfaces->operator[](interface).kernel_port.load() == &port;
  for (unsigned i = 0; i < port.queues(); i++) {
    // The same number everywhere: then both directions of a flow between two such ports meet on one worker.
    Worker& worker = port.queues() >= workers.size() ? *workers[i % workers.size()] : impl_->least_bound();
    worker.bind(port.queue(i), interface, input);
    impl_->bound.push_back({&port, &port.queue(i), &worker, {interface, i, port.queues(), kernel}});
  }
}

void Engine::unbind(Port& port) {
  std::erase_if(impl_->bound, [&](const auto& bound) {
    if (bound.port != &port) {
      return false;
    }
    bound.worker->unbind(*bound.queue);
    return true;
  });
}

void Engine::synchronize() {
  impl_->qsbr.retire([] {});
  impl_->qsbr.drain();
}

bool Engine::inject(NodeId node, rte_mbuf* packet) {
  // Packets of one flow stay in order: always the same worker for one hash.
  Worker& worker = *impl_->workers[notes(packet).flow_hash % impl_->workers.size()];
  if (worker.inject(node, packet)) {
    return true;
  }
  count_drop(impl_->graph->impl().control_queue_full);
  return false;
}

SamplerId Engine::add_sampler(SampleRing::Handler handler) { return impl_->samples->add(std::move(handler)); }
void Engine::remove_sampler(SamplerId id) { impl_->samples->remove(id); }

unsigned Engine::turn() { return impl_->workers.front()->turn(); }

void Engine::count_drop(DropId reason, uint64_t packets) {
  add(impl_->stats->block(0), impl_->stats->drop_slots() + reason.value(), packets);
}

void Engine::count(CounterId counter, uint64_t by) {
  add(impl_->stats->block(0), impl_->stats->counter_slots() + counter.value(), by);
}

void Engine::count(VectorId id, uint32_t element, uint64_t by) {
  if (const CounterVector vector = impl_->stats->vector(id); element < vector.elements) {
    add(impl_->stats->block(0), vector.first_slot + element, by);
  }
}

Result<VectorId> Engine::add_counters(std::string_view name, std::string_view unit, std::string_view help,
                                      uint32_t elements) {
  auto id = impl_->stats->add(name, unit, help, elements);
  if (id) {
    for (auto& worker : impl_->workers) {
      worker->set_counters(*id, impl_->stats->vector(*id));
    }
  }
  return id;
}

Result<> Engine::resize_counters(VectorId id, uint32_t elements) {
  const CounterVector from = impl_->stats->vector(id);
  const auto to = impl_->stats->begin_resize(id, elements);
  if (!to) {
    return to.error();
  }
  impl_->stats->move_block(0, from, *to);
  for (auto& worker : impl_->workers) {
    worker->set_counters(id, *to);
  }
  impl_->stats->finish_resize(id, *to);
  return {};
}

void Engine::remove_counters(VectorId id) {
  for (auto& worker : impl_->workers) {
    worker->set_counters(id, {});
  }
  impl_->stats->move_block(0, impl_->stats->vector(id), {});
  impl_->stats->remove(id);
}

void Engine::clear_counters() {
  auto clear = [this](unsigned block) {
    for (uint32_t slot = 0; slot < impl_->stats->slots(); slot++) {
      std::atomic_ref<uint64_t>(impl_->stats->block(block)[slot]).store(0, std::memory_order_relaxed);
    }
  };
  clear(0);
  for (auto& worker : impl_->workers) {
    worker->call([&] { clear(worker->index() + 1); });
  }
}

std::vector<Engine::WorkerState> Engine::workers() {
  std::vector<WorkerState> out;
  for (auto& worker : impl_->workers) {
    out.push_back(worker->state());
    for (const auto& bound : impl_->bound) {
      if (bound.worker == worker.get()) {
        out.back().queues.push_back(bound.state);
      }
    }
  }
  return out;
}

void Engine::forget_earlier_counters() {
  if (impl_->stats) {
    impl_->stats->forget_earlier();
  }
}

void Engine::name_interface(IfId id, std::string_view name) {
  if (impl_->stats) {
    impl_->stats->name_interface(id, name);
  }
}

std::vector<Engine::DropSample> Engine::drop_samples() const {
  std::vector<DropSample> out;
  for (const auto& worker : impl_->workers) {
    worker->collect_samples(out);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.age_us < b.age_us; });
  return out;
}

}  // namespace floof::engine
