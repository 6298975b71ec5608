// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to the nodes that forward in one go: what they do with packets that are known to be good. A packet is left as
// it came, tags and all, until it is sure that it just goes out. fast_stages.h and fast_collected.h build on this.
#pragma once

#include <cstddef>

#include "engine/tags.h"
#include "features/ip/checks/plain_frames.h"
#include "features/ip/ip_node.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip::fast {

inline constexpr uint32_t kL2 = sizeof(EthernetHeader);

// Two loads tell whether there is anything special about a packet: its lengths and rx_if are neighbours, and so is the
// rest of PacketMeta, of which may be set only what was said of the transport checksum, which forwarding does not
// touch, and the rounds of a packet that came out of another one.
static_assert(offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, pkt_len) + 4 &&
              offsetof(rte_mbuf, vlan_tci) == offsetof(rte_mbuf, pkt_len) + 6 && offsetof(PacketMeta, rx_if) == 0 &&
              offsetof(PacketMeta, flags) == 2 && offsetof(PacketMeta, tx_if) == 8);
inline constexpr uint64_t kRelevant =
    ~uint64_t{PacketMeta::checksum_partial | PacketMeta::checksum_good | uint16_t(-PacketMeta::one_round)};

template <typename T>
T load(const void* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

/// What frames of an interface have in common.
inline PlainFrames plain_on(const IpState& state, IfId rx) {
  const uint64_t mac = state.interfaces[rx].mac_bits.load(std::memory_order_relaxed);
  const auto& own6 = state.sources.own6(rx);
  return {.mac_low = static_cast<uint32_t>(mac),
          .mac_high = static_cast<uint32_t>(mac >> 32),
          .own4 = be32::from(state.sources.own4(rx)).raw(),
          .own6_first = be32::from(static_cast<uint32_t>(own6.high >> 32)).raw(),
          .own6_last = be32::from(static_cast<uint32_t>(own6.low)).raw()};
}

/// Room for a vector, not initialized: clearing it would cost as much as a packet or two.
template <typename T>
class Room {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  T& operator[](size_t i) { return data()[i]; }
  T* data() { return reinterpret_cast<T*>(bytes_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_); }

 private:
  alignas(64) std::byte bytes_[engine::kFrameSize * sizeof(T)];
};

/// What lies between the MAC addresses and the type of frames as they come. For those without tags it is known when
/// this is compiled. `came`: the first tag, or at least the priority of one that came off; 0: none.
struct Untagged {
  static constexpr uint32_t tag_bytes = 0;
  static uint32_t came(rte_mbuf* packet, const uint8_t*) { return engine::kept_priority(meta(packet)); }
};
struct Tagged {
  uint32_t tag_bytes;
  static uint32_t came(rte_mbuf*, const uint8_t* frame) { return load<uint32_t>(frame + engine::kMacBytes); }
};

/// Packets to look up and rewrite. The arrays are the worker's own: who takes packets out moves the others up.
template <typename Address>
struct Batch {
  rte_mbuf** packets;
  const uint8_t** frames;
  Address* destinations;
  size_t count;
};

/// Room for those packets of a mixed vector that belong together.
template <typename Address>
struct Sorted {
  Room<rte_mbuf*> packets;
  Room<const uint8_t*> frames;
  Room<Address> destinations;
  size_t count = 0;

  void add(rte_mbuf* packet, const uint8_t* frame, const Address& destination) {
    packets[count] = packet;
    frames[count] = frame;
    destinations[count++] = destination;
  }
  Batch<Address> batch() { return {packets.data(), frames.data(), destinations.data(), count}; }
};

/// Packets on their way out, in order, as they shall be on the wire.
struct Leaving {
  std::array<rte_mbuf*, engine::kFrameSize> packets;
  size_t count = 0;
  bool featured = false;  ///< an interface that some leave by has output features
};

/// As decrement_ttl does it; the two compare alike in ip_differential_node_test.cc. The checksum's word rises by one,
/// with the carry, and 0xffff is written as 0 (RFC 1624).
inline void lower_ttl(uint8_t* ip, Ip4) {
  ip[8]--;
  uint32_t checksum = load<uint16_t>(ip + 10) + 1u;
  checksum += checksum >= 0xffff;
  const auto stored = static_cast<uint16_t>(checksum);
  std::memcpy(ip + 10, &stored, sizeof stored);
}
inline void lower_ttl(uint8_t* ip, const Ip6&) { ip[7]--; }

inline uint32_t hash_of(const uint8_t* ip, uint32_t length, uint32_t seed, Ip4) { return flow_hash4(ip, length, seed); }
inline uint32_t hash_of(const uint8_t* ip, uint32_t length, uint32_t seed, const Ip6&) {
  return flow_hash6(ip, length, seed);
}

/// The adjacency among several; 0 when packets of this kind do not just go out.
template <typename Address>
[[gnu::noinline]] AdjId select(const IpState& state, const Group& group, const uint8_t* ip, uint32_t length) {
  const Lead lead = group.lead.load(std::memory_order_acquire);
  if (lead.kind() != PathKind::forward) {
    return {};
  }
  const uint32_t seed = state.hash_seed.load(std::memory_order_relaxed);
  return state.tables.select(group, lead, hash_of(ip, length, seed, Address{}));
}

/// What the way out means for a packet: its next MAC addresses and limits. Where hardly two packets in a row go the
/// same way, making this is a third of the price: so there is nothing in it that is as quickly read where it is needed.
struct Hop {
  uint64_t first;    ///< bytes 0..7 of the frame
  uint32_t second;   ///< bytes 8..11
  uint32_t longest;  ///< frame that goes out, with as many tags as the packet came with; 0: none
  const engine::Interface* out;
  IfId tx;

  uint32_t tag_bytes() const { return out->tag_bytes.load(std::memory_order_relaxed); }
  void write_macs(uint8_t* to) const {
    std::memcpy(to, &first, 8);
    std::memcpy(to + 8, &second, 4);
  }
};

// What does not change is kept in local variables: stores into packets might change anything else, as far as the
// compiler knows, and would have it read again for each packet.
template <typename Framing>
class Hops {
 public:
  Hops(const NodeContext& node, const IpState& state, Framing framing)
      : groups_(&state.tables.group(GroupId{})),
        adjacencies_(&state.tables.adjacency(AdjId{})),
        interfaces_(&state.interfaces[IfId{}]),
        output_features_(node.arc_features(state.interface_output)),
        framing_(framing) {}

  /// 0 when the hash of the flow decides, or nothing is forwarded.
  AdjId direct(GroupId group) const { return AdjId(groups_[group.value()].direct.load(std::memory_order_acquire)); }
  const Group& group(GroupId id) const { return groups_[id.value()]; }
  Hop operator[](AdjId id) const {
    adjacencies_[id.value()].use();
    const uint64_t rewrite = adjacencies_[id.value()].rewrite.load(std::memory_order_acquire);
    const engine::Interface& out = interfaces_[rewrite >> 48];
    uint32_t longest = out.mtu.load(std::memory_order_relaxed) + kL2 + framing_.tag_bytes;
    if (rewrite == 0) [[unlikely]] {
      longest = 0;
    }
    const uint64_t source = out.mac_bits.load(std::memory_order_relaxed);
    return {rewrite << 16 >> 16 | source << 48, static_cast<uint32_t>(source >> 16), longest, &out,
            IfId(static_cast<uint16_t>(rewrite >> 48))};
  }
  /// Not 0: it has output features.
  uint32_t features(IfId tx) const { return output_features_[tx.value()].load(std::memory_order_relaxed); }

 private:
  const Group* groups_;
  const Adjacency* adjacencies_;
  const engine::Interface* interfaces_;
  const std::atomic<uint32_t>* output_features_;
  [[no_unique_address]] Framing framing_;
};

/// `came`: the first four bytes of the tags that the packet came with; 0: none.
inline void put_tags(uint8_t* to, const Hop& hop, uint32_t tag_bytes, uint32_t came) {
  const uint64_t tags = hop.out->tags.load(std::memory_order_relaxed);
  const auto first = static_cast<uint32_t>(tags) | (came & hop.out->tags_kept.load(std::memory_order_relaxed));
  std::memcpy(to, &first, sizeof first);
  if (tag_bytes == 8) {
    const auto second = static_cast<uint32_t>(tags >> 32);
    std::memcpy(to + 4, &second, sizeof second);
  }
}

/// `featured`: the way out has output features, which may ask for the priority.
template <typename Address, typename Framing>
inline void rewrite(rte_mbuf* packet, uint8_t* frame, const Hop& hop, bool featured, Framing framing) {
  lower_ttl(frame + kL2 + framing.tag_bytes, Address{});
  hop.write_macs(frame);
  if (framing.tag_bytes != 0) {
    const uint32_t came = framing.came(packet, frame);
    put_tags(frame + engine::kMacBytes, hop, framing.tag_bytes, came);
    if (featured) {
      engine::keep_priority(meta(packet), came);
    }
  }
  meta(packet).tx_if = hop.tx;
}

/// The same where there are more or fewer tags than before; the type stays where it is, in front of the IP header.
template <typename Address, typename Framing>
inline void rewrite_resized(rte_mbuf* packet, uint8_t* frame, const Hop& hop, uint32_t tag_bytes, bool featured,
                            Framing framing) {
  const uint32_t came = framing.came(packet, frame);
  if (framing.tag_bytes != 0 && featured) {
    engine::keep_priority(meta(packet), came);
  }
  uint8_t* const start = frame + framing.tag_bytes - tag_bytes;
  lower_ttl(frame + kL2 + framing.tag_bytes, Address{});
  hop.write_macs(start);
  if (tag_bytes != 0) {
    put_tags(start + engine::kMacBytes, hop, tag_bytes, came);
  }
  const uint32_t grows = tag_bytes - framing.tag_bytes;  // modulo 2^32
  packet->data_off = static_cast<uint16_t>(packet->data_off - grows);
  packet->data_len = static_cast<uint16_t>(packet->data_len + grows);
  packet->pkt_len += grows;
  PacketMeta& m = meta(packet);
  m.csum_start = static_cast<uint16_t>(m.csum_start + grows);  // only read with checksum_partial
  m.tx_if = hop.tx;
}

/// How far forward() is, and what it has done with the packets before: they leave, or they do not just go out.
struct Progress {
  size_t at = 0;
  rte_mbuf** leave;
  rte_mbuf** stay;
};

/// Forwards a train: packets of one group from `p.at` on, where there are more or fewer tags than before.
template <typename Address, typename Framing>
[[gnu::noinline]] Progress forward_resized(const Batch<Address>& batch, const GroupId* found, GroupId group, Hop hop,
                                           uint32_t features, Framing framing, Progress p) {
  const uint32_t tag_bytes = hop.tag_bytes();
  do {
    rte_mbuf* packet = batch.packets[p.at];
    if (packet->pkt_len <= hop.longest) [[likely]] {
      rewrite_resized<Address>(packet, const_cast<uint8_t*>(batch.frames[p.at]), hop, tag_bytes, features != 0,
                               framing);
      *p.leave++ = packet;
    } else {
      *p.stay++ = packet;
    }
    p.at++;
  } while (p.at < batch.count && found[p.at] == group);
  return p;
}

// Packets of a flow come in trains: those of one group share a hop. `rest` gets a span of those that do not just go
// out, as they are.
template <typename Address, typename Framing, typename Rest>
void forward(NodeContext& node, const IpState& state, const Batch<Address>& batch, Framing framing, Leaving& leaving,
             Rest&& rest) {
  Room<GroupId> found;
  const size_t count = batch.count;
  look_up(state, batch.packets, batch.destinations, found.data(), count);
  const Hops<Framing> hops(node, state, framing);
  rte_mbuf* const* const packets = batch.packets;
  const uint8_t* const* const frames = batch.frames;
  constexpr GroupId kNone(UINT32_MAX);
  Room<rte_mbuf*> stays;
  Progress p{.leave = leaving.packets.data() + leaving.count, .stay = stays.data()};
  uint32_t any_features = 0;
  while (p.at < count) {
    GroupId group = found[p.at];
    AdjId id = hops.direct(group);
    if (!id.valid()) [[unlikely]] {
      const Group& several = hops.group(group);
      const uint32_t l2 = kL2 + framing.tag_bytes;
      const Lead lead = several.lead.load(std::memory_order_acquire);
      id = lead.kind() == PathKind::connected
               ? state.tables.find_neighbor(IfId(static_cast<uint16_t>(lead.index)), batch.destinations[p.at])
               : select<Address>(state, several, frames[p.at] + l2, packets[p.at]->data_len - l2);
      group = kNone;  // the next packet may be of another flow
    }
    const Hop hop = hops[id];
    const uint32_t features = hops.features(hop.tx);
    any_features |= features;
    if (hop.tag_bytes() != framing.tag_bytes) [[unlikely]] {
      p = forward_resized(batch, found.data(), group, hop, features, framing, p);
      continue;
    }
    do {
      rte_mbuf* packet = packets[p.at];
      if (packet->pkt_len <= hop.longest) [[likely]] {
        rewrite<Address>(packet, const_cast<uint8_t*>(frames[p.at]), hop, features != 0, framing);
        *p.leave++ = packet;
      } else {
        *p.stay++ = packet;
      }
      p.at++;
    } while (p.at < count && found[p.at] == group);
  }
  leaving.count = static_cast<size_t>(p.leave - leaving.packets.data());
  leaving.featured |= any_features != 0;
  if (p.stay != stays.data()) [[unlikely]] {
    rest(std::span(stays.data(), p.stay));
  }
}

}  // namespace floof::ip::fast
