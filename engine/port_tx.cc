// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/port_tx.h"

#include <algorithm>
#include <array>

#include "engine/offload/offload.h"
#include "engine/tags.h"
#include "engine/worker.h"

namespace floof::engine {
namespace {

IfId parent_of(const OutputState& state, IfId id) {
  return IfId((*state.interfaces)[id].parent.load(std::memory_order_relaxed));
}

/// What is counted of a packet. A port may free packets, so it is read before.
struct Size {
  uint16_t tx, parent;  ///< IfIds, as numbers: a room for many is not cleared. `parent`: of `tx`
  uint32_t bytes;
};

Size size_of(const OutputState& state, const rte_mbuf* packet) {
  const IfId tx = meta(packet).tx_if;
  return {tx.value(), parent_of(state, tx).value(), packet->pkt_len};
}

/// Counts what a port did with packets of an interface and of the one whose port it is. Interfaces of one port often
/// take turns, so what their parent sent is added up first. A port that does not take all has taken the first ones.
class SentCounts {
 public:
  SentCounts(NodeContext& node, const OutputState& state) : node_(node), state_(state) {}
  ~SentCounts() { count_parents(); }

  void add(IfId interface, IfId parent, size_t given, size_t sent, uint64_t bytes) {
    if (sent < given) [[unlikely]] {
      node_.count_drop(state_.tx_failed, given - sent);
      bytes = bytes * sent / given;  // the port does not say which; alike lengths are the rule
    }
    count(interface, given, sent, bytes);
    if (parent != parent_) {
      count_parents();
      parent_ = parent;
    }
    given_ += given;
    sent_ += sent;
    bytes_ += bytes;
  }
  void add(std::span<const Size> sizes, size_t sent) {
    for (size_t i = 0; i < sizes.size();) {
      const size_t first = i;
      const auto [tx, parent, size] = sizes[first];
      uint64_t bytes = size;
      for (i++; i < sizes.size() && sizes[i].tx == tx; i++) {
        bytes += sizes[i].bytes;
      }
      add(IfId(tx), IfId(parent), i - first, std::clamp(sent, first, i) - first, bytes);
    }
  }

