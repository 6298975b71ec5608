// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/evaluate.h"

#include <algorithm>

#include "features/policy/evaluate/evaluate_checks.h"
#include "features/policy/evaluate/evaluate_steps.h"

namespace floof::policy {

namespace {

constexpr uint32_t kDefaultLocalPref = 100;

uint64_t number_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

/// From whom routes with OTC are leaks, and which OTC routes get that have none (RFC 9234, 5).
void only_to_customer(Walk& walk, const PeerPolicy& peer) {
  Route& route = walk.out.route;
  if (peer.role.empty() || !peer.external) {
    return;
  }
  const std::string looked = route.otc ? fmt::format("OTC {}", *route.otc) : std::string("no OTC");
  const bool from_below = peer.role == "provider" || peer.role == "rs";
  if (route.otc && from_below) {
    return walk.refuse(Reason::route_leak, "otc", looked, "a customer must not announce what has OTC");
  }
  if (route.otc && peer.role == "peer" && *route.otc != peer.asn) {
    return walk.refuse(Reason::route_leak, "otc", looked, fmt::format("a peer's OTC has to be {}", peer.asn));
  }
  if (!route.otc && !from_below) {
    route.otc = peer.asn;
    return walk.changed("otc", looked, fmt::format("OTC {} is added", peer.asn));
  }
  walk.passed("otc", looked);
}

void own_as(Walk& walk, const PeerPolicy& peer, const PolicyWorld& world) {
  const uint32_t own = peer.local_asn != 0 ? peer.local_asn : world.asn;
  const uint64_t allowed = number_at(peer.session, "allow-local-as");
  const size_t times = walk.out.route.path.count(own);
  const std::string looked = fmt::format("own AS{} in {}", own, path_text(walk.out.route.path));
  if (times > allowed) {
    return walk.refuse(std::nullopt, "own-as", looked, "the path has this router's own AS number");
  }
  walk.passed("own-as", looked, times == 0 ? "is not in the path" : "is allowed");
}

void confederation(Walk& walk, const PeerPolicy& peer) {
  using Kind = AsPath::Segment::Kind;
  for (const AsPath::Segment& segment : walk.out.route.path.segments) {
    const bool set = segment.kind == Kind::confed_set;
    if (peer.external && (set || segment.kind == Kind::confed_sequence)) {
      return walk.refuse(set ? std::optional(Reason::as_path_set) : std::nullopt,
                         set ? name_of(Reason::as_path_set) : "confederation", path_text(walk.out.route.path),
                         "a confederation's segments do not leave it");
    }
  }
}

void checks(Walk& walk, const PeerPolicy& peer, const outside::Outside& outside, const RpkiAsk& rpki) {
  for (const Check& check : peer.import.checks) {
    Finding found = judge(check, {walk.out.route, outside, rpki});
    if (found.refused) {
      return walk.refuse(check.reason, name_of(check.reason), std::move(found.looked), std::move(found.result),
                         check.origin);
    }
    walk.add(found.unjudged ? Step::Outcome::unjudged : Step::Outcome::passed, name_of(check.reason),
             std::move(found.looked), std::move(found.result), check.origin);
  }
}

/// Well-known communities stay: they ask for less, such as NO_EXPORT, or are another step's business.
void strip(Walk& walk, const ImportPolicy& policy) {
  if (!policy.strip_above) {
    return;
  }
  Route& route = walk.out.route;
  const size_t count = route.communities.size() + route.other_communities;
  const std::string looked = fmt::format("{} communities, at most {}", count, *policy.strip_above);
  if (count <= *policy.strip_above) {
    return walk.untouched("too-many-communities", looked, "are not too many");
  }
  const Community known{{65535, {}, {}}, 2};
  std::erase_if(route.communities, [&](const Community& one) { return !matches(known, one); });
  route.other_communities = 0;
  walk.changed("too-many-communities", looked,
               fmt::format("all but {} well-known are removed", route.communities.size()));
}

void preferences(Walk& walk, const ImportPolicy& policy) {
  Route& route = walk.out.route;
  const bool ip4 = route.prefix.family() == Family::ip4;
  if (policy.local_pref) {
    walk.set_local_pref("local-pref", "every route", *policy.local_pref);
  }
  if (const auto& own = ip4 ? policy.local_pref4 : policy.local_pref6) {
    walk.set_local_pref(ip4 ? "local-pref-ip4" : "local-pref-ip6", ip4 ? "IPv4 routes" : "IPv6 routes", *own);
  }
  for (const auto& [asn, preference] : policy.as_prefs) {
    if (route.path.contains(asn)) {
      walk.set_local_pref("as-pref", as_text(asn) + " in the path", preference);
    } else {
      walk.untouched("as-pref", as_text(asn) + " in the path", "is not in it");
    }
  }
  for (const auto& [community, preference] : policy.community_prefs) {
    if (has(route, community)) {
      walk.set_local_pref("community-pref", "community " + to_string(community), preference);
    } else {
      walk.untouched("community-pref", "community " + to_string(community), "the route does not have it");
    }
  }
  if (policy.graceful_shutdown) {
    if (has(route, kGracefulShutdown)) {
      walk.set_local_pref("graceful-shutdown", "community 65535:0", 0);
    } else {
      walk.untouched("graceful-shutdown", "community 65535:0", "the route does not have it");
    }
  }
  if (policy.drain) {
    walk.set_local_pref("maintenance", "every route", 0);
  }
}

std::optional<IpAddress> peer_address(const Route& route, const PeerPolicy& peer) {
  if (route.from) {
    return route.from;
  }
  for (const IpAddress& address : peer.neighbors) {
    if (address.family() == route.prefix.family()) {
      return address;
    }
  }
  return peer.neighbors.empty() ? std::nullopt : std::optional(peer.neighbors.front());
}

void attributes(Walk& walk, const PeerPolicy& peer) {
  const ImportPolicy& policy = peer.import;
  Route& route = walk.out.route;
  if (policy.med) {
    walk.changed("med", "every route", fmt::format("MED {}", *policy.med));
    route.med = *policy.med;
  }
  if (policy.preference) {
    walk.changed("preference", "every route", fmt::format("preference {}", *policy.preference));
    walk.out.preference = *policy.preference;
  }
  if (policy.next_hop && policy.next_hop->family() == route.prefix.family()) {
    walk.set_next_hop("next-hop", *policy.next_hop);
  }
  if (policy.next_hop_peer) {
    if (const auto address = peer_address(route, peer)) {
      walk.set_next_hop("next-hop-peer", *address);
    }
  }
}

void communities(Walk& walk, const ImportPolicy& policy, const PolicyWorld& world) {
  if (policy.blackhole_unagreed && has(walk.out.route, kBlackhole)) {
    walk.remove_communities("blackhole-unagreed", {kBlackhole});
    walk.add_communities("no-export", {kNoExport});
  }
  if (policy.scrub) {
    std::vector<Community> own{{{world.asn, {}, {}}, 3}};
    if (world.asn <= 65535) {
      own.push_back({{world.asn, {}, {}}, 2});
    }
    walk.remove_communities("own-communities", own);
  }
  walk.remove_communities("community-remove", policy.remove);
  if (policy.relation != Relation::none) {
    walk.add_communities("mark", {mark_of(world, policy.relation)});
  }
  walk.add_communities("community-add", policy.add);
}

void blackholes(Walk& walk, const ImportPolicy& policy, const PolicyWorld& world) {
  Route& route = walk.out.route;
  const auto drop = [&](std::string_view name, std::string looked) {
    walk.out.blackhole = true;
    walk.changed(name, std::move(looked), "its traffic is dropped");
    walk.add_communities("no-export", {kNoExport});
    walk.add_communities("blackhole-mark", {{{world.asn, kOriginFunction, kBlackholeMark}, 3}});
  };
  if (policy.blackhole_community) {
    if (has(route, kBlackhole)) {
      drop("blackhole-community", "community 65535:666");
    } else {
      walk.untouched("blackhole-community", "community 65535:666", "the route does not have it");
    }
  }
  if (policy.blackhole_all) {
    drop("blackhole", "every route");
  }
  if (policy.blackhole_asns && policy.blackhole_asns->set != nullptr) {
    const std::vector<uint32_t> path = route.path.flat();
    const auto found =
        std::find_if(path.begin(), path.end(), [&](uint32_t asn) { return policy.blackhole_asns->contains(asn); });
    if (found != path.end()) {
      drop("blackhole-asns", fmt::format("{}, one of {}", as_text(*found), policy.blackhole_asns->name));
    } else {
      walk.untouched("blackhole-asns", path_text(route.path), "has none of " + policy.blackhole_asns->name);
    }
  }
}

void start_local_pref(Route& route, const PeerPolicy& peer) {
  if (peer.external || !route.local_pref) {  // members of a confederation keep it (RFC 5065, 5)
    const uint64_t own = number_at(peer.session, "default-local-pref");
    route.local_pref = own != 0 ? static_cast<uint32_t>(own) : kDefaultLocalPref;
  }
}

}  // namespace

std::string_view name_of(RpkiState state) {
  return state == RpkiState::valid ? "valid" : state == RpkiState::invalid ? "invalid" : "unknown";
}

std::string_view name_of(Step::Outcome outcome) {
  constexpr std::string_view names[] = {"passed", "refused", "changed", "untouched", "unjudged"};
  return names[static_cast<size_t>(outcome)];
}

RpkiState rpki_state(const std::vector<rpki::Vrp>& vrps, const Prefix& prefix, uint32_t origin, bool any_length) {
  RpkiState out = RpkiState::unknown;
  for (const rpki::Vrp& vrp : vrps) {
    if (vrp.prefix.family() != prefix.family() || vrp.prefix.length() > prefix.length() ||
        !vrp.prefix.contains(prefix)) {
      continue;
    }
    if (vrp.asn == origin && origin != 0 && (any_length || prefix.length() <= vrp.max_length)) {
      return RpkiState::valid;
    }
    out = RpkiState::invalid;
  }
  return out;
}

Evaluation evaluate_import(const Route& route, const PeerPolicy& peer, const PolicyWorld& world,
                           const outside::Outside& outside, const RpkiAsk& rpki) {
  Walk walk(route);
  start_local_pref(walk.out.route, peer);
  judge_family(walk, peer);
  if (!walk.is_refused()) {
    own_as(walk, peer, world);
  }
  if (!walk.is_refused()) {
    confederation(walk, peer);
  }
  if (!walk.is_refused()) {
    only_to_customer(walk, peer);
  }
  if (!walk.is_refused() && peer.import.closed) {
    walk.refuse(Reason::policy, name_of(Reason::policy), "the policy of peer " + peer.name,
                "nothing is accepted from this peer");
  }
  if (walk.is_refused()) {
    return std::move(walk.out);
  }
  walk.raw("raw-first", peer.import.raw_first);
  checks(walk, peer, outside, rpki);
  if (walk.is_refused()) {
    return std::move(walk.out);
  }
  walk.raw("raw-checked", peer.import.raw_checked);
  strip(walk, peer.import);
  preferences(walk, peer.import);
  attributes(walk, peer);
  communities(walk, peer.import, world);
  blackholes(walk, peer.import, world);
  walk.raw("raw-last", peer.import.raw_last);
  walk.out.accepted = true;
  return std::move(walk.out);
}

}  // namespace floof::policy
