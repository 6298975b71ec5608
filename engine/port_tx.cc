// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/port_tx.h"

#include <algorithm>
#include <array>

#include "engine/offload/offload.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

/// Counts what a port did with `given` packets of `bytes` in all.
void count_sent(NodeContext& node, const OutputState& state, IfId interface, size_t given, size_t sent,
                uint64_t bytes) {
  if (sent < given) [[unlikely]] {
    const size_t lost = given - sent;
    node.count_drop(state.tx_failed, lost);
    node.count_interface(interface, stats::tx_drops, lost);
    node.count_interface(interface, stats::tx_errors, lost);
    bytes = bytes * sent / given;  // the port does not say which; alike lengths are the rule
  }
  node.count_interface(interface, stats::tx_packets, sent);
  node.count_interface(interface, stats::tx_bytes, bytes);
}

/// Packets for one port, sent when the vector is full and at the end.
class Sender {
 public:
  Sender(NodeContext& node, const OutputState& state, IfId interface, Port& port)
      : node_(node), state_(state), interface_(interface), port_(port), can_(port.capabilities()) {}

  void add(rte_mbuf* packet) {
    PacketMeta& m = meta(packet);
    if ((m.flags & PacketMeta::checksum_partial) == 0 && m.gso == PacketMeta::gso_none) [[likely]] {
      put(packet);
    } else {
      add_unfinished(packet);
    }
  }

  void flush() {
    if (count_ == 0) {
      return;
    }
    count_sent(node_, state_, interface_, count_, port_.transmit({ready_.data(), count_}), bytes_);
    count_ = 0;
    bytes_ = 0;
  }

 private:
  void put(rte_mbuf* packet) {
    if (packet->pkt_len > can_.max_frame && meta(packet).gso == PacketMeta::gso_none) [[unlikely]] {
      node_.drop_output(state_.frame_too_long, packet);
      return;
    }
    if (count_ == ready_.size()) {
      flush();
    }
    bytes_ += packet->pkt_len;
    ready_[count_++] = packet;
  }

  void add_unfinished(rte_mbuf* packet) {
    const auto gso = meta(packet).gso;
    if ((gso == PacketMeta::gso_tcp4 && !can_.tso4) || (gso == PacketMeta::gso_tcp6 && !can_.tso6)) {
      segment(packet);
    } else if (can_.partial_checksum || gso != PacketMeta::gso_none || complete_checksum(*packet)) {
      put(packet);
    } else {
      node_.drop_output(state_.bad_offload, packet);
    }
  }

  void segment(rte_mbuf* packet) {
    Segmenter segments(*packet, state_.pools);
    if (!segments.valid()) {
      node_.drop_output(state_.bad_offload, packet);
      return;
    }
    while (!segments.done()) {
      rte_mbuf* piece = segments.next();
      if (piece == nullptr) {
        node_.drop_output(state_.no_buffer, packet);
        return;
      }
      put(piece);
    }
    node_.beat();  // a vector of super packets is 32,000 frames at worst
    rte_pktmbuf_free(packet);
  }

  NodeContext& node_;
  const OutputState& state_;
  const IfId interface_;
  Port& port_;
  const Port::Capabilities can_;
  std::array<rte_mbuf*, kFrameSize> ready_;
  unsigned count_ = 0;
  uint64_t bytes_ = 0;
};

/// What the packets of a vector have in common. No branch for each packet: it is nearly always all that there is to do.
struct Run {
  bool one_way = true;   ///< all leave by the first one's interface
  bool finished = true;  ///< none waits for a checksum or for being cut
  uint64_t bytes = 0;
  uint32_t length_bits = 0;  ///< of all lengths together: none is longer than this
};

