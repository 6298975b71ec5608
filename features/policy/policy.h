// SPDX-License-Identifier: GPL-3.0-or-later
//
// A peer's policy as data: what its configuration, that of its policy and the defaults of its role come to. It is made
// in one place (`make_policies`), printed as BIRD's filters by features/bird, and walked by `evaluate` for
// `explain route` and for the tests in the configuration; the acceptance suite holds the two against each other.
//
// An import runs in this order: raw-first; the checks, of which the first that fails refuses the route; raw-checked;
// the actions, in the order of the members of ImportPolicy; raw-last; accepted. An export: what may be announced,
// then the actions in the order of the members of ExportPolicy.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/prefix_set.h"
#include "features/outside/outside.h"
#include "features/policy/reason.h"

namespace floof::policy {

using Json = nlohmann::json;

/// From whom a route was learnt: k of the mark ASN:1:k.
enum class Relation : uint8_t {
  own = 0,
  upstream = 1,
  route_server = 2,
  peer = 3,
  customer = 4,
  internal = 5,
  none = 6
};

/// A community or large community, where a pattern may have "any" parts.
struct Community {
  std::array<std::optional<uint32_t>, 3> parts;  ///< nothing: any
  uint8_t size = 2;                              ///< 2: RFC 1997, 3: RFC 8092
  friend bool operator==(const Community&, const Community&) = default;
};
/// From "65000:100", "65000:*" or "4200000000:1:2"; nothing when it is none. Pure.
std::optional<Community> parse_community(std::string_view text);
std::string to_string(const Community& community);
/// Whether this router says by it whom it learnt a route from, or why it refused one: ASN:1:* and ASN:1101:*. Pure.
bool is_own_mark(const Community& community, uint32_t asn);

inline constexpr Community kBlackhole{{65535, 666, {}}, 2};
inline constexpr Community kGracefulShutdown{{65535, 0, {}}, 2};

// -- Checks: each is true of a route that is to be refused ----------------------------------------------------------

struct Everything {};
struct Listed {
  std::vector<NamedPrefixes> sets;
};
struct NotListed {
  std::vector<NamedPrefixes> sets;
  bool blackholes_excepted = false;  ///< routes with 65535:666 are BlackholeNotIn's business
};
struct IsDefault {};
struct LongerThan {
  uint8_t ip4, ip6;
  bool blackholes_excepted = false;
};
/// The default route is not looked at.
struct ShorterThan {
  uint8_t ip4, ip6;
};
struct PathHas {
  NamedAsns asns;
};
struct PathLonger {
  uint16_t most;
};
struct PathEmpty {};
struct PathHasSet {};
struct FirstAsIsNot {
  uint32_t asn;
};
/// The next hop is none of `addresses` and in none of `subnets`.
struct NextHopIsNot {
  std::vector<IpAddress> addresses;
  std::vector<Prefix> subnets{};
};
/// `own` is the origin of what has an empty path (RFC 6811, 2), of confederation segments too.
struct OriginNotIn {
  std::vector<NamedAsns> sets;
  uint32_t own = 0;
};
struct RpkiIs {
  bool invalid, unknown;  ///< which states are refused
  /// For a route that asks for a blackhole a ROA's maximum length does not count, its origin does (RFC 7999, 3.3).
  bool blackholes_loosely = false;
  uint32_t own = 0;  ///< as above
};
/// draft-ietf-sidrops-aspa-verification; `downstream`: learnt from a provider.
struct AspaInvalid {
  bool downstream;
};
/// `asn` stands in the path and what is before it (nearer to us) is neither itself nor one of `via`.
struct PeerLocked {
  uint32_t asn;
  std::vector<uint32_t> via;
};
/// The path goes on behind `peer`, and not by one of `next`.
struct TransitLocked {
  uint32_t peer;
  std::vector<uint32_t> next;
};
struct MoreCommunitiesThan {
  uint16_t most;
};
/// Asks for a blackhole (65535:666) for a prefix outside of `entitled`.
struct BlackholeNotIn {
  std::vector<NamedPrefixes> entitled;
};

struct Check {
  Reason reason;
  std::variant<Everything, Listed, NotListed, IsDefault, LongerThan, ShorterThan, PathHas, PathLonger, PathEmpty,
               PathHasSet, FirstAsIsNot, NextHopIsNot, OriginNotIn, RpkiIs, AspaInvalid, PeerLocked, TransitLocked,
               MoreCommunitiesThan, BlackholeNotIn>
      what;
  std::string origin;  ///< configuration path that asks for it, for messages
};

// -- Policies -------------------------------------------------------------------------------------------------------

struct RawText {
  std::string path;  ///< where it is configured
  std::string text;
};

struct ImportPolicy {
  bool closed = false;  ///< nothing is imported, and BIRD need not keep what is refused (RFC 8212, accept none)
  std::vector<RawText> raw_first;
  std::vector<Check> checks;
  std::vector<RawText> raw_checked;
  std::optional<uint16_t> strip_above;  ///< what has more communities keeps only the well-known ones
  std::optional<uint32_t> local_pref, local_pref4, local_pref6;
  std::vector<std::pair<uint32_t, uint32_t>> as_prefs;          ///< AS number -> local preference, a later one wins
  std::vector<std::pair<Community, uint32_t>> community_prefs;  ///< a later one wins
  bool graceful_shutdown = false;                               ///< 65535:0 sets local preference 0 (RFC 8326)
  bool drain = false;                                           ///< maintenance: every route gets local preference 0
  std::optional<uint32_t> med, preference;
  std::optional<IpAddress> next_hop;  ///< of routes of its family
  bool next_hop_peer = false;
  bool scrub = false;  ///< removes our own communities: ASN:* and ASN:*:*
  std::vector<Community> remove;
  Relation relation = Relation::none;  ///< the mark that routes get; none: no mark
  std::vector<Community> add;
  bool blackhole_community = false;  ///< 65535:666 drops the traffic, NO_EXPORT is added (RFC 7999)
  bool blackhole_unagreed = false;   ///< 65535:666 is removed, NO_EXPORT added all the same (RFC 7999, 3.2)
  bool blackhole_all = false;
  std::optional<NamedAsns> blackhole_asns;  ///< bogon AS numbers whose routes drop their traffic
  std::vector<RawText> raw_last;
};

struct ExportPolicy {
  enum class Base { nothing, originated, customers, all };
  bool closed = false;
  std::vector<RawText> raw_first;
  Base base = Base::nothing;
  bool originated = true;           ///< originated prefixes too
  std::vector<Community> accept;    ///< and routes with one of these
  std::vector<NamedPrefixes> only;  ///< when not empty: of all these only what is listed
  std::vector<NamedPrefixes> refused;
  bool no_sets = false;  ///< not what has an AS_SET in its path (RFC 9774)
  bool no_peer = false;  ///< not what is marked NO_PEER (RFC 3765)
  /// Of what is dropped in this AS or asks for that by 65535:666 (RFC 7999, 3.2), whatever NO_EXPORT means to this
  /// peer: everything, what asks for it, or only what own routers originate.
  enum class Blackholes { all, asked, own };
  Blackholes blackholes = Blackholes::all;
  bool default_route = false;
  std::optional<uint32_t> med;
  bool clear_path = false;
  bool remove_private = false;
  std::vector<uint32_t> prepend;  ///< in the order in which they are prepended
  std::optional<IpAddress> next_hop;
  std::vector<Community> remove;
  bool keep_marks = false;  ///< own marks and reasons go along
  std::vector<std::pair<Prefix, std::vector<Community>>> prefix_communities;
  std::vector<Community> add;
  bool blackhole = false;
  bool graceful_shutdown = false;
  std::vector<RawText> raw_last;
};

/// Limits of one family; 0: none.
struct Limits {
  uint32_t import4 = 0, import6 = 0, receive4 = 0, receive6 = 0, export4 = 0, export6 = 0;
  std::string import_action = "disable", receive_action = "disable", export_action = "disable";
};

/// One peer of the configuration, with what its policy says filled in.
struct PeerPolicy {
  std::string name;
  Json session;                ///< leafs of the session (grouping `session` and the peer's own), merged
  uint32_t asn = 0;            ///< of the peer
  uint32_t local_asn = 0;      ///< that we show it
  bool internal = false;       ///< iBGP
  bool external = false;       ///< neither internal nor of our confederation
  std::string role;            ///< empty: none
  std::string raw_path;        ///< where `raw` of the session is configured
  bool next_hop_self = false;  ///< asked for in `export`
  std::vector<IpAddress> neighbors;
  std::vector<Family> families;  ///< exchanged over any of its sessions; empty: both
  std::vector<Prefix> subnets;   ///< connected ones on the links of its sessions; none over several hops
  ImportPolicy import;
  ExportPolicy exports;
  Limits limits;

