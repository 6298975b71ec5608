// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ports/bench_port.h"

#include <fmt/format.h>
#include <rte_atomic.h>
#include <rte_cycles.h>
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
  SourcePort(std::shared_ptr<Ring> ring, BenchOptions options) : ring_(std::move(ring)), options_(std::move(options)) {
    // A field that is always the same is no field: writing into what was just written delays who reads it at once.
    std::erase_if(options_.fields, [&](const BenchField& field) {
      if (field.values.size() == field.size) {
        std::copy(field.values.begin(), field.values.end(),
                  options_.frame.begin() + static_cast<ptrdiff_t>(field.offset));
      }
      return field.values.size() == field.size;
    });
    at_.resize(options_.fields.size());
  }
  std::string_view kind() const override { return "source"; }
  Capabilities capabilities() const override { return {}; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return 0;
  }

  unsigned receive(std::span<rte_mbuf*> out) override {
    const auto wanted = std::min<size_t>(out.size(), options_.vector);
    const auto length = static_cast<uint16_t>(options_.frame.size());
    unsigned n = 0;
    while (n < wanted) {
      rte_mbuf* packet = ring_->take();
      if (packet == nullptr && (packet = ring_->dropped()) == nullptr) {
        break;
      }
      packet->data_off = RTE_PKTMBUF_HEADROOM;
      packet->data_len = length;
      packet->pkt_len = length;
      meta(packet) = PacketMeta{};
      write(rte_pktmbuf_mtod(packet, uint8_t*));
      out[n++] = packet;
    }
    rte_mb();  // what a device writes is in memory when it is read, not on its way from this CPU
    return n;
  }

 private:
  void write(uint8_t* to) {
    const size_t length = options_.frame.size();
    std::memcpy(to, options_.frame.data(), 64);
    if (length > 64) {
      std::memcpy(to + 64, options_.frame.data() + 64, length - 64);
    }
    for (size_t i = 0; i < at_.size(); i++) {
      const BenchField& field = options_.fields[i];
      const uint8_t* value = &field.values[at_[i]];
      at_[i] = at_[i] + field.size == field.values.size() ? 0 : at_[i] + field.size;
      if (field.size == 2) {
        std::memcpy(to + field.offset, value, 2);
      } else if (field.size == 4) {
        std::memcpy(to + field.offset, value, 4);
      } else {
        std::memcpy(to + field.offset, value, 16);
      }
    }
    if (options_.stamps) {
      const uint64_t now = rte_rdtsc();
      std::memcpy(to + length - sizeof now, &now, sizeof now);
    }
  }

  std::shared_ptr<Ring> ring_;
  BenchOptions options_;
  std::vector<size_t> at_;  ///< of each field: offset of the next value
};

class SinkPort final : public Port {
 public:
  SinkPort(std::shared_ptr<Ring> ring, std::shared_ptr<BenchFigures> figures, bool stamps)
      : ring_(std::move(ring)), figures_(std::move(figures)), stamps_(stamps) {
    for (int i = 0; i < 1000; i++) {
      const uint64_t before = rte_rdtsc();
      clock_cycles_ = std::min(clock_cycles_, rte_rdtsc() - before);
    }
  }
  std::string_view kind() const override { return "sink"; }
  Capabilities capabilities() const override { return {true, true, true, 65535}; }
  unsigned receive(std::span<rte_mbuf*>) override { return 0; }
  unsigned transmit(std::span<rte_mbuf*> packets) override {
    const uint64_t before = rte_rdtsc();
    for (rte_mbuf* packet : packets) {
      if (stamps_) {
        note_latency(packet, before);
      }
      if (ring_->owns(packet) && packet->nb_segs == 1 && rte_mbuf_refcnt_read(packet) == 1) [[likely]] {
        ring_->put(packet);
      } else {
        rte_pktmbuf_free(packet);
      }
    }
    figures_->sink_cycles += rte_rdtsc_precise() - before + clock_cycles_;  // waits: its cache misses are its own
    return static_cast<unsigned>(packets.size());
  }

 private:
  void note_latency(rte_mbuf* packet, uint64_t now) {
    uint64_t made;
    std::memcpy(&made, rte_pktmbuf_mtod_offset(packet, uint8_t*, packet->data_len - sizeof made), sizeof made);
    if (figures_->latencies.size() < figures_->latencies.capacity()) {
      figures_->latencies.push_back(now - made);
    }
  }

  std::shared_ptr<Ring> ring_;
  std::shared_ptr<BenchFigures> figures_;
  const bool stamps_;
  uint64_t clock_cycles_ = UINT64_MAX;  ///< of reading the clock once: of two readings, one is not between them
};

}  // namespace

Result<BenchPorts> open_bench_ports(BenchOptions options) {
  static unsigned serial = 0;
  const bool fields_fit = std::all_of(options.fields.begin(), options.fields.end(), [&](const BenchField& f) {
    return (f.size == 2 || f.size == 4 || f.size == 16) && f.offset + f.size <= options.frame.size() &&
           !f.values.empty() && f.values.size() % f.size == 0;
  });
  if (options.frame.size() < 64 || options.frame.size() > 2048 || !fields_fit || options.buffers < 2 * options.vector) {
    return Error{"bench source", "has no frame of 64 to 2048 bytes, a field outside of it or too few buffers", ""};
  }
  rte_mempool* pool = make_pool(fmt::format("bench-{}", serial++), options.buffers, 0, RTE_MBUF_DEFAULT_BUF_SIZE);
  if (pool == nullptr) {
    return Error{"bench source", fmt::format("no memory for {} buffers", options.buffers), "use fewer"};
  }
  auto ring = std::make_shared<Ring>(pool, options.buffers);
  BenchPorts out;
  out.figures = std::make_shared<BenchFigures>();
  const bool stamps = options.stamps;
  for (unsigned i = 1; i < options.sinks; i++) {
    out.more_sinks.push_back(std::make_unique<SinkPort>(ring, out.figures, stamps));
  }
  out.source = std::make_unique<SourcePort>(ring, std::move(options));
  out.sink = std::make_unique<SinkPort>(std::move(ring), out.figures, stamps);
  return out;
}

}  // namespace floof::engine
