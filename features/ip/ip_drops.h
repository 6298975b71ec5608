// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why the ip nodes drop a packet: every reason with the name and the sentence that operators see.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace floof::ip {

enum class IpDrop : uint8_t {
  l2_too_short,
  l2_not_for_us,
  unknown_vlan,
  ip4_too_short,
  ip4_version,
  ip4_header_length,
  ip4_total_length,
  ip4_truncated,
  ip4_checksum,
  ip4_source_martian,
  ip4_source_own,
  ip4_destination_martian,
  ip4_fragment_malformed,
  ip4_options_malformed,
  ip4_source_route,
  ip4_l2_broadcast,
  ip4_link_local,
  ip4_no_route,
  ip4_blackhole,
  ip4_unreachable,
  ip4_prohibited,
  ip4_ttl_expired,
  ip4_needs_fragmentation,
  ip6_too_short,
  ip6_version,
  ip6_truncated,
  ip6_jumbo,
  ip6_source_martian,
  ip6_source_own,
  ip6_destination_martian,
  ip6_fragment_malformed,
  ip6_extension_truncated,
  ip6_extension_chain,
  ip6_extension_order,
  ip6_option_unknown,
  ip6_option_malformed,
  ip6_routing_header_0,
  ip6_l2_multicast,
  ip6_link_local,
  ip6_no_route,
  ip6_blackhole,
  ip6_unreachable,
  ip6_prohibited,
  ip6_hop_limit_expired,
  ip6_too_big,
  local_from_kernel,
  multicast_from_kernel,
  kernel_unreachable,
  no_headroom,
  no_buffer,
  offload_malformed,
  count
};

struct DropText {
  std::string_view name;
  std::string_view help;
};

/// In the order of IpDrop.
inline constexpr std::array<DropText, static_cast<size_t>(IpDrop::count)> kDropTexts = {{
    {"l2-too-short", "The frame is shorter than an Ethernet header."},
    {"l2-not-for-us", "The frame's destination MAC address is another station's."},
    {"unknown-vlan", "The frame carries a VLAN tag that no interface has."},
    {"ip4-too-short", "The packet is shorter than an IPv4 header."},
    {"ip4-version", "The version of the IPv4 header is not 4."},
    {"ip4-header-length", "The IPv4 header says that it is shorter than 20 bytes or longer than the packet."},
    {"ip4-total-length", "The IPv4 total length is less than the header's."},
    {"ip4-truncated", "The IPv4 total length is more than what was received."},
    {"ip4-checksum", "The IPv4 header checksum is wrong."},
    {"ip4-source-martian", "The IPv4 source is no address that a packet may come from (0/8, 127/8, 224/3)."},
    {"ip4-source-own", "The IPv4 source is this interface's own address."},
    {"ip4-destination-martian", "The IPv4 destination is no address to forward to (0/8, 127/8, 240/4)."},
    {"ip4-fragment-malformed", "The IPv4 fragment is empty, not a multiple of 8 bytes or reaches beyond 65535 bytes."},
    {"ip4-options-malformed", "An IPv4 option is cut short or has an impossible length."},
    {"ip4-source-route", "The packet has an IPv4 source route option (RFC 7126)."},
    {"ip4-l2-broadcast",
     "The packet came as a link-layer broadcast but its IPv4 destination is unicast (RFC 1812 5.3.4)."},
    {"ip4-link-local", "The IPv4 source or destination is link-local (169.254/16), which is never forwarded."},
    {"ip4-no-route", "No route to the IPv4 destination."},
    {"ip4-blackhole", "The route to the IPv4 destination is a blackhole."},
    {"ip4-unreachable", "The route to the IPv4 destination says unreachable."},
    {"ip4-prohibited", "The route to the IPv4 destination says prohibited."},
    {"ip4-ttl-expired", "The time to live ran out here."},
    {"ip4-needs-fragmentation", "The packet is longer than the MTU of its way out and must not be fragmented (DF)."},
    {"ip6-too-short", "The packet is shorter than an IPv6 header."},
    {"ip6-version", "The version of the IPv6 header is not 6."},
    {"ip6-truncated", "The IPv6 payload length is more than what was received."},
    {"ip6-jumbo", "The packet is a jumbogram (RFC 2675), which this router does not take."},
    {"ip6-source-martian", "The IPv6 source is no address that a packet may come from."},
    {"ip6-source-own", "The IPv6 source is this interface's own address."},
    {"ip6-destination-martian", "The IPv6 destination is no address to forward to."},
    {"ip6-fragment-malformed", "The IPv6 fragment is empty, not a multiple of 8 bytes or reaches beyond 65535 bytes."},
    {"ip6-extension-truncated", "An IPv6 extension header reaches beyond the packet."},
    {"ip6-extension-chain-too-long", "The chain of IPv6 extension headers is too long to look through."},
    {"ip6-extension-order", "An IPv6 hop-by-hop options header is not the first of its chain."},
    {"ip6-option-unknown", "An unknown hop-by-hop option asks to discard the packet (RFC 8200 4.2)."},
    {"ip6-option-malformed", "A hop-by-hop option is cut short."},
    {"ip6-routing-header-0", "The packet has a routing header of type 0 (RFC 5095)."},
    {"ip6-l2-multicast", "The packet came as a link-layer multicast but its IPv6 destination is unicast."},
    {"ip6-link-local", "The IPv6 source or destination is link-local, which is never forwarded."},
    {"ip6-no-route", "No route to the IPv6 destination."},
    {"ip6-blackhole", "The route to the IPv6 destination is a blackhole."},
    {"ip6-unreachable", "The route to the IPv6 destination says unreachable."},
    {"ip6-prohibited", "The route to the IPv6 destination says prohibited."},
    {"ip6-hop-limit-expired", "The hop limit ran out here."},
    {"ip6-too-big", "The packet is longer than the MTU of its way out."},
    {"local-from-kernel", "A packet that came from the kernel is for the router itself: it would loop."},
    {"multicast-from-kernel", "A packet that came from the kernel off-link is for a multicast or broadcast address."},
    {"kernel-unreachable", "An ICMP error for the router itself, while the way to its kernel (floof0) is not there."},
    {"no-headroom", "No room in front of the packet for a link-layer header."},
    {"ip-no-buffer", "No packet buffer was free for a fragment or a reply."},
    {"tx-offload-malformed", "A checksum or TCP segmentation was left to the device, but the headers do not fit that."},
}};
static_assert(!kDropTexts.back().name.empty());

}  // namespace floof::ip
