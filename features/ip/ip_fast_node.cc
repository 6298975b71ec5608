// SPDX-License-Identifier: GPL-3.0-or-later
//
// Most packets of a router are plain: unicast IPv4 without options or IPv6 without extension headers, whole, correct,
// with a resolved next hop. This node forwards them in one go. It changes nothing before it is sure; whatever is not
// plain goes to ethernet-input untouched and takes the general way, which says what is wrong with it. Both ways make
// the same bytes and counts (ip_differential_node_test.cc).
//
// Why it is written like this: a vector goes through three short loops (judge, look up, rewrite), so that the cache
// misses of many packets overlap and no loop outgrows the CPU's window; frames are judged several at once
// (plain_frames.h); what depends on the interface only is worked out when the interface changes. Cycles:
// docs/performance.md.
#include <cstddef>

#include "features/ip/checks/plain_frames.h"
#include "features/ip/ip_node.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { general, output };

constexpr uint32_t kL2 = sizeof(EthernetHeader);

// Two loads tell whether there is anything special about a packet: its lengths and rx_if are neighbours, and so is the
// rest of PacketMeta, of which may be set only what was said of the transport checksum, which forwarding does not
// touch.
static_assert(offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, pkt_len) + 4 &&
              offsetof(rte_mbuf, vlan_tci) == offsetof(rte_mbuf, pkt_len) + 6 && offsetof(PacketMeta, rx_if) == 0 &&
              offsetof(PacketMeta, flags) == 2 && offsetof(PacketMeta, tx_if) == 8);
constexpr uint64_t kRelevant = ~uint64_t{PacketMeta::checksum_partial | PacketMeta::checksum_good};

