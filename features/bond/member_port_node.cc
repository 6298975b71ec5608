// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/member_port_node.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_ring_elem.h>

#include <cstring>

#include "engine/engine.h"
#include "features/bond/slow_protocol.h"

namespace floof::bond {

namespace {

/// The destination too: 0x8809 to anybody else is a frame like others.
bool is_slow(const rte_mbuf* packet) {
  const auto* const frame = rte_pktmbuf_mtod(packet, const uint8_t*);
  uint16_t type;
  std::memcpy(&type, frame + 12, sizeof type);
  return type == be16::from(kSlowProtocols).raw() &&
         std::memcmp(frame, kSlowProtocolsGroup.bytes.data(), kSlowProtocolsGroup.bytes.size()) == 0;
}

}  // namespace

Result<std::unique_ptr<SlowFrames>> SlowFrames::make(unsigned capacity) {
  static std::atomic<unsigned> serial{0};
  const auto name = fmt::format("slow-{}", serial++);
  rte_ring* const ring = rte_ring_create_elem(name.c_str(), sizeof(Item), capacity, SOCKET_ID_ANY, RING_F_SC_DEQ);
  if (ring == nullptr) {
    return Error{"bond", fmt::format("no memory for its ring: {}", rte_strerror(rte_errno)), ""};
  }
  return std::unique_ptr<SlowFrames>(new SlowFrames(ring));
}

SlowFrames::~SlowFrames() {
  Item item;
  while (take(item)) {
    rte_pktmbuf_free(item.packet);
  }
  rte_ring_free(ring_);
}

bool SlowFrames::put(uint16_t member, rte_mbuf* packet) {
  Item item{packet, member};
  return rte_ring_enqueue_elem(ring_, &item, sizeof item) == 0;
}

bool SlowFrames::take(Item& item) { return rte_ring_dequeue_elem(ring_, &item, sizeof item) == 0; }

MemberPort::MemberPort(engine::Port& inner, SlowFrames& slow, uint16_t number, IfId interface)
    : inner_(inner), shared_(new Shared{slow, number, interface}) {
  for (unsigned i = 1; i < inner.queues(); i++) {
    add_queue(std::unique_ptr<Port>(new MemberPort(inner.queue(i), shared_)));
  }
}

unsigned MemberPort::receive(std::span<rte_mbuf*> out) {
  const unsigned came = inner_.receive(out);
  lost_ = inner_.lost();
  if (came == 0) {
    return 0;
  }
  const bool collecting = shared_->collecting.load(std::memory_order_relaxed);
  unsigned kept = 0;
  uint64_t bytes = 0, refused = 0, slow_lost = 0;
  for (unsigned i = 0; i < came; i++) {
    rte_mbuf* const packet = out[i];
    bytes += packet->pkt_len;
    if (is_slow(packet)) [[unlikely]] {
      if (!shared_->slow.put(shared_->number, packet)) {
        slow_lost++;
        rte_pktmbuf_free(packet);
      }
    } else if (collecting) [[likely]] {
      out[kept++] = packet;
    } else {
      refused++;
      rte_pktmbuf_free(packet);
    }
  }
  engine::count_interface(shared_->interface, stats::rx_packets, came);
  engine::count_interface(shared_->interface, stats::rx_bytes, bytes);
  if (refused + slow_lost > 0) [[unlikely]] {
    engine::count_interface(shared_->interface, stats::rx_drops, refused + slow_lost);
    shared_->not_collected.fetch_add(refused, std::memory_order_relaxed);
    shared_->slow_lost.fetch_add(slow_lost, std::memory_order_relaxed);
  }
  return kept;
}

}  // namespace floof::bond
