// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/port_tx.h"

#include <algorithm>
#include <array>

#include "engine/offload/offload.h"
#include "engine/tags.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

/// Counts what a port did with packets of an interface and of the one whose port it is. Interfaces of one port often
/// take turns, so what their parent sent is added up first. A port that does not take all has taken the first ones.
class SentCounts {
 public:
  SentCounts(NodeContext& node, const OutputState& state) : node_(node), state_(state) {}
  ~SentCounts() { count_parents(); }

  void add(IfId interface, size_t given, size_t sent, uint64_t bytes) {
    if (sent < given) [[unlikely]] {
      node_.count_drop(state_.tx_failed, given - sent);
      bytes = bytes * sent / given;  // the port does not say which; alike lengths are the rule
    }
    count(interface, given, sent, bytes);
    const IfId parent(interface_of(interface).parent.load(std::memory_order_relaxed));
    if (parent != parent_) {
      count_parents();
      parent_ = parent;
    }
    given_ += given;
    sent_ += sent;
    bytes_ += bytes;
  }

 private:
  const Interface& interface_of(IfId id) const { return (*state_.interfaces)[id]; }
  void count(IfId at, size_t given, size_t sent, uint64_t bytes) {
    if (sent < given) [[unlikely]] {
      node_.count_interface(at, stats::tx_drops, given - sent);
      node_.count_interface(at, stats::tx_errors, given - sent);
    }
    node_.count_interface(at, stats::tx_packets, sent);
    node_.count_interface(at, stats::tx_bytes, bytes);
  }
  void count_parents() {
    for (; parent_.valid(); parent_ = IfId(interface_of(parent_).parent.load(std::memory_order_relaxed))) {
      count(parent_, given_, sent_, bytes_);
    }
    given_ = sent_ = 0;
    bytes_ = 0;
  }

  NodeContext& node_;
  const OutputState& state_;
  IfId parent_;
  size_t given_ = 0, sent_ = 0;
  uint64_t bytes_ = 0;
};

/// Sends packets of one port, of one or several interfaces, as they are.
void transmit(NodeContext& node, const OutputState& state, Port& port, std::span<rte_mbuf*> packets) {
  struct Size {
    IfId tx;
    uint32_t bytes;
  };
  std::array<Size, kFrameSize> sizes;  // the port may free them
  for (size_t i = 0; i < packets.size(); i++) {
    sizes[i] = {meta(packets[i]).tx_if, packets[i]->pkt_len};
  }
  const size_t sent = port.transmit(packets);
  SentCounts counts(node, state);
  for (size_t i = 0; i < packets.size();) {
    const size_t first = i;
    uint64_t bytes = 0;
    for (; i < packets.size() && sizes[i].tx == sizes[first].tx; i++) {
      bytes += sizes[i].bytes;
    }
    counts.add(sizes[first].tx, i - first, std::clamp(sent, first, i) - first, bytes);
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
    if (count_ != 0) {
      transmit(node_, state_, port_, {ready_.data(), count_});
      count_ = 0;
    }
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

  NodeContext& node_;
  const OutputState& state_;
  Port& port_;
  const Port::Capabilities can_;
  std::array<rte_mbuf*, kFrameSize> ready_;
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

/// What has no port may have a node instead.
void send_by_node(NodeContext& node, const OutputState& state, Form form, rte_mbuf* packet) {
  const IfId tx = meta(packet).tx_if;
  const Interface& interface = (*state.interfaces)[tx];
  const unsigned sender = interface.up() ? interface.sender.load(std::memory_order_acquire) : 0;
  if (sender == 0) {
    node.drop_output(state.interface_down, packet);
  } else if (form == Form::finished || tag(node, state, packet)) {
    SentCounts(node, state).add(tx, 1, 1, packet->pkt_len);
    node.next(sender - 1, packet);
  }
}

/// All by one port, perhaps of several interfaces, or by none.
void send_one_by_one(NodeContext& node, const OutputState& state, Form form, Port* port,
                     std::span<rte_mbuf* const> packets) {
  if (port == nullptr) {
    for (rte_mbuf* packet : packets) {
      send_by_node(node, state, form, packet);
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

/// Whether packets of an interface may go to its port as they lie.
bool as_it_lies(Form form, const Run& run, Port* port) {
  return run.finished && form == Form::finished && port != nullptr && run.length_bits <= port->capabilities().max_frame;
}

/// All for one interface, as nearly always.
void send_run(NodeContext& node, const OutputState& state, Form form, IfId tx, const Run& run,
              std::span<rte_mbuf*> packets) {
  Port* port = port_of(state, tx);
  if (form == Form::untagged && (*state.interfaces)[tx].tag_bytes.load(std::memory_order_relaxed) == 0) {
    form = Form::finished;
  }
  if (!as_it_lies(form, run, port)) [[unlikely]] {
    send_one_by_one(node, state, form, port, packets);
    return;
  }
  const size_t sent = port->queue_of_worker(node.worker().index()).transmit(packets);
  SentCounts(node, state).add(tx, packets.size(), sent, run.bytes);
}

template <Form kForm>
void port_tx(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<OutputState>();
  const Run run = look_at(packets);
  if (run.one_way) [[likely]] {
    send_run(node, state, kForm, meta(packets.front()).tx_if, run, packets);
    return;
  }
  while (!packets.empty()) {
    // Takes those that leave by the first packet's port, in order; the rest moves up for another round. Packets of an
    // interface come in trains.
    std::array<rte_mbuf*, kFrameSize> group;
    IfId last = meta(packets.front()).tx_if;
    Port* const port = port_of(state, last);
    size_t taken = 0, left = 0;
    bool mine = true;
    for (rte_mbuf* packet : packets) {
      if (const IfId tx = meta(packet).tx_if; tx != last) {
        last = tx;
        mine = port_of(state, tx) == port;
      }
      group[taken] = packet;
      packets[left] = packet;
      taken += mine;
      left += !mine;
    }
    if (as_it_lies(kForm, run, port)) {
      transmit(node, state, port->queue_of_worker(node.worker().index()), {group.data(), taken});
    } else {
      send_one_by_one(node, state, kForm, port, {group.data(), taken});
    }
    packets = packets.first(left);
  }
}

void interface_output(NodeContext& node, std::span<rte_mbuf*> packets) {
  node.start_arc_all(node.state<OutputState>().arc, packets, &PacketMeta::tx_if);
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
  const std::vector<std::string_view> senders = builder.senders_;
  builder.add_node({.name = "interface-output",
                    .help = "Sends packets through the output features of their interface.",
                    .process = interface_output,
                    .state = &state,
                    .arcs = {"interface-output"}});
  builder.add_node({.name = "interface-tx",
                    .help = "Puts VLAN tags on frames of interfaces that send with some, and hands them to the ports.",
                    .process = port_tx<Form::untagged>,
                    .next = senders,
                    .state = &state});
  builder.add_node({.name = "port-tx",
                    .help = "Hands frames that are as they shall be on the wire to the ports.",
                    .process = port_tx<Form::finished>,
                    .next = senders,
                    .state = &state});
}

}  // namespace floof::engine
