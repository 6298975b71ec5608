// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench_port.h"

#include <fmt/format.h>
#include <rte_mempool.h>

#include <algorithm>
#include <cstring>

#include "engine/eal.h"
#include "engine/packet.h"

namespace floof::engine {
namespace {

/// The buffers that no packet uses now, oldest first.
class Ring {
 public:
  explicit Ring(rte_mempool* pool, unsigned buffers) : pool_(pool), slots_(buffers) {
    while (count_ < slots_.size()) {
      rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
      if (packet == nullptr) {
        break;
      }
      put(packet);
    }
  }
  ~Ring() {
    while (rte_mbuf* packet = take()) {
      rte_pktmbuf_free(packet);
    }
    rte_mempool_free(pool_);
  }
  /// The oldest, else one that the graph dropped into the pool; nullptr when all are on their way.
  rte_mbuf* take() {
    if (count_ == 0) {
      return nullptr;
    }
    rte_mbuf* out = slots_[head_];
    head_ = head_ + 1 == slots_.size() ? 0 : head_ + 1;
    count_--;
    return out;
  }
  void put(rte_mbuf* packet) {
    slots_[tail_] = packet;
    tail_ = tail_ + 1 == slots_.size() ? 0 : tail_ + 1;
    count_++;
  }
  rte_mbuf* dropped() { return rte_pktmbuf_alloc(pool_); }
  bool owns(const rte_mbuf* packet) const { return packet->pool == pool_; }

 private:
  rte_mempool* pool_;
  std::vector<rte_mbuf*> slots_;
  size_t head_ = 0, tail_ = 0, count_ = 0;
};

class SourcePort final : public Port {
 public:
  SourcePort(std::shared_ptr<Ring> ring, BenchOptions options) : ring_(std::move(ring)), options_(std::move(options)) {}
  std::string_view kind() const override { return "source"; }
  Capabilities capabilities() const override { return {}; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return 0;
  }

  unsigned receive(std::span<rte_mbuf*> out) override {
    const auto wanted = std::min<size_t>(out.size(), options_.vector);
    unsigned n = 0;
    while (n < wanted) {
      rte_mbuf* packet = ring_->take();
      if (packet == nullptr && (packet = ring_->dropped()) == nullptr) {
        break;
      }
      const auto& frame = options_.frames[at_];
      at_ = at_ + 1 == options_.frames.size() ? 0 : at_ + 1;
      packet->data_off = RTE_PKTMBUF_HEADROOM;
      packet->data_len = static_cast<uint16_t>(frame.size());
      packet->pkt_len = packet->data_len;
      meta(packet) = PacketMeta{};
      std::memcpy(rte_pktmbuf_mtod(packet, void*), frame.data(), frame.size());
      out[n++] = packet;
    }
    return n;
  }

 private:
  std::shared_ptr<Ring> ring_;
  BenchOptions options_;
  size_t at_ = 0;
};

class SinkPort final : public Port {
 public:
  explicit SinkPort(std::shared_ptr<Ring> ring) : ring_(std::move(ring)) {}
  std::string_view kind() const override { return "sink"; }
  Capabilities capabilities() const override { return {true, true, true, 65535}; }
  unsigned receive(std::span<rte_mbuf*>) override { return 0; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    for (rte_mbuf* packet : packets) {
      if (ring_->owns(packet) && packet->nb_segs == 1 && rte_mbuf_refcnt_read(packet) == 1) [[likely]] {
        ring_->put(packet);
      } else {
        rte_pktmbuf_free(packet);
      }
    }
    return static_cast<unsigned>(packets.size());
  }

 private:
  std::shared_ptr<Ring> ring_;
};

}  // namespace

Result<BenchPorts> open_bench_ports(BenchOptions options) {
  static unsigned serial = 0;
  if (options.frames.empty() || options.buffers < 2 * options.vector) {
    return Error{"bench source", "has no frames or too few buffers", ""};
  }
  rte_mempool* pool = make_pool(fmt::format("bench-{}", serial++), options.buffers, 0, RTE_MBUF_DEFAULT_BUF_SIZE);
  if (pool == nullptr) {
    return Error{"bench source", fmt::format("no memory for {} buffers", options.buffers), "use fewer"};
  }
  auto ring = std::make_shared<Ring>(pool, options.buffers);
  BenchPorts out;
  out.source = std::make_unique<SourcePort>(ring, std::move(options));
  out.sink = std::make_unique<SinkPort>(std::move(ring));
  return out;
}

}  // namespace floof::engine