 private:
  void count(IfId at, size_t given, size_t sent, uint64_t bytes) {
    if (sent < given) [[unlikely]] {
      node_.count_interface(at, stats::tx_drops, given - sent);
      node_.count_interface(at, stats::tx_errors, given - sent);
    }
    node_.count_interface(at, stats::tx_packets, sent);
    node_.count_interface(at, stats::tx_bytes, bytes);
  }
  void count_parents() {
    for (; parent_.valid(); parent_ = parent_of(state_, parent_)) {
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
  std::array<Size, kFrameSize> sizes;
  for (size_t i = 0; i < packets.size(); i++) {
    sizes[i] = size_of(state, packets[i]);
  }
  const size_t sent = port.transmit(packets);
  SentCounts(node, state).add(std::span(sizes).first(packets.size()), sent);
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
[[gnu::always_inline]] inline Port* port_of(const Interface& interface, IfId tx) {
  Port* const port = interface.port.load(std::memory_order_acquire);
  return tx.valid() && interface.up() ? port : nullptr;
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
    SentCounts(node, state).add(tx, parent_of(state, tx), 1, 1, packet->pkt_len);
    node.next(sender - 1, packet);
  }
}

/// All by one port, perhaps of several interfaces, or by none.
[[gnu::noinline]] void send_one_by_one(NodeContext& node, const OutputState& state, Form form, Port* port,
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
  Port* port = port_of((*state.interfaces)[tx], tx);
  if (form == Form::untagged && (*state.interfaces)[tx].tag_bytes.load(std::memory_order_relaxed) == 0) {
    form = Form::finished;
  }
  if (!as_it_lies(form, run, port)) [[unlikely]] {
    send_one_by_one(node, state, form, port, packets);
    return;
  }
  const size_t sent = port->queue_of_worker(node.worker().index()).transmit(packets);
  SentCounts(node, state).add(tx, parent_of(state, tx), packets.size(), sent, run.bytes);
}

/// Packets of several interfaces, by port. Which one is next is anybody's guess, so there is no branch on it: the
/// port's address leads to its group.
class Split {
 public:
  struct Group {
    std::array<rte_mbuf*, kFrameSize> packets;
    std::array<Size, kFrameSize> sizes;
  };

  /// Takes packets in order. Those of ports for which there is no group left stay at the front of `packets`, all of a
  /// port or none. At least one is taken. How many stay. `run` becomes what there is to know of all of them.
  size_t take(const OutputState& state, std::span<rte_mbuf*> packets, Run& run) {
    const Interface* const interfaces = &(*state.interfaces)[IfId{}];
    std::array<uint8_t, kSlots> group_at;
    group_at.fill(kMost);
    ports_[kMost] = kNobodys;
    uint64_t counts = 0;  // a byte for each group
    uint32_t unfinished = 0, length_bits = 0;
    unsigned groups = 0;
    size_t left = 0;
    for (rte_mbuf* packet : packets) {
      const PacketMeta& m = meta(packet);
      const uint16_t tx = m.tx_if.value();
      unfinished |= (m.flags & PacketMeta::checksum_partial) | m.gso;
      length_bits |= packet->pkt_len;
      const Interface& interface = interfaces[tx];
      const Size size{tx, interface.parent.load(std::memory_order_relaxed), packet->pkt_len};
      const auto port = reinterpret_cast<uintptr_t>(port_of(interface, IfId(tx)));
      uint8_t& at = group_at[port * kGolden >> (64 - kSlotBits)];
      unsigned group = at;
      if (ports_[group] != port) [[unlikely]] {
        if (group != kMost || groups == kMost) {
          packets[left++] = packet;
          continue;
        }
        group = groups++;
        ports_[group] = port;
        at = static_cast<uint8_t>(group);
      }
      const size_t n = counts >> 8 * group & 0xff;
      counts += uint64_t{1} << 8 * group;
      groups_[group].packets[n] = packet;
      groups_[group].sizes[n] = size;
    }
    for (unsigned group = 0; group < groups; group++) {
      counts_[group] = counts >> 8 * group & 0xff;
    }
    if (groups == 1) {
      counts_[0] = packets.size() - left;  // 256 do not fit into a byte
    }
    count_ = groups;
    run.finished = unfinished == 0;
    run.length_bits = length_bits;
    return left;
  }

  size_t count() const { return count_; }
  /// nullptr: there is none now.
  Port* port(size_t group) const { return reinterpret_cast<Port*>(ports_[group]); }
  std::span<rte_mbuf*> packets(size_t group) { return std::span(groups_[group].packets).first(counts_[group]); }
  std::span<const Size> sizes(size_t group) const { return std::span(groups_[group].sizes).first(counts_[group]); }

 private:
  static constexpr unsigned kMost = 8, kSlotBits = 6, kSlots = 1 << kSlotBits;
  static constexpr uintptr_t kNobodys = 1;
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

  size_t count_ = 0;
  std::array<uintptr_t, kMost + 1> ports_;
  std::array<size_t, kMost> counts_;
  std::array<Group, kMost> groups_;
};
static_assert(std::is_trivially_default_constructible_v<Size>);

[[gnu::noinline]] void send_several(NodeContext& node, const OutputState& state, Form form,
                                    std::span<rte_mbuf*> packets) {
  Split split;
  while (!packets.empty()) {
    Run run;
    packets = packets.first(split.take(state, packets, run));
    for (size_t group = 0; group < split.count(); group++) {
      Port* const port = split.port(group);
      if (!as_it_lies(form, run, port)) [[unlikely]] {
        send_one_by_one(node, state, form, port, split.packets(group));
        continue;
      }
      const size_t sent = port->queue_of_worker(node.worker().index()).transmit(split.packets(group));
      SentCounts(node, state).add(split.sizes(group), sent);
    }
  }
}

template <Form kForm>
void port_tx(NodeContext& node, std::span<rte_mbuf*> packets) {
  const auto& state = node.state<OutputState>();
  const IfId tx = meta(packets.front()).tx_if;
  if (tx == meta(packets.back()).tx_if && tx == meta(packets[packets.size() / 2]).tx_if) [[likely]] {
    if (const Run run = look_at(packets); run.one_way) [[likely]] {
      send_run(node, state, kForm, tx, run, packets);
      return;
    }
  }
  send_several(node, state, kForm, packets);
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
