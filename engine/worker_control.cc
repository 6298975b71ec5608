// SPDX-License-Identifier: GPL-3.0-or-later
//
// What other threads ask of a worker, and what it gives to them.
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>

#include "engine/graph_impl.h"
#include "engine/worker.h"

namespace floof::engine {

void Worker::wake() {
  // Pairs with sleep(): either it sees what was just queued, or we see that it sleeps.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_relaxed)) {
    eventfd_write(wakeup_.get(), 1);
  }
}

void Worker::call(const std::function<void()>& task) {
  if (!thread_.joinable()) {
    task();
    return;
  }
  std::mutex done_mutex;
  std::condition_variable done_signal;
  bool done = false;
  {
    std::lock_guard lock(mail_mutex_);
    mail_.push_back([&] {
      task();
      std::lock_guard done_lock(done_mutex);
      done = true;
      done_signal.notify_one();
    });
    has_mail_.store(true);
  }
  wake();
  std::unique_lock lock(done_mutex);
  done_signal.wait(lock, [&] { return done; });
}

bool Worker::inject(NodeId node, rte_mbuf* packet) {
  const Injected item{packet, node.value()};
  if (rte_ring_enqueue_elem(injected_, const_cast<Injected*>(&item), sizeof(item)) != 0) {
    rte_pktmbuf_free(packet);
    return false;
  }
  wake();
  return true;
}

void Worker::bind(Port& port, IfId interface, NodeId input) {
  auto binding = std::make_unique<Binding>(Binding{&port, interface, by_id_[input.value()], port.receive_fd()});
  call([&] {
    Binding* b = binding.get();
    b->lost_seen = port.lost();
    if (b->fd < 0) {
      polled_.push_back(b);
    } else {
      epoll_event event{.events = EPOLLIN, .data = {.ptr = b}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, b->fd, &event);
    }
    bindings_.push_back(std::move(binding));
  });
}

bool Worker::unbind(Port& port) {
  bool found = false;
  call([&] {
    auto at = std::find_if(bindings_.begin(), bindings_.end(), [&](const auto& b) { return b->port == &port; });
    if (at == bindings_.end()) {
      return;
    }
    found = true;
    Binding* b = at->get();
    std::erase(polled_, b);
    std::erase(ready_, b);
    std::erase(resting_, b);
    if (b->fd >= 0) {
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, b->fd, nullptr);
    }
    bindings_.erase(at);
  });
  return found;
}

void Worker::set_counters(VectorId id, const CounterVector& to) {
  call([&] {
    CounterVector& vector = lane_.vectors[id.value()];
    setup_.stats->move_block(setup_.index + 1, vector, to);
    vector = to;
  });
}

Engine::WorkerState Worker::state() const {
  Engine::WorkerState out{};
  out.index = setup_.index;
  out.core = cpu_.load(std::memory_order_relaxed);
  out.pinned = setup_.core >= 0;
  out.sleeping = sleeping_.load(std::memory_order_relaxed);
  out.turns = turns_.load(std::memory_order_relaxed);
  out.packets = packets_.load(std::memory_order_relaxed);
  out.sleeps = sleeps_.load(std::memory_order_relaxed);
  return out;
}

// -- To other threads -------------------------------------------------------------------------------------------------

void Worker::hand_over(unsigned to, NodeId node, std::span<rte_mbuf*> packets) {
  Worker& other = *peers_[to];
  if (&other == this) {
    lane_.enqueue_all(*by_id_[node.value()], packets);
    return;
  }
  std::array<Injected, kFrameSize> items;
  const auto count = static_cast<unsigned>(std::min<size_t>(packets.size(), items.size()));
  for (unsigned i = 0; i < count; i++) {
    items[i] = {packets[i], node.value()};
  }
  const unsigned taken =
      rte_ring_enqueue_burst_elem(other.handed_over_, items.data(), sizeof(Injected), count, nullptr);
  if (taken > 0) {
    other.wake();
  }
  for (rte_mbuf* packet : packets.subspan(taken)) {
    drop(setup_.graph->impl().handover_full, packet, meta(packet).rx_if, stats::rx_drops);
  }
}

bool Worker::take_sample(SamplerId sampler, const rte_mbuf& packet, uint64_t argument) {
  PacketSample sample;
  sample.tsc = rte_rdtsc();
  sample.argument = argument;
  sample.sampler = sampler;
  sample.rx_if = meta(&packet).rx_if;
  sample.tx_if = meta(&packet).tx_if;
  sample.worker = static_cast<uint16_t>(setup_.index);
  sample.length = packet.pkt_len;
  sample.head_bytes = std::min<uint32_t>(packet.pkt_len, PacketSample::kHead);
  if (const void* bytes = rte_pktmbuf_read(&packet, 0, sample.head_bytes, sample.head.data());
      bytes != sample.head.data()) {
    std::memcpy(sample.head.data(), bytes, sample.head_bytes);
  }
  if (setup_.samples->push(sample)) {
    return true;
  }
  lane_.add(lane_.counter_slots + setup_.graph->impl().samples_lost.value(), 1);
  return false;
}

}  // namespace floof::engine
