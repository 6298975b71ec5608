// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_port_node.h"

#include <algorithm>

#include "engine/engine.h"
#include "features/bond/bond_hash.h"

namespace floof::bond {

namespace {

uint64_t bytes_of(std::span<rte_mbuf* const> packets) {
  uint64_t out = 0;
  for (const rte_mbuf* packet : packets) {
    out += packet->pkt_len;
  }
  return out;
}

std::span<const uint8_t> frame_of(const rte_mbuf* packet) {
  return {rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len};
}

}  // namespace

BondPort::BondPort(unsigned workers, const engine::Pools& pools)
    : worker_(0), shared_(new Shared{new SendPlan, pools}) {
  for (unsigned i = 1; i < workers; i++) {
    add_queue(std::unique_ptr<Port>(new BondPort(i, shared_)));
  }
}

std::unique_ptr<SendPlan> BondPort::publish(std::unique_ptr<SendPlan> plan) {
  return std::unique_ptr<SendPlan>(shared_->plan.exchange(plan.release(), std::memory_order_acq_rel));
}

unsigned BondPort::transmit(std::span<rte_mbuf*> packets) {
  const SendPlan& plan = *shared_->plan.load(std::memory_order_acquire);
  if (plan.count == 1) {
    return send(plan.senders[0], packets, bytes_of(packets));
  }
  if (plan.count == 0) {
    rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
    return 0;
  }
  return plan.mode == Mode::broadcast ? send_copies(plan, packets) : spread_all(plan, packets);
}

unsigned BondPort::send(const SendPlan::Sender& sender, std::span<rte_mbuf*> packets, uint64_t bytes) {
  const auto given = packets.size();
  const unsigned sent = sender.port->queue_of_worker(worker_).transmit(packets);
  if (sent < given) [[unlikely]] {
    engine::count_interface(sender.interface, stats::tx_drops, given - sent);
    bytes = bytes * sent / given;
  }
  engine::count_interface(sender.interface, stats::tx_packets, sent);
  engine::count_interface(sender.interface, stats::tx_bytes, bytes);
  return sent;
}

/// A packet counts as sent when the last member took it; the others count for themselves.
unsigned BondPort::send_copies(const SendPlan& plan, std::span<rte_mbuf*> packets) {
  const uint64_t bytes = bytes_of(packets);
  const uint32_t small = rte_pktmbuf_data_room_size(shared_->pools.packets) - uint32_t{RTE_PKTMBUF_HEADROOM};
  std::array<rte_mbuf*, engine::kFrameSize> copies;
  for (unsigned i = 0; i + 1 < plan.count; i++) {
    for (auto left = packets; !left.empty();) {
      const auto part = left.first(std::min(left.size(), copies.size()));
      left = left.subspan(part.size());
      unsigned made = 0;
      uint64_t made_bytes = 0;
      for (rte_mbuf* packet : part) {
        auto* const pool = packet->pkt_len <= small ? shared_->pools.packets : shared_->pools.large;
        if (rte_mbuf* const copy = rte_pktmbuf_copy(packet, pool, 0, UINT32_MAX)) {
          engine::copy_meta(copy, packet);
          copies[made++] = copy;
          made_bytes += copy->pkt_len;
        }
      }
      engine::count_interface(plan.senders[i].interface, stats::tx_drops, part.size() - made);
      send(plan.senders[i], {copies.data(), made}, made_bytes);
    }
  }
  return send(plan.senders[plan.count - 1], packets, bytes);
}

/// A counting sort: one look at each packet, one call of each member. `way_of` gives the index of a packet's sender.
template <typename WayOf>
unsigned BondPort::spread(const SendPlan& plan, std::span<rte_mbuf*> packets, WayOf way_of) {
  std::array<uint8_t, engine::kFrameSize> way;
  std::array<uint16_t, kMostMembers + 1> at{};  // of each sender, one further
  std::array<uint64_t, kMostMembers> bytes{};
  for (size_t i = 0; i < packets.size(); i++) {
    way[i] = way_of(packets[i]);
    at[way[i] + 1]++;
    bytes[way[i]] += packets[i]->pkt_len;
  }
  for (unsigned i = 1; i < plan.count; i++) {
    at[i + 1] = static_cast<uint16_t>(at[i + 1] + at[i]);
  }
  std::array<rte_mbuf*, engine::kFrameSize> sorted;
  for (size_t i = 0; i < packets.size(); i++) {
    sorted[at[way[i]]++] = packets[i];
  }
  unsigned sent = 0;
  for (unsigned i = 0, begin = 0; i < plan.count; begin = at[i++]) {
    if (at[i] > begin) {
      sent += send(plan.senders[i], {sorted.data() + begin, at[i] - begin}, bytes[i]);
    }
  }
  return sent;
}

unsigned BondPort::spread_all(const SendPlan& plan, std::span<rte_mbuf*> packets) {
  unsigned sent = 0;
  while (!packets.empty()) {
    const auto part = packets.first(std::min<size_t>(packets.size(), engine::kFrameSize));
    packets = packets.subspan(part.size());
    if (plan.mode == Mode::round_robin) {
      sent += spread(plan, part, [&](const rte_mbuf*) {
        turn_ = turn_ + 1 < plan.count ? turn_ + 1 : 0;
        return static_cast<uint8_t>(turn_);
      });
    } else if (plan.balance == LoadBalance::l34) {
      sent += spread(plan, part,
                     [&](const rte_mbuf* packet) { return plan.buckets[bond_hash_l34(frame_of(packet)) % kBuckets]; });
    } else {
      sent += spread(plan, part, [&](const rte_mbuf* packet) {
        return plan.buckets[bond_hash(frame_of(packet), plan.balance) % kBuckets];
      });
    }
  }
  return sent;
}

}  // namespace floof::bond
