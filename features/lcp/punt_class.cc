// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/punt_class.h"

namespace floof::lcp {

namespace {

constexpr size_t kEthernet = 14;

uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

bool is_control_port(uint16_t port, bool tcp) {
  // BGP; BFD single hop, echo, multihop; RIP, RIPng, Babel
  return tcp ? port == 179 : port == 3784 || port == 3785 || port == 4784 || port == 520 || port == 521 || port == 6696;
}

/// `l4` starts at the transport header of a packet that is no later fragment.
PuntClass classify_transport(uint8_t protocol, const uint8_t* l4, size_t length) {
  switch (protocol) {
    case 2:    // IGMP
    case 88:   // EIGRP
    case 89:   // OSPF
    case 103:  // PIM
    case 112:  // VRRP
      return PuntClass::control;
    case 1:
      return PuntClass::icmp;
    case 58:
      // RFC 4861: router and neighbour solicitations and advertisements, redirects
      return length > 0 && l4[0] >= 133 && l4[0] <= 137 ? PuntClass::arp : PuntClass::icmp;
    case 6:
    case 17:
      if (length >= 4 &&
          (is_control_port(read16(l4), protocol == 6) || is_control_port(read16(l4 + 2), protocol == 6))) {
        return PuntClass::control;
      }
      return PuntClass::other;
    default:
      return PuntClass::other;
  }
}

}  // namespace

std::string_view to_string(PuntClass c) {
  constexpr std::string_view kNames[] = {"arp", "icmp", "control", "other"};
  return kNames[static_cast<size_t>(c)];
}

PuntClass classify(const uint8_t* frame, size_t length) {
  if (length < kEthernet) {
    return PuntClass::other;
  }
  const uint8_t* ip = frame + kEthernet;
  const size_t left = length - kEthernet;
  switch (read16(frame + 12)) {
    case 0x0806:
      return PuntClass::arp;
    case 0x88cc:  // LLDP
    case 0x8809:  // LACP
      return PuntClass::control;
    case 0x0800: {
      if (left < 20) {
        return PuntClass::other;
      }
      const size_t header = (ip[0] & 0xfu) * 4;
      const bool later_fragment = (read16(ip + 6) & 0x1fff) != 0;
      if (header < 20 || header > left || later_fragment) {
        return PuntClass::other;
      }
      return classify_transport(ip[9], ip + header, left - header);
    }
    case 0x86dd: {
      if (left < 40) {
        return PuntClass::other;
      }
      // MLD (RFC 3810) carries a hop-by-hop header; nothing else of ours has extension headers.
      return ip[6] == 0 ? PuntClass::control : classify_transport(ip[6], ip + 40, left - 40);
    }
    default:
      return PuntClass::other;
  }
}

}  // namespace floof::lcp
