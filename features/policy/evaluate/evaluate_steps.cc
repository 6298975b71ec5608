// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/evaluate_steps.h"

#include <algorithm>

namespace floof::policy {

bool matches(const Community& pattern, const Community& community) {
  if (pattern.size != community.size) {
    return false;
  }
  for (size_t i = 0; i < pattern.size; i++) {
    if (pattern.parts[i] && pattern.parts[i] != community.parts[i]) {
      return false;
    }
  }
  return true;
}

bool has(const Route& route, const Community& pattern) {
  return std::any_of(route.communities.begin(), route.communities.end(),
                     [&](const Community& community) { return matches(pattern, community); });
}

void judge_family(Walk& walk, const PeerPolicy& peer) {
  const bool four = walk.out.route.prefix.family() == Family::ip4;
  if (!peer.carries(walk.out.route.prefix.family())) {
    walk.refuse(std::nullopt, "family", to_string(walk.out.route.prefix),
                fmt::format("the session with {} carries only {} routes", peer.name, four ? "IPv6" : "IPv4"));
  }
}

Community mark_of(const PolicyWorld& world, Relation relation) {
  return {{world.asn, kOriginFunction, static_cast<uint32_t>(relation)}, 3};
}

void Walk::raw(std::string_view name, const std::vector<RawText>& texts) {
  for (const RawText& text : texts) {
    add(Step::Outcome::unjudged, name, text.path, "BIRD's own words, which are not understood here", text.path);
    out.unsure = true;
  }
}

void Walk::add_communities(std::string_view name, const std::vector<Community>& communities) {
  for (const Community& community : communities) {
    if (has(out.route, community)) {
      untouched(name, to_string(community), "is there already");
    } else {
      out.route.communities.push_back(community);
      changed(name, to_string(community), "is added");
    }
  }
}

void Walk::remove_communities(std::string_view name, const std::vector<Community>& patterns) {
  for (const Community& pattern : patterns) {
    const size_t count =
        std::erase_if(out.route.communities, [&](const Community& one) { return matches(pattern, one); });
    if (count > 0) {
      changed(name, to_string(pattern), count == 1 ? "one is removed" : fmt::format("{} are removed", count));
    } else {
      untouched(name, to_string(pattern), "the route has none");
    }
  }
}

void Walk::set_local_pref(std::string_view name, std::string looked, uint32_t value) {
  out.route.local_pref = value;
  changed(name, std::move(looked), fmt::format("local preference {}", value));
}

void Walk::set_next_hop(std::string_view name, const IpAddress& address) {
  out.route.next_hop = address;
  changed(name, "every route", "next hop " + to_string(address));
}

Json to_json(const Evaluation& evaluation) {
  Json out = {{"accepted", evaluation.accepted}, {"unsure", evaluation.unsure}, {"steps", Json::array()}};
  for (const Step& step : evaluation.steps) {
    Json one = {
        {"name", step.name}, {"looked", step.looked}, {"result", step.result}, {"outcome", name_of(step.outcome)}};
    if (!step.origin.empty()) {
      one["origin"] = step.origin;
    }
    out["steps"].push_back(std::move(one));
  }
  if (evaluation.reason) {
    out["reason"] = name_of(*evaluation.reason);
    out["code"] = static_cast<unsigned>(*evaluation.reason);
  }
  if (!evaluation.accepted) {
    out["why"] = evaluation.why;
  }
  const Route& route = evaluation.route;
  Json& to = out["route"];
  to = {{"prefix", to_string(route.prefix)},
        {"path", to_string(route.path)},
        {"communities", Json::array()},
        {"blackhole", evaluation.blackhole}};
  for (const Community& community : route.communities) {
    to["communities"].push_back(to_string(community));
  }
  if (route.next_hop) {
    to["next-hop"] = to_string(*route.next_hop);
  }
  const std::pair<const char*, const std::optional<uint32_t>&> numbers[] = {
      {"local-pref", route.local_pref}, {"med", route.med}, {"otc", route.otc}, {"preference", evaluation.preference}};
  for (const auto& [key, value] : numbers) {
    if (value) {
      to[key] = *value;
    }
  }
  return out;
}

}  // namespace floof::policy
