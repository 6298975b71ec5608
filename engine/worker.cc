// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/worker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "base/crash/crash_report.h"
#include "base/log.h"
#include "engine/counting.h"
#include "engine/graph_impl.h"

namespace floof::engine {
namespace {

constexpr unsigned kInjectRing = 4096;
constexpr unsigned kSpinUs = 60;          ///< stays awake this long after a packet
constexpr unsigned kCollectEveryUs = 20;  ///< asks epoll this often while busy
constexpr unsigned kSleepMs = 100;        ///< longest sleep: heartbeats must move
constexpr unsigned kRestUs = 100'000;     ///< a port with an error and no packets is left alone this long
constexpr unsigned kHeartbeatUs = 1000;
/// Received bytes after which the graph runs before the next port is asked: many ports with super packets must neither
/// push them out of the cache nor take all large buffers at once.
constexpr uint64_t kRunAfterBytes = uint64_t{256} * 1024;
constexpr uint32_t kSmallVector = 32;
constexpr uint32_t kClockEvery = 7;  ///< of small vectors; odd, as patterns of traffic have a length of 2^n
constexpr uint64_t kUnread = 0;      ///< no TSC

uint64_t cycles_of_clock() {
  uint64_t out = UINT64_MAX;
  for (int i = 0; i < 100; i++) {
    const uint64_t before = rte_rdtsc();
    out = std::min(out, rte_rdtsc() - before);
  }
  return out;
}

}  // namespace

void Lane::overflow(rte_mbuf* packet) { worker->drop(worker_queue_full, packet, meta(packet).rx_if, stats::rx_drops); }

void Lane::enqueue_all(NodeQueue& to, std::span<rte_mbuf*> packets) {
  if (packets.size() <= 1 || to.count + packets.size() > NodeQueue::kSize) {
    for (rte_mbuf* packet : packets) {
      enqueue(to, packet);
    }
    return;
  }
  if (to.count == 0) {
    pending[to.rank / 64] |= uint64_t{1} << to.rank % 64;
  }
  std::memcpy(&to.packets[to.count], packets.data(), packets.size_bytes());
  to.count += static_cast<uint32_t>(packets.size());
}

template <bool kStart>
void NodeContext::walk_all(const ArcLane& lane, std::span<rte_mbuf*> packets, IfId PacketMeta::*side) {
  const auto ahead = [&](const rte_mbuf* packet) {
    const uint64_t enabled = lane.enabled[(meta(packet).*side).value()].load(std::memory_order_relaxed);
    const unsigned passed = kStart ? 0 : meta(packet).arc_position;
    return static_cast<uint32_t>(enabled >> passed << passed);
  };
  while (!packets.empty()) {
    const uint32_t enabled = ahead(packets.front());
    const unsigned feature = enabled == 0 ? 0 : static_cast<unsigned>(__builtin_ctz(enabled));
    size_t n = 0;
    do {
      meta(packets[n]).arc_position = static_cast<uint8_t>(feature + 1);
      n++;
    } while (n < packets.size() && ahead(packets[n]) == enabled);
    lane_.enqueue_all(enabled == 0 ? *lane.end : *lane.features[feature], packets.first(n));
    packets = packets.subspan(n);
  }
}
template void NodeContext::walk_all<true>(const ArcLane&, std::span<rte_mbuf*>, IfId PacketMeta::*);
template void NodeContext::walk_all<false>(const ArcLane&, std::span<rte_mbuf*>, IfId PacketMeta::*);

void NodeContext::drop(DropId reason, rte_mbuf* packet) {
  lane_.worker->drop(reason, packet, meta(packet).rx_if, stats::rx_drops);
}

void NodeContext::hand_over(unsigned worker, NodeId node, std::span<rte_mbuf*> packets) {
  lane_.worker->hand_over(worker, node, packets);
}

unsigned NodeContext::workers() const { return lane_.worker->peers(); }

bool NodeContext::take_sample(SamplerId sampler, const rte_mbuf* packet, uint64_t argument) {
  return lane_.worker->take_sample(sampler, *packet, argument);
}

void NodeContext::beat() { lane_.worker->beat(); }

void NodeContext::drop_output(DropId reason, rte_mbuf* packet) {
  lane_.worker->drop(reason, packet, meta(packet).tx_if, stats::tx_drops);
}

// -- Making and ending ------------------------------------------------------------------------------------------------

Worker::Worker(Setup setup) : setup_(setup) {}

Result<std::unique_ptr<Worker>> Worker::create(Setup setup) {
  auto worker = std::unique_ptr<Worker>(new Worker(setup));
  worker->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  worker->wakeup_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!worker->epoll_ || !worker->wakeup_) {
    return errno_error(fmt::format("worker {}", setup.index), "making its epoll descriptors");
  }
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(worker->epoll_.get(), EPOLL_CTL_ADD, worker->wakeup_.get(), &event);

