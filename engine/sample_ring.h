// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pieces of packets on their way from the workers to the control thread, for whoever looks at traffic: sFlow, traces,
// captures. One ring for all workers and all who take samples; when it is full, the sample is lost and counted, the
// packet goes on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"

struct rte_mbuf;
struct rte_ring;

namespace floof::engine {

/// Somebody who takes samples: Engine::add_sampler.
using SamplerId = Id<struct SamplerTag, uint16_t, UINT16_MAX>;

struct PacketSample {
  static constexpr unsigned kHead = 256;
  uint64_t tsc = 0;       ///< when it was taken
  uint64_t argument = 0;  ///< what the node says with it, such as the sampling rate or where it is
  SamplerId sampler;
  IfId rx_if, tx_if;  ///< as the packet's meta says where it was taken
  uint16_t worker = 0;
  uint32_t length = 0;  ///< of the whole packet from its data on, bytes
  uint32_t head_bytes = 0;
  std::array<uint8_t, kHead> head;  ///< its first bytes
  std::span<const uint8_t> bytes() const { return {head.data(), head_bytes}; }
};
static_assert(sizeof(PacketSample) % 4 == 0);

class SampleRing {
 public:
  static constexpr unsigned kSamples = 2048;
  using Handler = std::function<void(const PacketSample&)>;

  /// Control thread; EAL has started. The loop outlives it.
  static Result<std::unique_ptr<SampleRing>> create(EventLoop& loop);
  ~SampleRing();
  SampleRing(const SampleRing&) = delete;
  SampleRing& operator=(const SampleRing&) = delete;

  /// Workers. False: the ring is full.
  bool push(const PacketSample& sample);

  // -- Control thread ---------------------------------------------------------------------------------------------
  SamplerId add(Handler handler);
  /// What is on its way is handed out before; no worker may take more for it. Not from inside a handler.
  void remove(SamplerId id);
  /// Hands out what is there; the loop does this by itself.
  void drain();

 private:
  static constexpr unsigned kAtOnce = 512;  ///< in one turn of the loop
  SampleRing(EventLoop& loop) : loop_(loop) {}
  EventLoop& loop_;
  rte_ring* ring_ = nullptr;
  UniqueFd wakeup_;
  std::atomic<bool> signalled_{false};  ///< one system call for each wake-up, not for each sample
  std::vector<Handler> handlers_;       ///< by id; empty: free
};

}  // namespace floof::engine
