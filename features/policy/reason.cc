// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/reason.h"

#include <algorithm>
#include <array>

namespace floof::policy {

namespace {

struct Entry {
  Reason reason;
  std::string_view name, text;
};

constexpr std::array kReasons{
    Entry{Reason::prefix_too_long, "prefix-too-long", "the prefix is longer than is usual"},
    Entry{Reason::prefix_too_short, "prefix-too-short", "the prefix is shorter than is usual"},
    Entry{Reason::bogon_prefix, "bogon-prefix", "the prefix must not be in the Internet"},
    Entry{Reason::bogon_asn, "bogon-asn", "the path has an AS number that must not be in the Internet"},
    Entry{Reason::path_too_long, "path-too-long", "the path has too many AS numbers"},
    Entry{Reason::path_empty, "path-empty", "the path is empty"},
    Entry{Reason::first_as, "first-as", "the path does not begin with the peer's AS number"},
    Entry{Reason::next_hop, "next-hop", "the next hop is neither the peer nor another that it may name"},
    Entry{Reason::irr_prefix, "irr-prefix", "the registries do not list the prefix for the peer's as-set"},
    Entry{Reason::irr_origin, "irr-origin", "the origin is not in the peer's as-set"},
    Entry{Reason::rpki_not_valid, "rpki-not-valid", "no ROA makes the origin valid, and this peer's have to be"},
    Entry{Reason::rpki_invalid, "rpki-invalid", "RPKI calls the origin invalid"},
    Entry{Reason::transit_asn, "transit-asn", "a transit-free network is behind a peer that is no transit"},
    Entry{Reason::too_many_communities, "too-many-communities", "the route has too many communities"},
    Entry{Reason::own_prefix, "own-prefix", "the prefix is this network's own"},
    Entry{Reason::ixp_lan, "ixp-lan", "the prefix is that of an Internet exchange"},
    Entry{Reason::as_path_set, "as-path-set", "the path has an AS_SET"},
    Entry{Reason::never_via_route_servers, "never-via-route-servers",
          "the path has a network that is never behind a route server"},
    Entry{Reason::peer_lock, "peer-lock", "a protected network is behind somebody who may not announce it"},
    Entry{Reason::transit_lock, "transit-lock", "the peer has the route from somebody other than agreed"},
    Entry{Reason::blocked_prefix, "blocked-prefix", "the prefix is on the blocklist"},
    Entry{Reason::blocked_asn, "blocked-asn", "the path has an AS number of the blocklist"},
    Entry{Reason::aspa_invalid, "aspa-invalid", "ASPA calls the path invalid"},
    Entry{Reason::default_route, "default-route", "the peer may not announce a default route"},
    Entry{Reason::prefix_not_listed, "prefix-not-listed", "the policy does not list the prefix"},
    Entry{Reason::prefix_refused, "prefix-refused", "the policy refuses the prefix"},
    Entry{Reason::policy, "policy", "the policy accepts nothing"},
    Entry{Reason::irr_unknown, "irr-unknown", "the peer's as-set is unknown, empty or not fetched yet"},
    Entry{Reason::blackhole, "blackhole", "the peer may not ask for a blackhole for this prefix"},
    Entry{Reason::route_leak, "route-leak", "the route was leaked (RFC 9234)"},
    Entry{Reason::raw, "raw", "raw text of the policy refused it"},
};

}  // namespace

std::string_view name_of(Reason reason) {
  const auto at = std::find_if(kReasons.begin(), kReasons.end(), [&](const Entry& e) { return e.reason == reason; });
  return at != kReasons.end() ? at->name : "unknown";
}

std::string_view to_string(Reason reason) {
  const auto at = std::find_if(kReasons.begin(), kReasons.end(), [&](const Entry& e) { return e.reason == reason; });
  return at != kReasons.end() ? at->text : "for a reason that is not known here";
}

std::optional<Reason> reason_of(std::string_view name) {
  const auto at = std::find_if(kReasons.begin(), kReasons.end(), [&](const Entry& e) { return e.name == name; });
  return at != kReasons.end() ? std::optional(at->reason) : std::nullopt;
}

std::optional<Reason> reason_of(uint32_t code) {
  const auto at = std::find_if(kReasons.begin(), kReasons.end(),
                               [&](const Entry& e) { return static_cast<uint32_t>(e.reason) == code; });
  return at != kReasons.end() ? std::optional(at->reason) : std::nullopt;
}

}  // namespace floof::policy