template <typename T>
T load(const void* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

PlainFrames plain_on(const IpState& state, IfId rx) {
  const uint64_t mac = state.interfaces[rx].mac_bits.load(std::memory_order_relaxed);
  const auto own6 = Ip6::from_halves(state.sources.own6(rx).high, state.sources.own6(rx).low).bytes();
  return {.mac_low = static_cast<uint32_t>(mac),
          .mac_high = static_cast<uint32_t>(mac >> 32),
          .own4 = be32::from(state.sources.own4(rx)).raw(),
          .own6_first = load<uint32_t>(own6.data()),
          .own6_last = load<uint32_t>(own6.data() + 12)};
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

/// Packets to look up and rewrite.
template <typename Address>
struct Batch {
  rte_mbuf* const* packets;
  const uint8_t* const* frames;
  const Address* destinations;
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
  Batch<Address> batch() const { return {packets.data(), frames.data(), destinations.data(), count}; }
};

/// Packets on their way out, in order.
struct Leaving {
  std::array<rte_mbuf*, engine::kFrameSize> packets;
  size_t count = 0;
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
[[gnu::noinline]] AdjId select(const IpState& state, const Group& group, rte_mbuf* packet, const uint8_t* ip) {
  if (group.kind.load(std::memory_order_acquire) != PathKind::forward) {
    return {};
  }
  const uint32_t seed = state.hash_seed.load(std::memory_order_relaxed);
  return state.tables.select(group, hash_of(ip, packet->data_len - kL2, seed, Address{}));
}

/// What the way out means for a packet: its next MAC addresses and limits.
struct Hop {
  uint64_t first;   ///< bytes 0..7 of the frame
  uint32_t second;  ///< bytes 8..11
  uint32_t room;    ///< longest frame that just goes out; 0: none does
  IfId tx;
};

// What does not change is kept in local variables: stores into packets might change anything else, as far as the
// compiler knows, and would have it read again for each packet.
class Hops {
 public:
  Hops(const NodeContext& node, const IpState& state)
      : groups_(&state.tables.group(GroupId{})),
        adjacencies_(&state.tables.adjacency(AdjId{})),
        interfaces_(&state.interfaces[IfId{}]),
        output_features_(node.arc_features(state.interface_output)) {}

  /// 0 when the hash of the flow decides, or nothing is forwarded.
  AdjId direct(GroupId group) const { return AdjId(groups_[group.value()].direct.load(std::memory_order_acquire)); }
  const Group& group(GroupId id) const { return groups_[id.value()]; }
  Hop operator[](AdjId id) const {
    adjacencies_[id.value()].use();
    const uint64_t rewrite = adjacencies_[id.value()].rewrite.load(std::memory_order_acquire);
    const auto tx = static_cast<uint16_t>(rewrite >> 48);
    const engine::Interface& out = interfaces_[tx];
    const uint64_t source = out.mac_bits.load(std::memory_order_relaxed);
    const bool plain = tx != 0 && output_features_[tx].load(std::memory_order_relaxed) == 0;
    return {.first = rewrite << 16 >> 16 | source << 48,
            .second = static_cast<uint32_t>(source >> 16),
            .room = plain ? out.mtu.load(std::memory_order_relaxed) + kL2 : 0,
            .tx = IfId(tx)};
  }

 private:
  const Group* groups_;
  const Adjacency* adjacencies_;
  const engine::Interface* interfaces_;
  const std::atomic<uint32_t>* output_features_;
};

template <typename Address>
inline void rewrite(rte_mbuf* packet, uint8_t* frame, const Hop& hop) {
  lower_ttl(frame + kL2, Address{});
  std::memcpy(frame, &hop.first, 8);
  std::memcpy(frame + 8, &hop.second, 4);
  meta(packet).tx_if = hop.tx;
}

/// A packet that does not just go out: its interface has output features, or the general nodes know what to do.
template <typename Address>
[[gnu::noinline]] void detour(NodeContext& node, const IpState& state, rte_mbuf* packet, uint8_t* frame,
                              const Hop& hop) {
  if (!hop.tx.valid() || packet->pkt_len > state.interfaces[hop.tx].mtu.load(std::memory_order_relaxed) + kL2) {
    node.next(Edge::general, packet);
    return;
  }
  rewrite<Address>(packet, frame, hop);
  node.start_arc(state.interface_output, packet, hop.tx);
}

// A packet whose group is that of the one before takes its hop from registers: packets of a flow come in trains.
template <typename Address>
void forward(NodeContext& node, const IpState& state, const Batch<Address>& batch, Leaving& leaving) {
  Room<GroupId> found;
  const size_t count = batch.count;
  state.tables.lookup(std::span(batch.destinations, count), std::span(found.data(), count));
  const Hops hops(node, state);
  constexpr GroupId kNone(UINT32_MAX);
  GroupId last = kNone;
  Hop hop = {};
  size_t leave = leaving.count;
  for (size_t i = 0; i < count; i++) {
    rte_mbuf* packet = batch.packets[i];
    auto* frame = const_cast<uint8_t*>(batch.frames[i]);
    if (const GroupId group = found[i]; group != last) {
      last = group;
      AdjId id = hops.direct(group);
      if (!id.valid()) [[unlikely]] {
        const Group& several = hops.group(group);
        id = several.kind.load(std::memory_order_acquire) == PathKind::connected
                 ? state.tables.find_neighbor(IfId(several.interface.load(std::memory_order_relaxed)),
                                              batch.destinations[i])
                 : select<Address>(state, several, packet, frame + kL2);
        last = kNone;  // the next packet may be of another flow
      }
      hop = hops[id];
    }
    if (packet->pkt_len > hop.room) [[unlikely]] {
      detour<Address>(node, state, packet, frame, hop);
      continue;
    }
    rewrite<Address>(packet, frame, hop);
    leaving.packets[leave++] = packet;
  }
  leaving.count = leave;
}

/// Cuts Ethernet padding off a packet in one piece.
void trim(rte_mbuf* packet, uint32_t ip_length) {
  packet->pkt_len = ip_length + kL2;
  packet->data_len = static_cast<uint16_t>(ip_length + kL2);
}

/// The packets of one vector that came in on the same interface.
class Arrivals {
 public:
  /// Takes those at the front of `packets`, at least one.
  explicit Arrivals(std::span<rte_mbuf*> packets) : packets_(packets), rx_(meta(packets.front()).rx_if) {
    const uint64_t rx = uint64_t{rx_.value()} << 48;
    size_t i = 0;
    for (; i < packets.size(); i++) {
      const rte_mbuf* packet = packets[i];
      const auto word = load<uint64_t>(&packet->pkt_len);
      const auto rest = load<uint64_t>(&meta(packet).flags);
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      rte_prefetch0(frame);
      judged_.frames[i] = frame;
      judged_.lengths[i] = static_cast<uint32_t>(word);
      // In one piece: both lengths are the same.
      if ((((rx + (word & 0xffff) * 0x1'0000'0001) ^ word) | (rest & kRelevant)) != 0) [[unlikely]] {
        if (meta(packet).rx_if != rx_) {
          break;
        }
        judged_.lengths[i] = 0;
      }
    }
    count_ = i;
  }
  size_t count() const { return count_; }

  void forward_plain(NodeContext& node, const IpState& state, Leaving& leaving) {
    state.frames->judge(plain_on(state, rx_), judged_, count_);
    const bool take4 = !node.arc_used(state.ip4_unicast, rx_), take6 = !node.arc_used(state.ip6_unicast, rx_);
    if (take4 && all(judged_.plain4)) [[likely]] {
      const auto* destinations = reinterpret_cast<const Ip4*>(judged_.destinations4);
      forward(node, state, Batch<Ip4>{packets_.data(), judged_.frames, destinations, count_}, leaving);
    } else if (take6 && all(judged_.plain6)) [[likely]] {
      Room<Ip6> destinations;
      for (size_t i = 0; i < count_; i++) {
        destinations[i] = destination6(judged_.frames[i]);
      }
      forward(node, state, Batch<Ip6>{packets_.data(), judged_.frames, destinations.data(), count_}, leaving);
    } else {
      forward_sorted(node, state, take4 ? 0xff : 0, take6 ? 0xff : 0, leaving);
    }
  }

 private:
  static constexpr size_t kLanes = JudgedFrames::kLanes;

  static Ip6 destination6(const uint8_t* frame) { return Ip6(load<Ip6::Bytes>(frame + kL2 + 24)); }

  /// Whether all packets are so and none is padded. Bits beyond the last one may be anything: the judge copies frames
  /// there.
  bool all(const uint8_t* plain) const {
    unsigned both = 0xff;
    const size_t whole = count_ / kLanes;
    for (size_t block = 0; block < whole; block++) {
      both &= plain[block] & ~judged_.padded[block];
    }
    const unsigned rest = (1u << count_ % kLanes) - 1;
    return both == 0xff && (plain[whole] & ~judged_.padded[whole] & rest) == rest;
  }

  void forward_sorted(NodeContext& node, const IpState& state, unsigned take4, unsigned take6, Leaving& leaving) {
    Sorted<Ip4> sorted4;
    Sorted<Ip6> sorted6;
    for (size_t i = 0; i < count_; i++) {
      rte_mbuf* packet = packets_[i];
      const uint8_t* frame = judged_.frames[i];
      const size_t block = i / kLanes;
      const unsigned bit = 1u << i % kLanes;
      const bool padded = (judged_.padded[block] & bit) != 0;
      if ((judged_.plain4[block] & take4 & bit) != 0) {
        if (padded) {
          trim(packet, ip4_length(frame + kL2));
        }
        sorted4.add(packet, frame, Ip4(judged_.destinations4[i]));
      } else if ((judged_.plain6[block] & take6 & bit) != 0) {
        if (padded) {
          trim(packet, ip6_length(frame + kL2));
        }
        sorted6.add(packet, frame, destination6(frame));
      } else {
        node.next(Edge::general, packet);
      }
    }
    if (sorted4.count > 0) {
      forward(node, state, sorted4.batch(), leaving);
    }
    if (sorted6.count > 0) {
      forward(node, state, sorted6.batch(), leaving);
    }
  }

  std::span<rte_mbuf*> packets_;
  const IfId rx_;
  size_t count_ = 0;
  JudgedFrames judged_;
};

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  Leaving leaving;
  while (!packets.empty()) {
    Arrivals arrivals(packets);
    arrivals.forward_plain(node, state, leaving);
    packets = packets.subspan(arrivals.count());
  }
  node.next_all(Edge::output, {leaving.packets.data(), leaving.count});
}

}  // namespace

engine::NodeSpec ip_fast_node(IpState& state) {
  return {.name = "ip-fast",
          .help = "Forwards plain unicast packets in one go; all others take the general way.",
          .process = process,
          .next = {"ethernet-input", "port-tx"},
          .state = &state,
          .arcs = {"interface-output"}};
}

}  // namespace floof::ip