  static std::atomic<unsigned> serial{0};
  for (rte_ring** ring : {&worker->injected_, &worker->handed_over_}) {
    const auto name = fmt::format("inject-{}", serial++);
    *ring = rte_ring_create_elem(name.c_str(), sizeof(Injected), kInjectRing, SOCKET_ID_ANY, RING_F_SC_DEQ);
    if (*ring == nullptr) {
      return Error{fmt::format("worker {}", setup.index),
                   fmt::format("no memory for its rings: {}", rte_strerror(rte_errno)), ""};
    }
  }
  worker->make_nodes();
  worker->reader_ = setup.qsbr->add_reader();
  worker->tsc_per_us_ = rte_get_tsc_hz() / 1'000'000;
  worker->clock_cycles_ = cycles_of_clock();
  return worker;
}

void Worker::make_nodes() {
  const Graph::Impl& graph = setup_.graph->impl();
  const size_t n = graph.nodes.size();
  queues_ = std::make_unique_for_overwrite<NodeQueue[]>(n);
  samples_ = std::make_unique<Samples[]>(graph.drops.size());
  nodes_.resize(n);
  by_id_.resize(n);
  for (size_t id = 0; id < n; id++) {
    const uint32_t rank = graph.nodes[id].rank;
    queues_[rank].rank = rank;
    by_id_[id] = &queues_[rank];
  }
  for (size_t id = 0; id < n; id++) {
    const auto& from = graph.nodes[id];
    Node& node = nodes_[from.rank];
    node = {from.process,     from.state, {}, by_id_[id], setup_.stats->node_slot(NodeId(static_cast<uint16_t>(id))),
            from.closes_cycle};
    for (NodeId next : from.next) {
      node.edges.push_back(by_id_[next.value()]);
    }
  }
  for (const auto& arc : graph.arcs) {
    ArcLane lane{arc.enabled.get(), by_id_[arc.end.value()], {}, {}};
    for (size_t i = 0; i < arc.features.size(); i++) {
      lane.features[i] = by_id_[arc.features[i].value()];
      lane.stages[i] = {arc.stages[i], graph.nodes[arc.features[i].value()].state};
    }
    lane_.arcs.push_back(lane);
  }
  lane_.block = setup_.stats->block(setup_.index + 1);
  lane_.drop_slots = setup_.stats->drop_slots();
  lane_.counter_slots = setup_.stats->counter_slots();
  lane_.interface_slots = setup_.stats->interface_slots();
  lane_.vectors.resize(stats::kMaxEntries);
  for (size_t i = 0; i < setup_.stats->vectors(); i++) {
    lane_.vectors[i] = setup_.stats->vector(VectorId(static_cast<uint16_t>(i)));
  }
  lane_.worker_queue_full = graph.queue_full;
  lane_.worker = this;
}

Worker::~Worker() {
  stop();
  for (rte_ring* ring : {injected_, handed_over_}) {
    Injected item;
    while (ring != nullptr && rte_ring_dequeue_elem(ring, &item, sizeof(item)) == 0) {
      rte_pktmbuf_free(item.packet);
    }
    rte_ring_free(ring);
  }
  if (handed_over_ != nullptr) {
    for (size_t i = 0; i < nodes_.size(); i++) {
      rte_pktmbuf_free_bulk(queues_[i].packets.data(), queues_[i].count);
    }
    setup_.qsbr->remove_reader(reader_);
  }
}

void Worker::start() {
  // Signals are the control thread's business.
  sigset_t all, before;
  sigfillset(&all);
  crash::leave_open(all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), fmt::format("floof-w{}", setup_.index).c_str());
  if (setup_.core >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<unsigned>(setup_.core), &cpus);
    if (pthread_setaffinity_np(thread_.native_handle(), sizeof(cpus), &cpus) != 0) {
      log::warning("worker {} cannot be pinned to core {}; it runs where the kernel puts it", setup_.index,
                   setup_.core);
      setup_.core = -1;
    }
  }
}

void Worker::stop() {
  if (thread_.joinable()) {
    stop_.store(true);
    wake();
    thread_.join();
  }
}

