// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/icmp/icmp_build.h"

#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"

namespace floof::icmp {

namespace {

constexpr uint8_t kTos = 0xc0, kTtl = 64;

/// RFC 792 and successors: those that ask or answer. Anything else counts as an error: never answer what is unknown.
bool is_query4(uint8_t type) {
  switch (type) {
    case 0:   // echo reply
    case 8:   // echo
    case 9:   // router advertisement
    case 10:  // router solicitation
    case 13:  // timestamp
    case 14:
    case 15:  // information
    case 16:
    case 17:  // address mask
    case 18:
    case 42:  // extended echo
    case 43:
      return true;
    default:
      return false;
  }
}

bool is_single_host(Ip4 a) {
  const uint32_t first = a.value() >> 24;
  return first != 0 && first != 127 && first < 224;
}

}  // namespace

bool may_answer4(const uint8_t* bytes, uint32_t length) {
  if (length < sizeof(ip::Ip4Header)) {
    return false;
  }
  const auto& ip = *reinterpret_cast<const ip::Ip4Header*>(bytes);
  const Ip4 destination(ip.destination.host());
  if (!is_single_host(Ip4(ip.source.host())) || destination.is_multicast() || destination.is_broadcast()) {
    return false;
  }
  if ((ip.fragment.host() & ip::Ip4Header::kOffsetMask) != 0) {
    return false;
  }
  if (ip.protocol == ip::protocol::icmp) {
    return length > ip.header_length() && is_query4(bytes[ip.header_length()]);
  }
  return true;
}

bool may_answer6(const uint8_t* bytes, uint32_t length, const Error& error) {
  if (length < sizeof(ip::Ip6Header)) {
    return false;
  }
  const auto& ip = *reinterpret_cast<const ip::Ip6Header*>(bytes);
  const Ip6 source(ip.source);
  if (source.is_unspecified() || source.is_multicast() || source.is_loopback()) {
    return false;
  }
  const bool despite_group = error.type == ip::icmp6::too_big ||
                             (error.type == ip::icmp6::parameter_problem && error.code == ip::icmp6::unknown_option);
  if (Ip6(ip.destination).is_multicast() && !despite_group) {
    return false;
  }
  const ip::Ip6Transport transport = ip::find_ip6_transport(bytes, length);
  if (transport.protocol != ip::protocol::icmp6) {
    return true;
  }
  if (transport.offset == 0 || transport.offset >= length) {
    return false;  // might be an error as well as a query
  }
  const uint8_t type = bytes[transport.offset];
  constexpr uint8_t kRedirect = 137;
  return type >= 128 && type != kRedirect;
}

uint32_t build4(uint8_t* out, const Error& error, Ip4 source, Ip4 destination, uint16_t id, uint32_t quoted) {
  auto& ip = *reinterpret_cast<ip::Ip4Header*>(out);
  auto& icmp = *reinterpret_cast<ip::IcmpHeader*>(out + sizeof(ip::Ip4Header));
  ip.version_ihl = 0x45;
  ip.tos = kTos;
  ip.total_length.set(static_cast<uint16_t>(kHeaders4 + quoted));
  ip.id.set(id);
  ip.fragment.set(0);
  ip.ttl = kTtl;
  ip.protocol = ip::protocol::icmp;
  ip.source.set(source.value());
  ip.destination.set(destination.value());
  ip.checksum.set_raw(0);
  ip.checksum.set_raw(ip::internet_checksum(out, sizeof(ip::Ip4Header)));
  icmp.type = error.type;
  icmp.code = error.code;
  // The pointer of a parameter problem is the first byte of the word, an MTU its lower half (RFC 1191).
  icmp.data.set(error.type == ip::icmp4::parameter_problem ? error.data << 24 : error.data & 0xffff);
  icmp.checksum.set_raw(0);
  icmp.checksum.set_raw(ip::internet_checksum(&icmp, sizeof(ip::IcmpHeader) + quoted));
  return kHeaders4 + quoted;
}

uint32_t build6(uint8_t* out, const Error& error, const Ip6& source, const Ip6& destination, uint32_t quoted) {
  auto& ip = *reinterpret_cast<ip::Ip6Header*>(out);
  auto& icmp = *reinterpret_cast<ip::IcmpHeader*>(out + sizeof(ip::Ip6Header));
  const uint32_t length = sizeof(ip::IcmpHeader) + quoted;
  ip.version_class_flow.set(0x60000000);
  ip.payload_length.set(static_cast<uint16_t>(length));
  ip.next_header = ip::protocol::icmp6;
  ip.hop_limit = kTtl;
  ip.source = source.bytes();
  ip.destination = destination.bytes();
  icmp.type = error.type;
  icmp.code = error.code;
  icmp.data.set(error.data);
  icmp.checksum.set_raw(0);
  uint64_t sum = ip::add_to_sum(0, &ip.source, 32);  // the pseudo header, RFC 8200 8.1
  sum += be32::from(length).raw();
  sum += be32::from(ip::protocol::icmp6).raw();
  icmp.checksum.set_raw(ip::internet_checksum(&icmp, length, sum));
  return sizeof(ip::Ip6Header) + length;
}

}  // namespace floof::icmp
