// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/punt_class.h"

#include <algorithm>

#include "base/bytes.h"

namespace floof::lcp {

namespace {

constexpr size_t kEthernet = 14;
constexpr size_t kIp4 = 20, kIp6 = 40, kArp = 28;
constexpr unsigned kMostExtensions = 8;
constexpr uint16_t kBfd = 3784, kBfdMultihop = 4784;
constexpr std::array<std::string_view, kPuntClasses> kNames = {"neighbor", "answer",  "icmp", "bgp",
                                                               "bfd",      "routing", "link", "other"};

struct Packet {
  uint8_t protocol;
  const uint8_t* l4;  ///< transport header of a packet that is no later fragment
  size_t length;
  uint8_t ttl;
  IpAddress source;
  IfId interface;
};

/// From somebody's BGP port comes what we have asked for, by a traceroute to that port for example.
Judged classify_tcp(const Packet& packet, const BgpPeers& peers) {
  const bool to_bgp = peers.has_port(load16(packet.l4 + 2));
  if (!to_bgp && !peers.has_port(load16(packet.l4))) {
    return {PuntClass::other};
  }
  const bool peer = peers.include(packet.source, packet.interface);
  return peer || to_bgp ? Judged{PuntClass::bgp, !peer} : Judged{PuntClass::other};
}

Judged classify_udp(const Packet& packet, const BgpPeers& peers) {
  const uint16_t to = load16(packet.l4 + 2);
  switch (to) {
    case kBfd:
      return {PuntClass::bfd, packet.ttl != 255};
    case kBfdMultihop:
      return {PuntClass::bfd, !peers.include(packet.source, packet.interface)};
    case 520:   // RIP
    case 521:   // RIPng
    case 6696:  // Babel
      return {PuntClass::routing};
    default:
      return {PuntClass::other};
  }
}

Judged classify_transport(const Packet& packet, const BgpPeers& peers) {
  switch (packet.protocol) {
    case 2:    // IGMP
    case 88:   // EIGRP
    case 89:   // OSPF
    case 103:  // PIM
    case 112:  // VRRP
      return {PuntClass::routing};
    case 1:
      return {PuntClass::icmp};
    case 58: {
      const uint8_t type = packet.length > 0 ? packet.l4[0] : 0;
      if ((type >= 130 && type <= 132) || type == 143) {
        return {PuntClass::routing};  // MLD (RFC 2710, 3810)
      }
      // RFC 4861: router and neighbour solicitations and advertisements, redirects
      const bool discovery = type >= 133 && type <= 137;
      return {type == 136 ? PuntClass::answer : discovery ? PuntClass::neighbor : PuntClass::icmp};
    }
    case 6:
      return packet.length >= 4 ? classify_tcp(packet, peers) : Judged{PuntClass::other};
    case 17:
      return packet.length >= 4 ? classify_udp(packet, peers) : Judged{PuntClass::other};
    default:
      return {PuntClass::other};
  }
}

Judged classify4(const uint8_t* ip, size_t length, IfId interface, const BgpPeers& peers) {
  const size_t header = size_t{4} * (ip[0] & 0xfu);
  const bool later_fragment = (load16(ip + 6) & 0x1fff) != 0;
  if (header < 20 || header > length || later_fragment) {
    return {PuntClass::other};
  }
  const Ip4 source(load32(ip + 12));
  return classify_transport({ip[9], ip + header, length - header, ip[8], source, interface}, peers);
}

/// Extension headers are walked as Linux does it: what hides behind them is what counts.
Judged classify6(const uint8_t* ip, size_t length, IfId interface, const BgpPeers& peers) {
  Ip6::Bytes source;
  std::copy_n(ip + 8, source.size(), source.begin());
  uint8_t next = ip[6];
  size_t at = kIp6;
  for (unsigned i = 0; i < kMostExtensions; i++) {
    const bool fragment = next == 44;
    if (next != 0 && next != 43 && next != 60 && !fragment) {
      return classify_transport({next, ip + at, length - at, ip[7], Ip6(source), interface}, peers);
    }
    if (length - at < 8 || (fragment && (load16(ip + at + 2) & 0xfff8) != 0)) {
      return {PuntClass::other};
    }
    const size_t size = fragment ? 8 : (ip[at + 1] + 1u) * 8;
    if (size > length - at) {
      return {PuntClass::other};
    }
    next = ip[at];
    at += size;
  }
  return {PuntClass::other};
}

}  // namespace

std::string_view to_string(PuntClass c) { return kNames[static_cast<size_t>(c)]; }

std::optional<PuntClass> parse_punt_class(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  return at == kNames.end() ? std::nullopt : std::optional(static_cast<PuntClass>(at - kNames.begin()));
}

bool BgpPeers::include(const IpAddress& address, IfId interface) const {
  return anybody || know(address, interface, hosts);
}

bool BgpPeers::know(const IpAddress& address, IfId interface) const {
  return gateways.contains(address) || know(address, interface, hosts);
}

bool BgpPeers::know(const IpAddress& address, IfId interface, const std::unordered_set<IpAddress>& by_name) const {
  if (by_name.contains(address)) {
    return true;
  }
  if (address.is_ip6() && address.is_link_local() && unnumbered[interface.value()]) {
    return true;
  }
  return std::any_of(ranges.begin(), ranges.end(), [&](const Prefix& range) { return range.contains(address); });
}

bool BgpPeers::has_port(uint16_t port) const { return std::find(ports.begin(), ports.end(), port) != ports.end(); }

namespace {

Judged with_sender(Judged judged, const IpAddress& sender, IfId interface, const BgpPeers& peers) {
  judged.known = peers.know(sender, interface);
  judged.sender = sender;
  return judged;
}

IpAddress address6(const uint8_t* bytes) {
  Ip6::Bytes out;
  std::copy_n(bytes, out.size(), out.begin());
  return Ip6(out);
}

}  // namespace

Judged classify(const uint8_t* frame, size_t length, IfId interface, const BgpPeers& peers) {
  if (length < kEthernet) {
    return {PuntClass::other};
  }
  const uint8_t* payload = frame + kEthernet;
  const size_t left = length - kEthernet;
  switch (load16(frame + 12)) {
    case 0x0806:
      return left < kArp ? Judged{PuntClass::neighbor}
                         : with_sender({load16(payload + 6) == 2 ? PuntClass::answer : PuntClass::neighbor},
                                       Ip4(load32(payload + 14)), interface, peers);
    case 0x88cc:  // LLDP
    case 0x8809:  // LACP
      return {PuntClass::link};
    case 0x0800:
      return left < kIp4
                 ? Judged{}
                 : with_sender(classify4(payload, left, interface, peers), Ip4(load32(payload + 12)), interface, peers);
    case 0x86dd:
      return left < kIp6
                 ? Judged{}
                 : with_sender(classify6(payload, left, interface, peers), address6(payload + 8), interface, peers);
    default:
      return {PuntClass::other};
  }
}

}  // namespace floof::lcp