// -- The loop ---------------------------------------------------------------------------------------------------------

void Worker::loop() {
  const crash::Stack stack;
  if (rte_thread_register() != 0) {
    log::warning("worker {} got no EAL slot ({}): its packet buffers come from the shared pool, which is slower",
                 setup_.index, rte_strerror(rte_errno));
  }
  set_counting_thread(lane_.block, lane_.interface_slots);
  setup_.qsbr->online(reader_);
  setup_.stats->header().threads[setup_.index + 1].store(gettid(), std::memory_order_relaxed);
  last_packet_ = rte_rdtsc();
  while (!stop_.load(std::memory_order_relaxed)) {
    if (has_mail_.load(std::memory_order_acquire)) {
      run_mail();
    }
    if (turn() > 0) {
      last_packet_ = now_;
    } else if (setup_.polling == Polling::adaptive && polled_.empty() && now_ - last_packet_ > kSpinUs * tsc_per_us_) {
      sleep();
    }
    setup_.qsbr->quiescent(reader_);
  }
  run_mail();
  setup_.qsbr->offline(reader_);
  rte_thread_unregister();
}

void Worker::sleep() {
  sleeping_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!has_mail_.load() && !stop_.load() && rte_ring_empty(injected_) && rte_ring_empty(handed_over_)) {
    setup_.qsbr->offline(reader_);
    collect(kSleepMs);
    setup_.qsbr->online(reader_);
    sleeps_.store(sleeps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  sleeping_.store(false, std::memory_order_relaxed);
}

void Worker::run_mail() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mail_mutex_);
    tasks.swap(mail_);
    has_mail_.store(false);
  }
  for (const auto& task : tasks) {
    task();
  }
}

void Worker::heartbeat(uint64_t now) {
  if (now - last_heartbeat_ < kHeartbeatUs * tsc_per_us_) {
    return;
  }
  last_heartbeat_ = now;
  auto& beat = setup_.stats->header().worker_heartbeat[setup_.index + 1];
  beat.store(beat.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  turns_.store(turn_number_, std::memory_order_relaxed);
  cpu_.store(sched_getcpu(), std::memory_order_relaxed);
  retry_resting(now);
}

void Worker::beat() { heartbeat(rte_rdtsc()); }

unsigned Worker::turn() {
  now_ = rte_rdtsc();
  turn_number_++;
  heartbeat(now_);
  unsigned packets = take_from(injected_) + take_from(handed_over_);
  packets += poll_ready(now_);
  run_graph();
  received_bytes_ = 0;
  if (packets > 0) {
    packets_.store(packets_.load(std::memory_order_relaxed) + packets, std::memory_order_relaxed);
  }
  return packets;
}

void Worker::feed(NodeId node, std::span<rte_mbuf*> packets) { lane_.enqueue_all(*by_id_[node.value()], packets); }

unsigned Worker::take_from(rte_ring* ring) {
  if (rte_ring_empty(ring)) {
    return 0;
  }
  std::array<Injected, kFrameSize> items;
  const unsigned n = rte_ring_dequeue_burst_elem(ring, items.data(), sizeof(Injected), items.size(), nullptr);
  for (unsigned i = 0; i < n; i++) {
    if (rte_mbuf* packet = items[i].packet; drop_loops({&packet, 1}) == 1) {
      lane_.enqueue(*by_id_[items[i].node], packet);
    }
  }
  return n;
}

// -- Ports ------------------------------------------------------------------------------------------------------------

void Worker::collect(int timeout_ms) {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  last_collect_ = rte_rdtsc();
  for (int i = 0; i < n; i++) {
    auto* binding = static_cast<Binding*>(events[i].data.ptr);
    if (binding == nullptr) {
      eventfd_t count;
      eventfd_read(wakeup_.get(), &count);
      continue;
    }
    binding->failed = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    if (!binding->ready) {
      binding->ready = true;
      ready_.push_back(binding);
    }
  }
}

unsigned Worker::poll_ready(uint64_t now) {
  // With ports that are polled in any case, there is no hurry: the call costs more than all nodes do with a packet.
  if ((ready_.empty() && polled_.empty()) || now - last_collect_ > kCollectEveryUs * tsc_per_us_) {
    collect(0);
  }
  unsigned total = 0;
  for (Binding* binding : polled_) {
    total += receive(*binding);
  }
  for (size_t i = 0; i < ready_.size();) {
    Binding* binding = ready_[i];
    const unsigned n = receive(*binding);
    total += n;
    if (n > 0) {
      i++;
      continue;
    }
    binding->ready = false;
    ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(i));
    if (binding->failed) {
      rest(*binding, now);
    }
  }
  return total;
}

