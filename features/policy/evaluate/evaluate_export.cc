// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "features/policy/evaluate/evaluate.h"
#include "features/policy/evaluate/evaluate_steps.h"

namespace floof::policy {

namespace {

constexpr Community kNoAdvertise{{65535, 65282, {}}, 2};

bool session_flag(const PeerPolicy& peer, const char* key, bool otherwise = false) {
  const auto found = peer.session.is_object() ? peer.session.find(key) : peer.session.end();
  return peer.session.is_object() && found != peer.session.end() && found->is_boolean() ? found->get<bool>()
                                                                                        : otherwise;
}

/// What BIRD refuses before the filter is asked.
void before_filter(Walk& walk, const PeerPolicy& from, const PeerPolicy& to) {
  Route& route = walk.out.route;
  if (from.name == to.name) {
    return walk.refuse(std::nullopt, "same-peer", "peer " + to.name, "a route does not go back to where it came from");
  }
  const bool reflects = session_flag(from, "route-reflector-client") || session_flag(to, "route-reflector-client");
  if (from.internal && to.internal && !reflects) {
    return walk.refuse(std::nullopt, "internal", "peers " + from.name + " and " + to.name,
                       "a route of an internal peer does not go to another one (RFC 4271, 9.2)");
  }
  if (session_flag(to, "interpret-communities", true)) {
    if (has(route, kNoAdvertise)) {
      return walk.refuse(std::nullopt, "no-advertise", "community 65535:65282", "the route goes to nobody (RFC 1997)");
    }
    if (to.external && has(route, kNoExport)) {
      return walk.refuse(std::nullopt, "no-export", "community 65535:65281", "the route stays inside (RFC 1997)");
    }
  }
  const bool upwards = to.role == "customer" || to.role == "peer" || to.role == "rs-client";
  if (route.otc && upwards && to.external) {
    return walk.refuse(Reason::route_leak, "otc", fmt::format("OTC {}", *route.otc),
                       "such a route goes to customers only (RFC 9234)");
  }
  if (!route.otc && to.external && !to.role.empty() && to.role != "customer" && to.role != "rs-client") {
    const uint32_t own = to.local_asn;
    walk.changed("otc", "no OTC", fmt::format("OTC {} is added", own));
    route.otc = own;
  }
}

bool is_originated(const Route& route, const PolicyWorld& world) {
  return (world.originated.set != nullptr && world.originated.set->contains(route.prefix)) ||
         std::any_of(world.originated_by.begin(), world.originated_by.end(),
                     [&](const Community& mark) { return has(route, mark); });
}

/// Why it may be announced; empty: it may not.
std::string permit(const Route& route, const ExportPolicy& policy, const PolicyWorld& world) {
  if (policy.originated && policy.base != ExportPolicy::Base::nothing && is_originated(route, world)) {
    return "is originated here";
  }
  for (const Community& community : policy.accept) {
    if (has(route, community)) {
      return "has community " + to_string(community);
    }
  }
  if (policy.base == ExportPolicy::Base::all) {
    return "every route is announced";
  }
  if (policy.base == ExportPolicy::Base::customers && has(route, mark_of(world, Relation::customer))) {
    return "is a customer's route";
  }
  return {};
}

/// The community by which a route is a blackhole that this peer is not told of; nothing: it may be told.
std::optional<Community> kept_blackhole(const Route& route, const ExportPolicy& policy, const PolicyWorld& world) {
  using Blackholes = ExportPolicy::Blackholes;
  const Community mark{{world.asn, kOriginFunction, kBlackholeMark}, 3};
  const bool dropped = has(route, mark), asks = has(route, kBlackhole), wanted = policy.blackholes == Blackholes::asked;
  if (policy.blackholes != Blackholes::all && dropped && !(wanted && asks)) {
    return mark;
  }
  const bool others = policy.blackholes == Blackholes::own && asks && !is_originated(route, world);
  return others ? std::optional(kBlackhole) : std::nullopt;
}

void choose(Walk& walk, const PeerPolicy& peer, const PolicyWorld& world) {
  const ExportPolicy& policy = peer.exports;
  const Route& route = walk.out.route;
  const std::string prefix = to_string(route.prefix);
  const auto listed = [&](const std::vector<NamedPrefixes>& sets) {
    return std::any_of(sets.begin(), sets.end(), [&](const NamedPrefixes& named) {
      return named.set != nullptr && named.set->contains(route.prefix);
    });
  };
  const bool is_default = route.prefix.length() == 0;
  if (is_default && policy.default_route) {
    walk.passed("accept", prefix, "a default route is announced");
  } else if (is_default && peer.external) {
    return walk.refuse(Reason::default_route, name_of(Reason::default_route), prefix, "is a default route");
  } else {
    const std::string why = permit(route, policy, world);
    if (why.empty()) {
      return walk.refuse(Reason::policy, name_of(Reason::policy), prefix, "is not among what this peer gets");
    }
    walk.passed("accept", prefix, why);
    if (!policy.only.empty() && !listed(policy.only)) {
      return walk.refuse(Reason::prefix_not_listed, name_of(Reason::prefix_not_listed), prefix, "is not listed");
    }
  }
  if (listed(policy.refused)) {
    return walk.refuse(Reason::prefix_refused, name_of(Reason::prefix_refused), prefix, "is listed as refused");
  }
  if (policy.no_sets && route.path.has_set()) {
    return walk.refuse(Reason::as_path_set, name_of(Reason::as_path_set), path_text(route.path),
                       "what has a set is not announced to others (RFC 9774)");
  }
  if (const auto why = kept_blackhole(route, policy, world)) {
    return walk.refuse(Reason::blackhole, name_of(Reason::blackhole), to_string(*why),
                       "is of a blackhole, of which nobody else hears (RFC 7999, 3.2)");
  }
  if (policy.no_peer && has(walk.out.route, Community{{65535, 65284, {}}, 2})) {
    return walk.refuse(std::nullopt, "no-peer", "65535:65284", "is not for peers (RFC 3765)");
  }
}

bool is_private(uint32_t asn) { return (asn >= 64512 && asn <= 65534) || (asn >= 4200000000 && asn <= 4294967294); }

void change_path(Walk& walk, const ExportPolicy& policy) {
  AsPath& path = walk.out.route.path;
  if (policy.clear_path) {
    walk.changed("clear-path", path_text(path), "is emptied");
    path = AsPath();
  }
  if (policy.remove_private) {
    size_t count = 0;
    for (AsPath::Segment& segment : path.segments) {
      count += std::erase_if(segment.asns, is_private);
    }
    std::erase_if(path.segments, [](const AsPath::Segment& segment) { return segment.asns.empty(); });
    if (count > 0) {
      walk.changed("remove-private-asns", fmt::format("{} private AS numbers", count), path_text(path));
    } else {
      walk.untouched("remove-private-asns", path_text(path), "has none");
    }
  }
  for (const uint32_t asn : policy.prepend) {
    path.prepend(asn);
  }
  if (!policy.prepend.empty()) {
    walk.changed("prepend", fmt::format("{} times", policy.prepend.size()), path_text(path));
  }
}

void change_communities(Walk& walk, const ExportPolicy& policy, const PolicyWorld& world) {
  walk.remove_communities("community-remove", policy.remove);
  if (!policy.keep_marks) {
    walk.remove_communities("own-marks",
                            {{{world.asn, kOriginFunction, {}}, 3}, {{world.asn, kRejectFunction, {}}, 3}});
  }
  for (const auto& [prefix, communities] : policy.prefix_communities) {
    if (prefix == walk.out.route.prefix) {
      walk.add_communities("prefix-community", communities);
    }
  }
  walk.add_communities("community-add", policy.add);
  if (policy.blackhole) {
    walk.add_communities("blackhole", {kBlackhole});
  }
  if (policy.graceful_shutdown) {
    walk.add_communities("graceful-shutdown", {kGracefulShutdown});
  }
}

/// What BIRD does behind the filter.
void leave(Walk& walk, const PeerPolicy& from, const PeerPolicy& to) {
  Route& route = walk.out.route;
  const ExportPolicy& policy = to.exports;
  const bool own = session_flag(to, "next-hop-self") || to.next_hop_self;
  const bool reflected = session_flag(to, "next-hop-self-reflected");
  if (policy.next_hop && policy.next_hop->family() == route.prefix.family()) {
    walk.untouched("next-hop-self", "next hop " + to_string(*policy.next_hop), "stays, the policy has chosen it");
  } else if (from.internal ? reflected || (own && !to.internal) : own) {
    walk.changed("next-hop-self", "every route", "next hop is this router");
    route.next_hop.reset();
  } else if (to.external && route.next_hop) {
    walk.changed("next-hop-self", "next hop " + to_string(*route.next_hop),
                 "is this router, unless both peers are on one link");
    route.next_hop.reset();
  }
  if (!to.external) {
    return;
  }
  route.local_pref.reset();
  if (!policy.med) {
    route.med.reset();
  }
  if (!session_flag(to, "route-server-client")) {
    route.path.prepend(to.local_asn);
  }
}

}  // namespace

Evaluation evaluate_export(const Route& route, const PeerPolicy& from, const PeerPolicy& to, const PolicyWorld& world) {
  Walk walk(route);
  judge_family(walk, to);
  if (!walk.is_refused()) {
    before_filter(walk, from, to);
  }
  if (!walk.is_refused() && to.exports.closed) {
    walk.refuse(Reason::policy, name_of(Reason::policy), "the policy of peer " + to.name,
                "nothing is announced to this peer");
  }
  if (walk.is_refused()) {
    return std::move(walk.out);
  }
  const ExportPolicy& policy = to.exports;
  walk.raw("raw-first", policy.raw_first);
  choose(walk, to, world);
  if (walk.is_refused()) {
    return std::move(walk.out);
  }
  if (policy.med) {
    walk.changed("med", "every route", fmt::format("MED {}", *policy.med));
    walk.out.route.med = *policy.med;
  }
  change_path(walk, policy);
  if (policy.next_hop && policy.next_hop->family() == walk.out.route.prefix.family()) {
    walk.set_next_hop("next-hop", *policy.next_hop);
  }
  change_communities(walk, policy, world);
  walk.raw("raw-last", policy.raw_last);
  leave(walk, from, to);
  walk.out.accepted = true;
  return std::move(walk.out);
}

}  // namespace floof::policy
