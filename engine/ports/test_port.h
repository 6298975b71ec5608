// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rte_mbuf.h>

#include <cstring>
#include <deque>
#include <vector>

#include "engine/graph.h"
#include "engine/packet.h"
#include "engine/port.h"

namespace floof::engine {

enum class PortKind { tap, af_packet, af_xdp };  ///< with two ends in the kernel

/// A node between the interfaces 1 and 2: what comes from one leaves by the other.
inline void to_the_other_end(NodeContext& node, std::span<rte_mbuf*> packets) {
  for (rte_mbuf* packet : packets) {
    meta(packet).tx_if = IfId(static_cast<uint16_t>(3 - meta(packet).rx_if.value()));
    node.next(0, packet);
  }
}

/// A port whose two ends a unit test holds: frames pushed here are received, frames sent are kept. With an Engine of
/// zero workers (`Engine::turn`) everything runs on the test's thread.
class TestPort final : public Port {
 public:
  using Frame = std::vector<uint8_t>;
  struct Sent {
    Frame frame;
    PacketMeta meta;
  };

  explicit TestPort(const Pools& pools, Capabilities capabilities = {}, uint16_t flags = 0)
      : pools_(pools), capabilities_(capabilities), flags_(flags) {}

  void push(Frame frame) { waiting_.push_back(std::move(frame)); }
  /// What was sent since the last call.
  std::vector<Sent> take() { return std::move(sent_); }
  /// What packets received from now on carry in their meta.
  void set_flags(uint16_t flags) { flags_ = flags; }
  void set_link(bool up) { link_up_ = up; }
  /// What the port says that it lost.
  Lost& losses() { return lost_; }
  /// Makes `transmit` refuse everything.
  void set_broken(bool broken) { broken_ = broken; }

  std::string_view kind() const override { return "test"; }
  Capabilities capabilities() const override { return capabilities_; }
  bool link_up() const override { return link_up_; }

  unsigned receive(std::span<rte_mbuf*> out) override {
    unsigned n = 0;
    while (n < out.size() && !waiting_.empty()) {
      rte_mbuf* packet = make_packet(pools_, waiting_.front());
      if (packet == nullptr) {
        break;
      }
      meta(packet).flags = flags_;
      out[n++] = packet;
      waiting_.pop_front();
    }
    return n;
  }

  unsigned transmit(std::span<rte_mbuf*> packets) override {
    for (rte_mbuf* packet : packets) {
      if (!broken_) {
        Frame copy(packet->pkt_len);
        const void* bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy.data());
        if (bytes != copy.data()) {
          std::memcpy(copy.data(), bytes, copy.size());
        }
        sent_.push_back({std::move(copy), meta(packet)});
      }
      rte_pktmbuf_free(packet);
    }
    return broken_ ? 0 : static_cast<unsigned>(packets.size());
  }

  /// A packet of these bytes with fresh meta; longer than one buffer: a chain as a TAP makes it. nullptr: no buffers.
  static rte_mbuf* make_packet(const Pools& pools, std::span<const uint8_t> bytes) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pools.packets);
    if (packet == nullptr) {
      return nullptr;
    }
    meta(packet) = PacketMeta{};
    notes(packet) = PacketNotes{};
    const size_t first = std::min<size_t>(bytes.size(), rte_pktmbuf_tailroom(packet));
    std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(first)), bytes.data(), first);
    if (first < bytes.size()) {
      rte_mbuf* tail = rte_pktmbuf_alloc(pools.large);
      if (tail == nullptr) {
        rte_pktmbuf_free(packet);
        return nullptr;
      }
      tail->data_off = 0;
      const size_t rest = bytes.size() - first;
      std::memcpy(rte_pktmbuf_append(tail, static_cast<uint16_t>(rest)), bytes.data() + first, rest);
      rte_pktmbuf_chain(packet, tail);
    }
    return packet;
  }

 private:
  const Pools& pools_;
  Capabilities capabilities_;
  uint16_t flags_;
  bool link_up_ = true, broken_ = false;
  std::deque<Frame> waiting_;
  std::vector<Sent> sent_;
};

}  // namespace floof::engine
