// SPDX-License-Identifier: GPL-3.0-or-later
//
// Most packets of a router are plain: unicast IPv4 without options or IPv6 without extension headers, whole, correct,
// with a resolved next hop. This node forwards them in one go. It changes nothing before it is sure; whatever is not
// plain goes to ethernet-input untouched and takes the general way, which says what is wrong with it. Both ways make
// the same bytes and counts (ip_differential_node_test.cc).
//
// Why it is written like this: a vector goes through three short loops (judge, look up, rewrite), so that the cache
// misses of many packets overlap and no loop outgrows the CPU's window; what depends on the interface only is worked
// out when the interface changes; comparisons take 16 bytes of the frame at once. Cycles: docs/performance.md.
#include <smmintrin.h>

#include <cstddef>

#include "features/ip/flow_hash.h"
#include "features/ip/ip_node.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { general, output };

constexpr uint32_t kL2 = sizeof(EthernetHeader);
constexpr unsigned kAhead = 8;  ///< packets between fetching and using

// The first eight bytes of PacketMeta at once: of a plain packet only rx_if is set, and what was said of its transport
// checksum, which forwarding does not touch.
static_assert(offsetof(PacketMeta, rx_if) == 0 && offsetof(PacketMeta, flags) == 2 &&
              offsetof(PacketMeta, gso_size) == 4 && offsetof(PacketMeta, gso) == 6);
constexpr uint64_t kIrrelevant = uint64_t{PacketMeta::checksum_partial | PacketMeta::checksum_good} << 16;

template <typename T>
T load(const void* at) {
  T out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

/// What a plain frame of one interface looks like.
struct Plain {
  uint64_t word = UINT64_MAX;  ///< of PacketMeta; the first value matches none
  __m128i start4{}, start6{};  ///< destination MAC, -, ethertype, version and header length
  uint32_t own4 = 0;
  Ip6Words own6{0, 0};
  bool arc4 = false, arc6 = false;  ///< a feature looks at its packets
};

__m128i frame_start(uint64_t mac, uint16_t type, uint8_t version) {
  const uint64_t tail = uint64_t{be16::from(type).raw()} << 32 | uint64_t{version} << 48;
  return _mm_set_epi64x(static_cast<int64_t>(tail), static_cast<int64_t>(mac & 0xffff'ffff'ffff));
}
__m128i start_mask(uint8_t version_bits) {
  return _mm_set_epi64x(static_cast<int64_t>(uint64_t{0xffff} << 32 | uint64_t{version_bits} << 48), 0xffff'ffff'ffff);
}

Plain plain_on(const NodeContext& node, const IpState& state, IfId rx) {
  const uint64_t mac = state.interfaces[rx].mac_bits.load(std::memory_order_relaxed);
  return {.word = rx.value(),
          .start4 = frame_start(mac, ethertype::ip4, 0x45),
          .start6 = frame_start(mac, ethertype::ip6, 0x60),
          .own4 = state.sources.own4(rx),
          .own6 = state.sources.own6(rx),
          .arc4 = node.arc_used(state.ip4_unicast, rx),
          .arc6 = node.arc_used(state.ip6_unicast, rx)};
}

/// 1 for the first byte of an address that may be forwarded: not 0/8, 127/8, 224/3.
constexpr std::array<uint8_t, 256> kUnicast4 = [] {
  std::array<uint8_t, 256> out{};
  for (unsigned i = 1; i < 224; i++) {
    out[i] = i != 127;
  }
  return out;
}();

/// The one's complement sum of 20 bytes is 0xffff.
inline bool checksum_right(const uint8_t* ip) {
  uint64_t sum = load<uint64_t>(ip);
  const auto second = load<uint64_t>(ip + 8);
  sum += second;
  sum += sum < second;
  const auto third = load<uint32_t>(ip + 16);
  sum += third;
  sum += sum < third;
  sum += sum << 32 | sum >> 32;
  const auto half = static_cast<uint32_t>(sum >> 32);
  return (half + (half << 16 | half >> 16)) >> 16 == 0xffff;
}

/// Cuts Ethernet padding. False: the packet is shorter than its header says, or in pieces.
inline bool fits(rte_mbuf* packet, uint32_t frame) {
  if (packet->pkt_len == frame) [[likely]] {
    return true;
  }
  if (frame > packet->pkt_len || packet->nb_segs != 1) {
    return false;
  }
  packet->pkt_len = frame;
  packet->data_len = static_cast<uint16_t>(frame);
  return true;
}

inline bool plain4(const Plain& on, const uint8_t* ip, rte_mbuf* packet) {
  const uint32_t total = be16::from_raw(load<uint16_t>(ip + 2)).host();
  const auto word = load<uint32_t>(ip + 6);  // flags and offset, TTL, protocol
  const uint32_t source = be32::from_raw(load<uint32_t>(ip + 12)).host();
  const uint32_t destination = be32::from_raw(load<uint32_t>(ip + 16)).host();
  const bool whole = (word & be16::from(Ip4Header::kMoreFragments | Ip4Header::kOffsetMask).raw()) == 0;
  const bool lives = (word >> 16 & 0xff) > 1;
  const bool unicast = (kUnicast4[source >> 24] & kUnicast4[destination >> 24]) != 0;
  const bool local = source >> 16 == 0xa9fe || destination >> 16 == 0xa9fe || source == on.own4;
  return whole && lives && unicast && !local && checksum_right(ip) && total >= sizeof(Ip4Header) &&
         fits(packet, total + kL2);
}

/// Global or unique local unicast: all else is rare and judged elsewhere.
inline bool unicast6(uint64_t high) { return high >> 61 == 1 || high >> 57 == 0xfc >> 1; }

/// Protocols that are no extension header, as a set of bits.
constexpr std::array<uint64_t, 4> kTransports = [] {
  std::array<uint64_t, 4> out{~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}};
  for (const unsigned p : {protocol::hop_by_hop, protocol::routing, protocol::fragment, protocol::ah,
                           protocol::destination_options, protocol::mobility, protocol::hip, protocol::shim6}) {
    out[p / 64] &= ~(uint64_t{1} << p % 64);
  }
  return out;
}();

