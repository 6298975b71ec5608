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

#include "features/ip/flow_hash.h"
#include "features/ip/ip_node.h"
#include "features/ip/plain_frames.h"

namespace floof::ip {

namespace {

enum Edge : unsigned { general, output };

constexpr uint32_t kL2 = sizeof(EthernetHeader);

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
  std::array<rte_mbuf*, engine::kFrameSize> packets;
  std::array<uint8_t*, engine::kFrameSize> frames;
  Room<Address> destinations;
  size_t count = 0;
};

/// Packets on their way out, in order.
struct Leaving {
  std::array<rte_mbuf*, engine::kFrameSize> packets;
  size_t count = 0;
};

inline uint8_t* frame_of(rte_mbuf* packet) { return rte_pktmbuf_mtod(packet, uint8_t*); }

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

/// The adjacency among several, 0 when the group does not forward.
template <typename Address>
[[gnu::noinline]] AdjId select(const IpState& state, const Group& group, rte_mbuf* packet, const uint8_t* ip,
                               const Address& destination) {
  if (group.kind.load(std::memory_order_acquire) != PathKind::forward) {
    return {};
  }
  const uint32_t seed = state.hash_seed.load(std::memory_order_relaxed);
  return state.tables.select(group, hash_of(ip, packet->data_len - kL2, seed, destination));
}

// What does not change is kept in local variables: stores into packets might change anything else, as far as the
// compiler knows, and would have it read again for each packet.
template <typename Address>
void forward(NodeContext& node, const IpState& state, Batch<Address>& batch, Leaving& leaving) {
  Room<GroupId> found;
  const size_t count = batch.count;
  state.tables.lookup(std::span<const Address>(batch.destinations.data(), count), std::span(found.data(), count));
  const Group* groups = &state.tables.group(GroupId{});
  const Adjacency* adjacencies = &state.tables.adjacency(AdjId{});
  const engine::Interface* interfaces = &state.interfaces[IfId{}];
  const std::atomic<uint32_t>* output_features = node.arc_features(state.interface_output);
  size_t leave = leaving.count;
  for (size_t i = 0; i < count; i++) {
    rte_mbuf* packet = batch.packets[i];
    uint8_t* frame = batch.frames[i];
    const Group& group = groups[found[i].value()];
    uint32_t id = group.direct.load(std::memory_order_acquire);
    if (id == 0) [[unlikely]] {
      id = select(state, group, packet, frame + kL2, batch.destinations[i]).value();
    }
    const uint64_t rewrite = adjacencies[id].rewrite.load(std::memory_order_acquire);
    const auto tx = static_cast<uint16_t>(rewrite >> 48);
    const engine::Interface& out = interfaces[tx];
    const uint32_t room = out.mtu.load(std::memory_order_relaxed) + kL2;
    if (tx == 0 || packet->pkt_len > room) [[unlikely]] {
      node.next(Edge::general, packet);
      continue;
    }
    lower_ttl(frame + kL2, Address{});
    const uint64_t source = out.mac_bits.load(std::memory_order_relaxed);
    const uint64_t first = rewrite << 16 >> 16 | source << 48;
    const auto second = static_cast<uint32_t>(source >> 16);
    std::memcpy(frame, &first, 8);
    std::memcpy(frame + 8, &second, 4);
    meta(packet).tx_if = IfId(tx);
    if (output_features[tx].load(std::memory_order_relaxed) != 0) [[unlikely]] {
      node.start_arc(state.interface_output, packet, IfId(tx));
    } else {
      leaving.packets[leave++] = packet;
    }
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
    const uint64_t plain = rx_.value();
    size_t i = 0;
    for (; i < packets.size(); i++) {
      const rte_mbuf* packet = packets[i];
      const auto word = load<uint64_t>(&meta(packet));
      if (static_cast<uint16_t>(word) != plain) [[unlikely]] {
        break;
      }
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      rte_prefetch0(frame);
      const uint32_t length = packet->data_len == packet->pkt_len ? packet->pkt_len : 0;  // else it is in pieces
      judged_.frames[i] = frame;
      judged_.lengths[i] = (word & ~kIrrelevant) == plain ? length : 0;
    }
    count_ = i;
  }
  size_t count() const { return count_; }

  void forward_plain(NodeContext& node, const IpState& state, Leaving& leaving) {
    state.frames->judge(plain_on(state, rx_), judged_, count_);
    const uint8_t take4 = node.arc_used(state.ip4_unicast, rx_) ? 0 : 0xff;
    const uint8_t take6 = node.arc_used(state.ip6_unicast, rx_) ? 0 : 0xff;
    Batch<Ip4> batch4;
    Batch<Ip6> batch6;
    for (size_t at = 0; at < count_; at += kLanes) {
      const size_t block = at / kLanes;
      const unsigned four = judged_.plain4[block] & take4, six = judged_.plain6[block] & take6;
      if (four == 0xff && judged_.padded[block] == 0) [[likely]] {
        auto* to = static_cast<void*>(&batch4.destinations[batch4.count]);
        std::memcpy(to, &judged_.destinations4[at], kLanes * sizeof(Ip4));
        take(at, batch4);
      } else if (six == 0xff && judged_.padded[block] == 0) [[likely]] {
        for (size_t i = 0; i < kLanes; i++) {
          batch6.destinations[batch6.count + i] = Ip6(load<Ip6::Bytes>(judged_.frames[at + i] + kL2 + 24));
        }
        take(at, batch6);
      } else {
        sort(node, at, four, six, batch4, batch6);
      }
    }
    if (batch4.count > 0) {
      forward(node, state, batch4, leaving);
    }
    if (batch6.count > 0) {
      forward(node, state, batch6, leaving);
    }
  }

 private:
  static constexpr size_t kLanes = JudgedFrames::kLanes;

  /// A whole block; its destinations are there already.
  template <typename Address>
  void take(size_t at, Batch<Address>& batch) {
    std::memcpy(&batch.packets[batch.count], &packets_[at], kLanes * sizeof(rte_mbuf*));
    std::memcpy(&batch.frames[batch.count], &judged_.frames[at], kLanes * sizeof(uint8_t*));
    batch.count += kLanes;
  }
  void sort(NodeContext& node, size_t at, unsigned four, unsigned six, Batch<Ip4>& batch4, Batch<Ip6>& batch6) {
    const unsigned padded = judged_.padded[at / kLanes];
    for (size_t i = at; i < count_ && i < at + kLanes; i++) {
      rte_mbuf* packet = packets_[i];
      uint8_t* frame = frame_of(packet);
      const unsigned bit = 1u << (i - at);
      if ((four & bit) != 0) {
        if ((padded & bit) != 0) {
          trim(packet, ip4_length(frame + kL2));
        }
        batch4.packets[batch4.count] = packet;
        batch4.frames[batch4.count] = frame;
        batch4.destinations[batch4.count++] = Ip4(judged_.destinations4[i]);
      } else if ((six & bit) != 0) {
        if ((padded & bit) != 0) {
          trim(packet, ip6_length(frame + kL2));
        }
        batch6.packets[batch6.count] = packet;
        batch6.frames[batch6.count] = frame;
        batch6.destinations[batch6.count++] = Ip6(load<Ip6::Bytes>(frame + kL2 + 24));
      } else {
        node.next(Edge::general, packet);
      }
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