void Worker::rest(Binding& binding, uint64_t now) {
  // A device that was deleted or set down reports an error forever: level-triggered epoll would never let us sleep.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, binding.fd, nullptr);
  binding.retry_at = now + kRestUs * tsc_per_us_;
  resting_.push_back(&binding);
}

void Worker::retry_resting(uint64_t now) {
  std::erase_if(resting_, [&](Binding* binding) {
    if (now < binding->retry_at) {
      return false;
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = binding}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, binding->fd, &event);
    return true;
  });
}

unsigned Worker::receive(Binding& binding) {
  NodeQueue& queue = *binding.input;
  if (received_bytes_ >= kRunAfterBytes || queue.count + kFrameSize > NodeQueue::kSize) {
    run_received();
  }
  rte_mbuf** packets = &queue.packets[queue.count];
  const unsigned n = binding.port->receive({packets, kFrameSize});
  if (binding.port->lost() != binding.lost_seen) [[unlikely]] {
    count_lost(binding);
  }
  if (n == 0) {
    return 0;
  }
  uint64_t bytes = 0;
  for (unsigned i = 0; i < n; i++) {
    meta(packets[i]).rx_if = binding.interface;
    bytes += packets[i]->pkt_len;
  }
  received_bytes_ += bytes;
  // What comes from the kernel's side of an interface is on its way out: counted there, and judged there.
  if ((meta(packets[0]).flags & PacketMeta::from_tap) == 0) {
    const uint32_t slots = lane_.interface_slots + binding.interface.value() * stats::kPerInterface;
    lane_.add(slots + stats::rx_packets, n);
    lane_.add(slots + stats::rx_bytes, bytes);
    if (!(*setup_.interfaces)[binding.interface].admin_up.load(std::memory_order_relaxed)) [[unlikely]] {
      for (unsigned i = 0; i < n; i++) {
        drop(setup_.graph->impl().input_down, packets[i], binding.interface, stats::rx_drops);
      }
      return n;
    }
  }
  if (queue.count == 0) {
    lane_.pending[queue.rank / 64] |= uint64_t{1} << queue.rank % 64;
  }
  queue.count += n;
  return n;
}

void Worker::count_lost(Binding& binding) {
  const Port::Lost now = binding.port->lost(), before = std::exchange(binding.lost_seen, now);
  const Graph::Impl& graph = setup_.graph->impl();
  uint64_t errors = 0;
  for (const auto& [reason, lost] : {std::pair{graph.rx_malformed, now.malformed - before.malformed},
                                     std::pair{graph.rx_segments, now.segments - before.segments},
                                     std::pair{graph.rx_no_buffer, now.no_buffer - before.no_buffer}}) {
    lane_.add(lane_.drop_slots + reason.value(), lost);
    errors += lost;
  }
  lane_.add(lane_.counter_slots + graph.rx_waits.value(), now.waits - before.waits);
  lane_.add(lane_.interface_slots + binding.interface.value() * stats::kPerInterface + stats::rx_errors, errors);
}

// -- The graph --------------------------------------------------------------------------------------------------------

void Worker::run_received() {
  run_graph();
  received_bytes_ = 0;
  now_ = rte_rdtsc();
  heartbeat(now_);
}

void Worker::run_graph() {
  uint64_t clock = kUnread;  // read once between two nodes
  for (;;) {
    unsigned word = 0;
    while (word < lane_.pending.size() && lane_.pending[word] == 0) {
      word++;
    }
    if (word == lane_.pending.size()) {
      break;
    }
    const unsigned bit = static_cast<unsigned>(__builtin_ctzll(lane_.pending[word]));
    lane_.pending[word] &= lane_.pending[word] - 1;
    clock = run_node(nodes_[word * 64 + bit], clock);
  }
  free_trash();
}

uint64_t Worker::run_node(Node& node, uint64_t before) {
  const bool small = node.queue->count < kSmallVector;
  if (small && node.timed && node.untimed < kClockEvery - 1) {
    node.untimed++;
    call_node(node, before == kUnread ? now_ : before);
    return kUnread;
  }
  const uint64_t start = before == kUnread ? rte_rdtsc() : before;
  call_node(node, start);
  const uint64_t after = rte_rdtsc();
  uint64_t cycles = after - start;
  if (small) {  // stands for those since the last one, which took as long but for the clock
    cycles += (cycles - std::min(cycles, clock_cycles_)) * std::exchange(node.untimed, 0);
    node.timed = true;
  }
  lane_.add(node.slot + 2, cycles);
  return after;
}

