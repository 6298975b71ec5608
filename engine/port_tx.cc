// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/port_tx.h"

#include <algorithm>
#include <array>

#include "engine/offload/offload.h"
#include "engine/tags.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

/// Counts what a port did with `given` packets of `bytes` in all, at the interface and at the one whose port it is.
void count_sent(NodeContext& node, const OutputState& state, IfId interface, size_t given, size_t sent,
                uint64_t bytes) {
  if (sent < given) [[unlikely]] {
    node.count_drop(state.tx_failed, given - sent);
    bytes = bytes * sent / given;  // the port does not say which; alike lengths are the rule
  }
  for (IfId at = interface; at.valid(); at = IfId((*state.interfaces)[at].parent.load(std::memory_order_relaxed))) {
    if (sent < given) [[unlikely]] {
      node.count_interface(at, stats::tx_drops, given - sent);
      node.count_interface(at, stats::tx_errors, given - sent);
    }
    node.count_interface(at, stats::tx_packets, sent);
    node.count_interface(at, stats::tx_bytes, bytes);
  }
}

/// Packets of one interface, or of several that share a port, sent when the vector is full and at the end.
class Sender {
 public:
  Sender(NodeContext& node, const OutputState& state, Port& port)
      : node_(node), state_(state), port_(port), can_(port.capabilities()) {}

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
    for (size_t i = 0; i < count_; i++) {
      sizes_[i] = {meta(ready_[i]).tx_if, ready_[i]->pkt_len};
    }
    const size_t sent = port_.transmit({ready_.data(), count_});
    for (size_t i = 0; i < count_;) {
      const size_t first = i;
      uint64_t bytes = 0;
      for (; i < count_ && sizes_[i].tx == sizes_[first].tx; i++) {
        bytes += sizes_[i].bytes;
      }
      // A port that does not take all has taken the first ones.
      const size_t went = std::clamp(sent, first, i) - first;
      count_sent(node_, state_, sizes_[first].tx, i - first, went, bytes);
    }
    count_ = 0;
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

  struct Size {
    IfId tx;
    uint32_t bytes;
  };

  NodeContext& node_;
  const OutputState& state_;
  Port& port_;
  const Port::Capabilities can_;
  std::array<rte_mbuf*, kFrameSize> ready_;
  std::array<Size, kFrameSize> sizes_;
  unsigned count_ = 0;
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

/// The port to send by, nullptr when there is none now.
Port* port_of(const OutputState& state, IfId tx) {
  const Interface& interface = (*state.interfaces)[tx];
  return tx.valid() && interface.up() ? interface.port.load(std::memory_order_acquire) : nullptr;
}

/// Frames may be untagged still: those of an interface that sends with tags get them here.
enum class Form { untagged, finished };

bool tag(NodeContext& node, const OutputState& state, rte_mbuf* packet) {
  const Interface& interface = (*state.interfaces)[meta(packet).tx_if];
  const unsigned bytes = interface.tag_bytes.load(std::memory_order_relaxed);
  if (bytes != 0 && !push_tags(packet, interface.tags.load(std::memory_order_relaxed), bytes,
                               interface.tags_kept.load(std::memory_order_relaxed))) [[unlikely]] {
    node.drop_output(state.frame_too_long, packet);
    return false;
  }
  return true;
}

/// All by one port, perhaps of several interfaces.
void send_one_by_one(NodeContext& node, const OutputState& state, Form form, Port* port,
                     std::span<rte_mbuf* const> packets) {
  if (port == nullptr) {
    for (rte_mbuf* packet : packets) {
      node.drop_output(state.interface_down, packet);
    }
    return;
  }
  Sender sender(node, state, port->queue_of_worker(node.worker().index()));
  for (rte_mbuf* packet : packets) {
    if (form == Form::finished || tag(node, state, packet)) {
      sender.add(packet);
    }
  }
  sender.flush();
}

/// All for one interface, as nearly always: goes out as it lies.
void send_run(NodeContext& node, const OutputState& state, Form form, IfId tx, const Run& run,
              std::span<rte_mbuf*> packets) {
  Port* port = port_of(state, tx);
  const bool tagged = form == Form::finished || (*state.interfaces)[tx].tag_bytes.load(std::memory_order_relaxed) == 0;
  if (!run.finished || !tagged || port == nullptr || run.length_bits > port->capabilities().max_frame) [[unlikely]] {
    send_one_by_one(node, state, form, port, packets);
    return;
  }
  const size_t sent = port->queue_of_worker(node.worker().index()).transmit(packets);
  count_sent(node, state, tx, packets.size(), sent, run.bytes);
}

template <Form kForm>
void port_tx(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<OutputState>();
  while (!packets.empty()) {
    const IfId tx = meta(packets.front()).tx_if;
    if (const Run run = look_at(packets); run.one_way) [[likely]] {
      send_run(node, state, kForm, tx, run, packets);
      return;
    }
    // Takes those that leave by the first packet's port, in order; the rest moves up for another round.
    std::array<rte_mbuf*, kFrameSize> group;
    Port* const port = port_of(state, tx);
    size_t taken = 0, left = 0;
    for (rte_mbuf* packet : packets) {
      const bool mine = port_of(state, meta(packet).tx_if) == port;
      group[taken] = packet;
      packets[left] = packet;
      taken += mine;
      left += !mine;
    }
    send_one_by_one(node, state, kForm, port, {group.data(), taken});
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
  state.arc = builder.add_arc("interface-output", "interface-tx");
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
  builder.add_node({.name = "interface-tx",
                    .help = "Puts VLAN tags on frames of interfaces that send with some, and hands them to the ports.",
                    .process = port_tx<Form::untagged>,
                    .state = &state});
  builder.add_node({.name = "port-tx",
                    .help = "Hands frames that are as they shall be on the wire to the ports.",
                    .process = port_tx<Form::finished>,
                    .state = &state});
}

}  // namespace floof::engine
