// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/offload/offload.h"
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { output };

constexpr uint32_t kL2 = sizeof(EthernetHeader);
constexpr uint32_t kLongestHeader = 60;

/// Appends `length` bytes of `from`, from `offset` on, to `to`, with more buffers as needed. False: out of buffers.
bool append(rte_mbuf* to, const rte_mbuf* from, uint32_t offset, uint32_t length, rte_mempool* pool) {
  while (length > 0) {
    rte_mbuf* last = rte_pktmbuf_lastseg(to);
    if (rte_pktmbuf_tailroom(last) == 0) {
      rte_mbuf* more = rte_pktmbuf_alloc(pool);
      if (more == nullptr || rte_pktmbuf_chain(to, more) != 0) {
        rte_pktmbuf_free(more);
        return false;
      }
      last = more;
    }
    const uint32_t part = std::min<uint32_t>(length, rte_pktmbuf_tailroom(last));
    char* at = rte_pktmbuf_append(to, static_cast<uint16_t>(part));
    const void* data = rte_pktmbuf_read(from, offset, part, at);
    if (data == nullptr) {
      return false;
    }
    if (data != at) {
      std::memcpy(at, data, part);
    }
    offset += part;
    length -= part;
  }
  return true;
}

/// RFC 791 section 3.2, one packet: the whole header goes on the first fragment, copied options on the rest.
class Fragmenter {
 public:
  Fragmenter(const IpState& state, rte_mbuf* packet)
      : state_(state), packet_(packet), original_(header<Ip4Header>(packet)), header_(original_.header_length()) {
    std::memcpy(later_.data(), &original_, sizeof(Ip4Header));
    later_length_ =
        sizeof(Ip4Header) + copy_fragment_options(bytes_of(packet) + sizeof(Ip4Header), header_ - sizeof(Ip4Header),
                                                  later_.data() + sizeof(Ip4Header));
    later_[0] = static_cast<uint8_t>(0x40 | later_length_ / 4);
  }

  bool done() const { return at_ >= payload(); }

  /// The next fragment with its Ethernet header, or nullptr when buffers ran out or the MTU leaves no room for data.
  rte_mbuf* next(uint32_t mtu) {
    const bool first = at_ == 0;
    const uint32_t head = first ? header_ : later_length_;
    const uint32_t room = mtu > head ? (mtu - head) & ~7u : 0;
    if (room == 0) {
      return nullptr;
    }
    const uint32_t part = std::min(room, payload() - at_);
    rte_mbuf* out = rte_pktmbuf_alloc(state_.pools.packets);
    if (out == nullptr) {
      return nullptr;
    }
    write_header(out, first ? bytes_of(packet_) : later_.data(), head, part);
    if (!append(out, packet_, header_ + at_, part, state_.pools.packets)) {
      rte_pktmbuf_free(out);
      return nullptr;
    }
    at_ += part;
    return out;
  }

 private:
  uint32_t payload() const { return packet_->pkt_len - header_; }

  void write_header(rte_mbuf* out, const uint8_t* bytes, uint32_t head, uint32_t part) {
    PacketMeta& m = meta(out);
    engine::copy_meta(out, packet_);
    m.flags &= static_cast<uint16_t>(~(PacketMeta::checksum_partial | PacketMeta::checksum_good));
    char* frame = rte_pktmbuf_append(out, static_cast<uint16_t>(head));
    std::memcpy(frame, bytes, head);
    auto& ip = *reinterpret_cast<Ip4Header*>(frame);
    const uint16_t field = original_.fragment.host();
    const uint32_t offset = (field & Ip4Header::kOffsetMask) + at_ / 8;
    const bool last = at_ + part == payload() && (field & Ip4Header::kMoreFragments) == 0;
    ip.total_length.set(static_cast<uint16_t>(head + part));
    ip.fragment.set(static_cast<uint16_t>(offset | (last ? 0 : Ip4Header::kMoreFragments)));
    ip.checksum.set_raw(0);
    ip.checksum.set_raw(internet_checksum(frame, head));
  }

  const IpState& state_;
  rte_mbuf* packet_;
  const Ip4Header& original_;
  const uint32_t header_;
  std::array<uint8_t, kLongestHeader> later_;
  uint32_t later_length_;
  uint32_t at_ = 0;  ///< payload bytes sent so far
};

/// A checksum over the whole cannot be left to the device once the whole is in parts.
bool finish_checksum(rte_mbuf* packet) {
  if (!has_flag(packet, PacketMeta::checksum_partial)) {
    return true;
  }
  if (rte_pktmbuf_prepend(packet, kL2) == nullptr) {
    return false;
  }
  const bool done = engine::complete_checksum(*packet);
  rte_pktmbuf_adj(packet, kL2);
  return done;
}

void one(NodeContext& node, const IpState& state, rte_mbuf* packet) {
  const uint32_t mtu = state.interfaces[meta(packet).tx_if].mtu.load(std::memory_order_relaxed);
  if (!finish_checksum(packet)) {
    node.drop_output(state.drop(IpDrop::ip4_fragment_malformed), packet);
    return;
  }
  if (!has_flag(packet, PacketMeta::own | PacketMeta::from_tap)) {
    decrement_ttl(header<Ip4Header>(packet));
  }
  const Adjacency& adjacency = state.tables.adjacency(notes(packet).adj);
  Fragmenter fragments(state, packet);
  while (!fragments.done()) {
    rte_mbuf* fragment = fragments.next(mtu);
    if (fragment == nullptr) {
      node.drop_output(state.drop(IpDrop::no_buffer), packet);
      return;
    }
    leave(node, state, adjacency, Nexts::fragment4, Edge::output, fragment);
  }
  rte_pktmbuf_free(packet);
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  for (rte_mbuf* packet : packets) {
    one(node, state, packet);
  }
}

}  // namespace

engine::NodeSpec ip4_fragment_node(IpState& state) {
  return {.name = "ip4-fragment",
          .help = "Cuts IPv4 packets that are longer than the MTU of their way out (RFC 791 3.2).",
          .process = process,
          .next = {"interface-output"},
          .state = &state};
}

}  // namespace floof::ip