void Worker::call_node(Node& node, uint64_t now) {
  NodeQueue& queue = *node.queue;
  NodeContext context(lane_, node.edges.data(), node.state, now);
  uint32_t done = 0;
  uint32_t calls = 0;
  while (done < queue.count) {
    const uint32_t n = std::min(kFrameSize, queue.count - done);
    const std::span packets(&queue.packets[done], n);
    node.process(context, node.closes_cycle ? packets.first(drop_loops(packets)) : packets);
    done += n;
    calls++;
  }
  queue.count = 0;
  lane_.add(node.slot, calls);
  lane_.add(node.slot + 1, done);
}

/// Leaves those that may go on at the front, and tells how many.
uint32_t Worker::drop_loops(std::span<rte_mbuf*> packets) {
  uint32_t kept = 0;
  for (rte_mbuf* packet : packets) {
    if (begin_round(meta(packet))) [[likely]] {
      packets[kept++] = packet;
    } else {
      drop(setup_.graph->impl().too_many_rounds, packet, meta(packet).rx_if, stats::rx_drops);
    }
  }
  return kept;
}

void Worker::free_trash() {
  if (trash_count_ > 0) {
    rte_pktmbuf_free_bulk(trash_.data(), trash_count_);
    trash_count_ = 0;
  }
}

void Worker::drop(DropId reason, rte_mbuf* packet, IfId interface, stats::InterfaceSlot slot) {
  lane_.add(lane_.drop_slots + reason.value(), 1);
  if (interface.valid()) {
    lane_.add(lane_.interface_slots + interface.value() * stats::kPerInterface + slot, 1);
  }
  sample(reason, *packet, interface);
  if (trash_count_ == trash_.size()) {
    free_trash();
  }
  trash_[trash_count_++] = packet;
}

// -- Samples of dropped packets ---------------------------------------------------------------------------------------

void Worker::sample(DropId reason, const rte_mbuf& packet, IfId interface) {
  Samples& samples = samples_[reason.value()];
  if (samples.turn != turn_number_) {
    samples.turn = turn_number_;
    samples.in_turn = 0;
  }
  if (samples.in_turn == kSamples) {
    return;  // a flood costs no more than this per turn
  }
  samples.in_turn++;
  const uint32_t turn = samples.next.load(std::memory_order_relaxed);
  samples.next.store(turn + 1, std::memory_order_relaxed);
  Sample& sample = samples.ring[turn % kSamples];
  const uint32_t version = sample.version.load(std::memory_order_relaxed);
  sample.version.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  sample.interface = interface;
  sample.length = packet.pkt_len;
  sample.tsc = now_;
  sample.head_bytes = static_cast<uint16_t>(std::min<uint32_t>(packet.data_len, kSampleBytes));
  std::memcpy(sample.head.data(), rte_pktmbuf_mtod(&packet, const uint8_t*), sample.head_bytes);
  sample.version.store(version + 2, std::memory_order_release);
}

void Worker::collect_samples(std::vector<Engine::DropSample>& out) const {
  const uint64_t now = rte_rdtsc();
  for (size_t reason = 0; reason < setup_.graph->drops(); reason++) {
    const Samples& samples = samples_[reason];
    const uint32_t next = samples.next.load(std::memory_order_relaxed);
    for (unsigned back = 1; back <= kSamples; back++) {  // newest first
      const Sample& sample = samples.ring[(next - back) % kSamples];
      const uint32_t version = sample.version.load(std::memory_order_acquire);
      if (version == 0 || version % 2 == 1) {
        continue;
      }
      Engine::DropSample copy;
      copy.reason = DropId(static_cast<uint16_t>(reason));
      copy.interface = sample.interface;
      copy.length = sample.length;
      copy.age_us = now > sample.tsc ? (now - sample.tsc) / tsc_per_us_ : 0;
      const size_t bytes = std::min<size_t>(sample.head_bytes, kSampleBytes);
      copy.head.assign(sample.head.begin(), sample.head.begin() + static_cast<ptrdiff_t>(bytes));
      std::atomic_thread_fence(std::memory_order_acquire);
      if (sample.version.load(std::memory_order_relaxed) == version) {
        out.push_back(std::move(copy));
      }
    }
  }
}

}  // namespace floof::engine
