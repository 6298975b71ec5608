// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which kind of traffic a frame for the router's own kernel is, so that a flood of one (pings, say) cannot starve
// another (BGP), and whether it comes from somebody who has no business with that protocol. Pure; worker thread.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/prefix.h"

namespace floof::lcp {

enum class PuntClass : uint8_t {
  neighbor,  ///< ARP requests, IPv6 solicitations and all else of neighbour discovery
  answer,    ///< ARP replies, IPv6 neighbour advertisements: what our own questions wait for
  icmp,      ///< other ICMP and ICMPv6
  bgp,       ///< TCP of BGP with configured peers
  bfd,       ///< BFD from the link (RFC 5881) and of configured peers (RFC 5883)
  routing,   ///< OSPF, RIP, Babel, VRRP, PIM, IGMP, MLD
  link,      ///< LLDP, LACP
  other,     ///< SSH, DNS, whatever else is for a local address
  count
};
inline constexpr size_t kPuntClasses = static_cast<size_t>(PuntClass::count);
std::string_view to_string(PuntClass c);
std::optional<PuntClass> parse_punt_class(std::string_view name);

/// Frames per second, worker and interface, and how many may come at once. Peers and gateways have as much beside all
/// others, so that nobody else's flood is in their way.
struct PuntLimit {
  uint32_t rate, burst;
  friend bool operator==(const PuntLimit&, const PuntLimit&) = default;
};
using PuntLimits = std::array<PuntLimit, kPuntClasses>;
inline constexpr PuntLimits kPuntLimits = {
    {{1000, 512}, {2000, 1024}, {2000, 512}, {20000, 8192}, {10000, 2048}, {5000, 2048}, {500, 128}, {20000, 4096}}};

/// Who may speak BGP (and BFD over several hops) with this router.
struct BgpPeers {
  bool anybody = false;  ///< nobody knows who: a neighbour in `bird raw` that is not written as an address
  std::unordered_set<IpAddress> hosts;
  std::vector<Prefix> ranges;
  std::bitset<kMaxInterfaces> unnumbered;  ///< any link-local address on these interfaces
  std::vector<uint16_t> ports{179};
  std::unordered_set<IpAddress> gateways;  ///< of static routes

  bool include(const IpAddress& address, IfId interface) const;
  /// A peer or a gateway by its configuration.
  bool know(const IpAddress& address, IfId interface) const;
  bool has_port(uint16_t port) const;

 private:
  bool know(const IpAddress& address, IfId interface, const std::unordered_set<IpAddress>& by_name) const;
};

struct Judged {
  PuntClass kind = PuntClass::other;
  bool stranger = false;  ///< bgp: no configured peer; bfd: neither from the link nor a peer
  bool known = false;     ///< its sender says that it is a peer or a gateway
  IpAddress sender;       ///< when it is known
};

/// `frame` starts at the Ethernet header; only its first `length` contiguous bytes are looked at. It came in by
/// `interface`.
Judged classify(const uint8_t* frame, size_t length, IfId interface, const BgpPeers& peers);

}  // namespace floof::lcp