Run look_at(std::span<rte_mbuf* const> packets) {
  const uint16_t tx = meta(packets.front()).tx_if.value();
  Run run;
  uint32_t other = 0, unfinished = 0;
  for (const rte_mbuf* packet : packets) {
    const PacketMeta& m = meta(packet);
    other |= m.tx_if.value() ^ tx;
    unfinished |= (m.flags & PacketMeta::checksum_partial) | m.gso;
    run.bytes += packet->pkt_len;
    run.length_bits |= packet->pkt_len;
  }
  run.one_way = other == 0;
  run.finished = unfinished == 0;
  return run;
}
static_assert(PacketMeta::gso_none == 0);

/// This worker's queue of the port to send by, nullptr when there is none now: then the packets are dropped.
Port* port_of(NodeContext& node, const OutputState& state, IfId tx, std::span<rte_mbuf*> packets) {
  const Interface& interface = (*state.interfaces)[tx];
  Port* port = interface.port.load(std::memory_order_acquire);
  if (tx.valid() && port != nullptr && interface.up()) [[likely]] {
    return &port->queue_of_worker(node.worker().index());
  }
  for (rte_mbuf* packet : packets) {
    node.drop_output(state.interface_down, packet);
  }
  return nullptr;
}

void send_one_by_one(NodeContext& node, const OutputState& state, IfId tx, std::span<rte_mbuf*> packets) {
  if (Port* port = port_of(node, state, tx, packets); port != nullptr) {
    Sender sender(node, state, tx, *port);
    for (rte_mbuf* packet : packets) {
      sender.add(packet);
    }
    sender.flush();
  }
}

/// All for one interface, as nearly always: goes out as it lies.
void send_run(NodeContext& node, const OutputState& state, IfId tx, const Run& run, std::span<rte_mbuf*> packets) {
  Port* port = run.finished ? port_of(node, state, tx, packets) : nullptr;
  if (!run.finished || (port != nullptr && run.length_bits > port->capabilities().max_frame)) {
    send_one_by_one(node, state, tx, packets);
  } else if (port != nullptr) {
    count_sent(node, state, tx, packets.size(), port->transmit(packets), run.bytes);
  }
}

void port_tx(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<OutputState>();
  while (!packets.empty()) {
    const IfId tx = meta(packets.front()).tx_if;
    if (const Run run = look_at(packets); run.one_way) [[likely]] {
      send_run(node, state, tx, run, packets);
      return;
    }
    // Takes those of the first packet's interface, in order; the rest moves up for another round.
    std::array<rte_mbuf*, kFrameSize> group;
    size_t taken = 0, left = 0;
    for (rte_mbuf* packet : packets) {
      const bool mine = meta(packet).tx_if == tx;
      group[taken] = packet;
      packets[left] = packet;
      taken += mine;
      left += !mine;
    }
    send_one_by_one(node, state, tx, {group.data(), taken});
    packets = packets.first(left);
  }
}

void interface_output(NodeContext& node, std::span<rte_mbuf*> packets) {
  const ArcId arc = node.state<OutputState>().arc;
  for (rte_mbuf* packet : packets) {
    node.start_arc(arc, packet, meta(packet).tx_if);
  }
}

}  // namespace

void register_output_nodes(GraphBuilder& builder, OutputState& state) {
  state.arc = builder.add_arc("interface-output", "port-tx");
  state.interface_down =
      builder.declare_drop("interface-down", "The interface to send on is disabled, has no link or no device.");
  state.tx_failed =
      builder.declare_drop("tx-failed", "The device did not take the packet: its queue is full or it went down.");
  state.frame_too_long = builder.declare_drop("frame-too-long", "The frame is longer than the device can send.");
  state.bad_offload =
      builder.declare_drop("tx-offload-malformed",
                           "A checksum or TCP segmentation was left to the device, but the headers do not fit that.");
  state.no_buffer = builder.declare_drop("tx-no-buffer", "No packet buffer was free to cut a TCP super packet into.");
  builder.add_node({.name = "interface-output",
                    .help = "Sends packets through the output features of their interface.",
                    .process = interface_output,
                    .state = &state,
                    .arcs = {"interface-output"}});
  builder.add_node({.name = "port-tx", .help = "Hands packets to the ports.", .process = port_tx, .state = &state});
}

}  // namespace floof::engine
