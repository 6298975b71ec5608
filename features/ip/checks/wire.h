// SPDX-License-Identifier: GPL-3.0-or-later
//
// Headers as they stand on the wire. Fields are bytes in network order with alignment 1, so that a struct may lie at
// any address.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/address.h"
#include "base/bytes.h"

namespace floof::ip {

/// A big-endian integer of a header.
template <typename T>
class Wire {
 public:
  T host() const { return BigEndian<T>::from_raw(raw()).host(); }
  void set(T host) { set_raw(BigEndian<T>::from(host).raw()); }
  /// In memory order, as checksums are computed.
  T raw() const {
    T out;
    std::memcpy(&out, bytes_.data(), sizeof out);
    return out;
  }
  void set_raw(T raw) { std::memcpy(bytes_.data(), &raw, sizeof raw); }

 private:
  std::array<uint8_t, sizeof(T)> bytes_;
};
using wire16 = Wire<uint16_t>;
using wire32 = Wire<uint32_t>;

namespace ethertype {
inline constexpr uint16_t ip4 = 0x0800, arp = 0x0806, vlan = 0x8100, ip6 = 0x86dd, qinq = 0x88a8;
inline constexpr uint16_t old_qinq[] = {0x9100, 0x9200, 0x9300};  ///< before 802.1ad; nobody's here
}  // namespace ethertype
namespace protocol {
inline constexpr uint8_t hop_by_hop = 0, icmp = 1, tcp = 6, udp = 17, routing = 43, fragment = 44, esp = 50, ah = 51,
                         icmp6 = 58, no_next = 59, destination_options = 60, mobility = 135, hip = 139, shim6 = 140;
}

struct EthernetHeader {
  Mac destination;
  Mac source;
  wire16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

struct Ip4Header {  // RFC 791
  uint8_t version_ihl;
  uint8_t tos;
  wire16 total_length;
  wire16 id;
  wire16 fragment;  ///< flags (3 bits) and offset in 8-byte units (13 bits)
  uint8_t ttl;
  uint8_t protocol;
  wire16 checksum;
  wire32 source;
  wire32 destination;

  static constexpr uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000, kOffsetMask = 0x1fff;
  unsigned version() const { return version_ihl >> 4; }
  unsigned header_length() const { return (version_ihl & 0xfu) * 4; }
};
static_assert(sizeof(Ip4Header) == 20 && alignof(Ip4Header) == 1);

struct Ip6Header {  // RFC 8200
  wire32 version_class_flow;
  wire16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  std::array<uint8_t, 16> source;
  std::array<uint8_t, 16> destination;
};
static_assert(sizeof(Ip6Header) == 40 && alignof(Ip6Header) == 1);

/// An IPv6 address of a header as two numbers, for comparisons in a hurry.
struct Ip6Words {
  uint64_t high, low;
  Ip6Words(uint64_t h, uint64_t l) : high(h), low(l) {}
  explicit Ip6Words(const uint8_t* bytes) {
    std::memcpy(&high, bytes, 8);
    std::memcpy(&low, bytes + 8, 8);
    high = be64::from_raw(high).host();
    low = be64::from_raw(low).host();
  }
  friend bool operator==(const Ip6Words&, const Ip6Words&) = default;
};

struct Ip6FragmentHeader {
  uint8_t next_header;
  uint8_t reserved;
  wire16 offset;  ///< offset in 8-byte units (13 bits), reserved (2), more fragments (1)
  wire32 id;
};
static_assert(sizeof(Ip6FragmentHeader) == 8 && alignof(Ip6FragmentHeader) == 1);

struct TcpHeader {
  wire16 source_port, destination_port;
  wire32 sequence, acknowledgement;
  uint8_t data_offset;  ///< upper 4 bits: 32-bit words
  uint8_t flags;
  wire16 window;
  wire16 checksum;
  wire16 urgent;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

struct UdpHeader {
  wire16 source_port, destination_port, length;
  wire16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

struct IcmpHeader {  // RFC 792, RFC 4443
  uint8_t type, code;
  wire16 checksum;
  wire32 data;
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

struct ArpHeader {  // RFC 826 for IPv4 on Ethernet
  wire16 hardware, protocol;
  uint8_t hardware_length, protocol_length;
  wire16 operation;
  Mac sender_mac;
  wire32 sender_ip;
  Mac target_mac;
  wire32 target_ip;
};
static_assert(sizeof(ArpHeader) == 28 && alignof(ArpHeader) == 1);

}  // namespace floof::ip