inline bool plain6(const Plain& on, const uint8_t* ip, rte_mbuf* packet) {
  const uint32_t payload = be16::from_raw(load<uint16_t>(ip + 4)).host();
  const uint8_t next = ip[6];
  const Ip6Words source(ip + 8);
  const uint64_t destination = be64::from_raw(load<uint64_t>(ip + 24)).host();
  const bool own = source.high == on.own6.high && source.low == on.own6.low;
  return ip[7] > 1 && (kTransports[next / 64] >> next % 64 & 1) != 0 && unicast6(source.high) &&
         unicast6(destination) && !own && fits(packet, payload + sizeof(Ip6Header) + kL2);
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

template <typename Address>
struct Batch {
  Room<rte_mbuf*> packets;
  Room<Address> destinations;
  size_t count = 0;
};

/// Packets on their way out, in order, those of features apart.
struct Leaving {
  Room<rte_mbuf*> packets;
  size_t count = 0;
};

inline uint8_t* frame_of(rte_mbuf* packet) { return rte_pktmbuf_mtod(packet, uint8_t*); }

inline void lower_ttl(uint8_t* ip, Ip4) { decrement_ttl(*reinterpret_cast<Ip4Header*>(ip)); }
inline void lower_ttl(uint8_t* ip, const Ip6&) { ip[7]--; }
inline uint32_t hash_of(rte_mbuf* packet, uint32_t seed, Ip4) {
  return flow_hash4(frame_of(packet) + kL2, packet->data_len - kL2, seed);
}
inline uint32_t hash_of(rte_mbuf* packet, uint32_t seed, const Ip6&) {
  return flow_hash6(frame_of(packet) + kL2, packet->data_len - kL2, seed);
}

/// The adjacency to use, 0 when the group does not forward.
template <typename Address>
inline AdjId adjacency_of(const IpState& state, const Group& group, rte_mbuf* packet, const Address& destination) {
  if (group.kind.load(std::memory_order_acquire) != PathKind::forward) [[unlikely]] {
    return {};
  }
  const uint32_t single = group.single.load(std::memory_order_acquire);
  if (single != 0) [[likely]] {
    return AdjId(single);
  }
  return state.tables.select(group, hash_of(packet, state.hash_seed.load(std::memory_order_relaxed), destination));
}

template <typename Address>
void forward(NodeContext& node, const IpState& state, Batch<Address>& batch, Leaving& leaving) {
  Room<GroupId> groups;
  state.tables.lookup(std::span<const Address>(batch.destinations.data(), batch.count),
                      std::span(groups.data(), batch.count));
  for (size_t i = 0; i < batch.count; i++) {
    rte_mbuf* packet = batch.packets[i];
    const AdjId id = adjacency_of(state, state.tables.group(groups[i]), packet, batch.destinations[i]);
    const Adjacency& adjacency = state.tables.adjacency(id);
    const bool resolved = adjacency.state.load(std::memory_order_acquire) == Adjacency::resolved;
    const IfId tx(adjacency.interface.load(std::memory_order_relaxed));
    const engine::Interface& out = state.interfaces[tx];
    if (!id.valid() || !resolved || packet->pkt_len - kL2 > out.mtu.load(std::memory_order_relaxed)) [[unlikely]] {
      node.next(Edge::general, packet);
      continue;
    }
    uint8_t* frame = frame_of(packet);
    lower_ttl(frame + kL2, Address{});
    const uint64_t source = out.mac_bits.load(std::memory_order_relaxed);
    const uint64_t first = adjacency.dst_mac.load(std::memory_order_relaxed) | source << 48;
    const auto second = static_cast<uint32_t>(source >> 16);
    std::memcpy(frame, &first, 8);
    std::memcpy(frame + 8, &second, 4);
    meta(packet).tx_if = tx;
    if (node.arc_used(state.interface_output, tx)) [[unlikely]] {
      node.start_arc(state.interface_output, packet, tx);
    } else {
      leaving.packets[leaving.count++] = packet;
    }
  }
}

void process(NodeContext& node, std::span<rte_mbuf*> packets) {
  const IpState& state = node.state<IpState>();
  Batch<Ip4> batch4;
  Batch<Ip6> batch6;
  Plain on;
  const __m128i mask4 = start_mask(0xff), mask6 = start_mask(0xf0);
  for (size_t i = 0; i < packets.size(); i++) {
    if (i + kAhead < packets.size()) {
      rte_prefetch0(frame_of(packets[i + kAhead]));
    }
    rte_mbuf* packet = packets[i];
    const auto word = load<uint64_t>(&meta(packet)) & ~kIrrelevant;
    if (word != on.word) [[unlikely]] {
      if (const IfId rx = meta(packet).rx_if; rx.value() != on.word) {
        on = plain_on(node, state, rx);
      }
      if (word != on.word) {
        node.next(Edge::general, packet);
        continue;
      }
    }
    const uint8_t* frame = frame_of(packet);
    const uint8_t* ip = frame + kL2;
    const __m128i start = _mm_loadu_si128(reinterpret_cast<const __m128i*>(frame));
    if (_mm_testz_si128(_mm_xor_si128(start, on.start4), mask4) != 0 && packet->data_len >= kL2 + sizeof(Ip4Header) &&
        !on.arc4 && plain4(on, ip, packet)) {
      batch4.packets[batch4.count] = packet;
      batch4.destinations[batch4.count++] = Ip4(be32::from_raw(load<uint32_t>(ip + 16)).host());
    } else if (_mm_testz_si128(_mm_xor_si128(start, on.start6), mask6) != 0 &&
               packet->data_len >= kL2 + sizeof(Ip6Header) && !on.arc6 && plain6(on, ip, packet)) {
      batch6.packets[batch6.count] = packet;
      batch6.destinations[batch6.count++] = Ip6(load<std::array<uint8_t, 16>>(ip + 24));
    } else {
      node.next(Edge::general, packet);
    }
  }
  Leaving leaving;
  if (batch4.count > 0) {
    forward(node, state, batch4, leaving);
  }
  if (batch6.count > 0) {
    forward(node, state, batch6, leaving);
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
