// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a route was refused. A refused route carries the reason as the large community ASN:1101:code, where BIRD keeps
// it (`import keep filtered`) and `show route rejected` finds it. Codes up to 15 are those that looking glasses of
// exchanges know (IXP Manager). A learnt route carries ASN:1:k, which tells from whom, see Relation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace floof::policy {

inline constexpr uint32_t kRejectFunction = 1101;
inline constexpr uint32_t kOriginFunction = 1;
/// ASN:1:666: its traffic is dropped by a router of ours, so nobody else hears of it (RFC 7999, 3.2).
inline constexpr uint32_t kBlackholeMark = 666;

enum class Reason : uint16_t {
  prefix_too_long = 1,
  prefix_too_short = 2,
  bogon_prefix = 3,
  bogon_asn = 4,
  path_too_long = 5,
  path_empty = 6,
  first_as = 7,
  next_hop = 8,
  irr_prefix = 9,
  irr_origin = 10,
  rpki_not_valid = 12,
  rpki_invalid = 13,
  transit_asn = 14,
  too_many_communities = 15,
  own_prefix = 20,
  ixp_lan = 21,
  as_path_set = 22,
  never_via_route_servers = 23,
  peer_lock = 24,
  transit_lock = 25,
  blocked_prefix = 26,
  blocked_asn = 27,
  aspa_invalid = 28,
  default_route = 29,
  prefix_not_listed = 30,
  prefix_refused = 31,
  policy = 32,       ///< accept none
  irr_unknown = 33,  ///< the peer's as-set is unknown, empty or not fetched yet
  blackhole = 34,    ///< asks for a blackhole that the peer is not entitled to
  route_leak = 35,   ///< RFC 9234; found by our check of OTC
  raw = 36,          ///< the user's own text
};

/// "rpki-invalid": what commands and tests call it. Pure.
std::string_view name_of(Reason reason);
/// "RPKI calls the origin invalid": for people. Pure.
std::string_view to_string(Reason reason);
/// Nothing for names and codes that are not ours. Pure.
std::optional<Reason> reason_of(std::string_view name);
std::optional<Reason> reason_of(uint32_t code);

}  // namespace floof::policy