  bool carries(Family family) const {
    return families.empty() || std::find(families.begin(), families.end(), family) != families.end();
  }
};

/// What all policies share.
struct PolicyWorld {
  uint32_t asn = 0;                       ///< what the outside knows us by: of the confederation, if there is one
  NamedPrefixes originated;               ///< `bgp prefix`
  std::vector<Community> originated_by;   ///< marks of what other routers of the AS originate; ASN:1:0 is the first
  std::vector<Community> originated_add;  ///< `bgp community`
};

struct Policies {
  PolicyWorld world;
  std::vector<PeerPolicy> peers;      ///< by name
  std::vector<std::string> warnings;  ///< "bgp peer x: AS-FOO is not known yet, nothing is accepted"
};

/// The communities of a leaf-list. Pure.
std::vector<Community> communities_in(const Json& object, std::string_view key);
/// The list `key` ("prefix", "prefix-reject") of `part` as a set named by its path; nothing when it is empty. Pure.
std::optional<NamedPrefixes> listed_prefixes(const Json& part, std::string_view key, const std::string& path);

/// Families that a session of a peer with these leafs exchanges; without a neighbor it is unnumbered. Pure.
std::vector<Family> families_of(const Json& session, const std::optional<IpAddress>& neighbor);

/// The leafs of a peer with those of its policy filled in: a peer's own leafs and lists win. Pure.
Json merged_peer(const Json& config, const Json& peer);

/// Everything about the peers of `config`. Judged configuration only: what cannot be read is left out. Pure; any
/// thread. RFC 8212, 7454, 9234, 6811, 7999, 8326, 9774, 7947.
Policies make_policies(const Json& config, const outside::Outside& outside);

}  // namespace floof::policy
