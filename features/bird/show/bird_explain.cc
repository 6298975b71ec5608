// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_explain.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/digits.h"
#include "features/bird/show/bird_show_data.h"
#include "features/bird/talk/bird_peers.h"
#include "features/policy/policy_tests.h"

namespace floof::bird {

namespace {

const std::string& attribute(const Route& route, const std::string& key) {
  static const std::string none;
  const auto found = route.attributes.find(key);
  return found == route.attributes.end() ? none : found->second;
}

/// "2001:db8::2 fe80::1" is the first, ":: fe80::1" the second.
std::optional<IpAddress> next_hop_of(std::string_view text) {
  std::optional<IpAddress> out;
  while (!text.empty() && !(out && !out->is_unspecified())) {
    const size_t end = std::min(text.find(' '), text.size());
    if (const auto address = parse_ip(text.substr(0, end)); address.ok()) {
      out = *address;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

class Explainer {
 public:
  Explainer(BirdClient& client, const Json& config, const outside::Outside& outside, const Json& arguments)
      : client_(client),
        config_(config),
        outside_(outside),
        arguments_(arguments),
        policies_(policy::make_policies(config, outside)),
        bird_rpki_(rpki_of_bird(client)) {}

  Result<Json> run() {
    const auto prefix = parse_prefix(text_of(arguments_, "prefix"));
    if (!prefix.ok()) {
      return Error{"explain route " + text_of(arguments_, "prefix"), prefix.error().reason, prefix.error().remedy};
    }
    const std::string name = text_of(arguments_, "peer");
    peer_ = policy::find_peer(policies_, name);
    if (peer_ == nullptr) {
      return Error{"explain route from " + name, "there is no such peer", "see `show bgp summary`"};
    }
    const std::string to = text_of(arguments_, "to");
    to_ = to.empty() ? nullptr : policy::find_peer(policies_, to);
    if (!to.empty() && to_ == nullptr) {
      return Error{"explain route to " + to, "there is no such peer", "see `show bgp summary`"};
    }
    const std::string state = text_of(arguments_, "rpki");
    if (!state.empty() && state != "valid" && state != "invalid" && state != "unknown") {
      return Error{"explain route rpki " + state, "is no state", "write rpki valid, invalid or unknown"};
    }
    Json out = {{"prefix", to_string(*prefix)}, {"peer", name}, {"routes", Json::array()}};
    const bool given = arguments_.contains("path");
    out["hypothetical"] = given;
    out["candidate"] = by_candidate();
    auto routes = given ? hypothetical(*prefix) : received(*prefix);
    if (!routes.ok()) {
      return routes.error();
    }
    out["routes"] = std::move(*routes);
    return out;
  }

 private:
  bool by_candidate() const { return member(arguments_, "candidate") == Json(true); }

  policy::RpkiAsk rpki() const {
    const std::string state = text_of(arguments_, "rpki");
    if (state.empty()) {
      return policy::rpki_of(outside_, bird_rpki_);
    }
    const auto fixed = state == "valid"     ? policy::RpkiState::valid
                       : state == "invalid" ? policy::RpkiState::invalid
                                            : policy::RpkiState::unknown;
    return [fixed](const Prefix&, uint32_t, bool) { return fixed; };
  }

  Json explain(const policy::Route& route, policy::Evaluation& evaluation) const {
    evaluation = policy::evaluate_import(route, *peer_, policies_.world, outside_, rpki());
    Json out = {{"evaluation", policy::to_json(evaluation)}};
    if (to_ != nullptr && evaluation.accepted) {
      out["export"] = policy::to_json(policy::evaluate_export(evaluation.route, *peer_, *to_, policies_.world));
    }
    return out;
  }

  Result<Json> hypothetical(const Prefix& prefix) const {
    const std::string where = "explain route " + to_string(prefix);
    policy::Route route;
    route.prefix = prefix;
    const auto path = policy::parse_as_path(text_of(arguments_, "path"));
    if (!path) {
      return Error{where + " path", "is no AS path", "write path \"64500 64999\""};
    }
    route.path = *path;
    for (const Json& item : items(arguments_, "communities")) {
      const auto community = item.is_string() ? policy::parse_community(item.get<std::string>()) : std::nullopt;
      if (!community || !std::all_of(community->parts.begin(), community->parts.begin() + community->size,
                                     [](const auto& part) { return part.has_value(); })) {
        return Error{where + " community", "is no community", "write community 65000:100"};
      }
      route.communities.push_back(*community);
    }
    route.from = policy::address_of(*peer_, prefix);
    route.next_hop = route.from;
    if (const std::string text = text_of(arguments_, "next-hop"); !text.empty()) {
      const auto hop = parse_ip(text);
      if (!hop.ok()) {
        return Error{where + " next-hop", hop.error().reason, hop.error().remedy};
      }
      route.next_hop = *hop;
    }
    const auto given = [&](const char* key) {
      return arguments_.contains(key) ? std::optional(static_cast<uint32_t>(number_of(arguments_, key))) : std::nullopt;
    };
    route.otc = given("otc");
    route.local_pref = given("local-pref");
    if (route.local_pref && peer_->external) {
      return Error{where + " local-pref", "an external peer's local preference is not taken over (RFC 4271, 5.1.5)",
                   "leave it out"};
    }
    policy::Evaluation evaluation;
    return Json::array({explain(route, evaluation)});
  }

  /// BIRD's answers of one kind about the prefix, as routes.
  Result<std::vector<Route>> ask(const std::string& command, bool* no_table = nullptr) const {
    const auto reply = client_.call(command);
    if (!reply.ok()) {
      return reply.error();
    }
    if (no_table != nullptr) {
      *no_table = reply->text_of(9001).starts_with("No import table");
    }
    return reply->ok() ? parse_routes(*reply) : std::vector<Route>();
  }

  /// As the session sent it. Of an internal peer BIRD keeps no table: the route is the one that it uses.
  Result<std::vector<Route>> sent(const Prefix& prefix, const std::string& protocol) const {
    bool no_table = false;
    auto out = ask(fmt::format("show route {} import table {}.ipv{} all", to_string(prefix), protocol,
                               static_cast<int>(prefix.family())),
                   &no_table);
    for (const char* which : {"", " filtered"}) {
      if (no_table && out.ok() && out->empty()) {
        out = ask(fmt::format("show route {}{} protocol {} all", to_string(prefix), which, protocol));
      }
    }
    return out;
  }

  Result<Json> received(const Prefix& prefix) const {
    if (!peer_->carries(prefix.family())) {
      return Error{fmt::format("explain route {} from {}", to_string(prefix), peer_->name),
                   fmt::format("the session carries no {} routes", prefix.family() == Family::ip4 ? "IPv4" : "IPv6"),
                   fmt::format("set bgp peer {} family both exchanges both families", peer_->name)};
    }
    const Json* peer = find_peer(config_, peer_->name);
    const auto reply = client_.ask("show protocols all");
    if (!reply.ok()) {
      return reply.error();
    }
    const auto protocols = parse_protocols(*reply);
    Json out = Json::array();
    for (const Protocol* protocol : protocols_of(protocols, *peer)) {
      const std::string name = symbol("", symbol_part(protocol->name));
      const auto routes = sent(prefix, name);
      if (!routes.ok()) {
        return routes.error();
      }
      for (const Route& route : *routes) {
        auto one = explain_received(route, prefix, name);
        if (!one.ok()) {
          return one;
        }
        (*one)["neighbor"] = protocol->detail("Neighbor address");
        out.push_back(std::move(*one));
      }
    }
    if (out.empty()) {
      return Error{fmt::format("explain route {} from {}", to_string(prefix), peer_->name),
                   "the peer has not announced this prefix, or BIRD refused it before its filter (own AS number in the "
                   "path, a route leak by RFC 9234)",
                   "give a path to ask what would happen: path \"64500 64999\""};
    }
    return out;
  }

  Result<Json> explain_received(const Route& route, const Prefix& prefix, const std::string& protocol) const {
    const auto parsed = received_route(route);
    if (!parsed) {
      return Error{"explain route " + to_string(prefix), "BIRD's answer has a form that is not understood", ""};
    }
    policy::Evaluation evaluation;
    Json out = explain(*parsed, evaluation);
    out["received"] = route_json(route, config_);
    auto bird = verdict_of_bird(prefix, protocol, attribute(route, "BGP.as_path"));
    if (!bird.ok()) {
      return bird;
    }
    if (parsed->cut) {
      take_over(*bird, evaluation);
      out = {{"evaluation", policy::to_json(evaluation)}, {"received", std::move(out["received"])}};
    }
    // BIRD follows what runs.
    if (const std::string text = difference(evaluation, *bird); !text.empty() && !by_candidate()) {
      out["differs"] = text;
    }
    out["bird"] = std::move(*bird);
    return out;
  }

  /// What BIRD does not show whole only BIRD can judge.
  static void take_over(const Json& bird, policy::Evaluation& evaluation) {
    const auto reason = policy::reason_of(text_of(bird, "reason"));
    evaluation.unsure = true;
    evaluation.accepted = text_of(bird, "verdict") == "accepted";
    evaluation.reason = evaluation.accepted ? std::nullopt : reason;
    evaluation.why = evaluation.accepted || !reason ? "" : std::string(policy::to_string(*reason));
    evaluation.steps.push_back({"path", "a path of which BIRD shows only the beginning",
                                "the steps above may be wrong; the verdict is BIRD's", policy::Step::Outcome::unjudged,
                                ""});
  }

  Result<Json> verdict_of_bird(const Prefix& prefix, const std::string& protocol, const std::string& path) const {
    for (const bool filtered : {false, true}) {
      const auto routes =
          ask(fmt::format("show route {}{} protocol {} all", to_string(prefix), filtered ? " filtered" : "", protocol));
      if (!routes.ok()) {
        return routes.error();
      }
      for (const Route& route : *routes) {
        // With ADD-PATH there are several. The filter does not change a path on its way in.
        if (attribute(route, "BGP.as_path") != path && routes->size() > 1) {
          continue;
        }
        Json list = Json::array({route_json(route, config_)});
        add_reasons(list, config_);
        Json out = std::move(list[0]);
        out["verdict"] = filtered ? "refused" : "accepted";
        return out;
      }
    }
    return Json{{"verdict", "unknown"}};
  }

  BirdClient& client_;
  const Json& config_;
  const outside::Outside& outside_;
  const Json& arguments_;
  const policy::Policies policies_;
  const policy::RpkiAsk bird_rpki_;
  const policy::PeerPolicy* peer_ = nullptr;
  const policy::PeerPolicy* to_ = nullptr;
};

}  // namespace

std::optional<policy::Route> received_route(const Route& route) {
  policy::Route out;
  const auto prefix = parse_prefix(route.prefix);
  // BIRD prints some 480 characters of a path.
  std::string shown = attribute(route, "BGP.as_path");
  out.cut = shown.ends_with("...");
  shown.resize(shown.size() - (out.cut ? 3 : 0));
  const auto path = policy::parse_as_path(shown);
  if (!prefix.ok() || !path) {
    return std::nullopt;
  }
  out.prefix = *prefix;
  out.path = *path;
  for (const char* key : {"BGP.community", "BGP.large_community"}) {
    for (const std::string& text : parse_communities(attribute(route, key))) {
      if (const auto community = policy::parse_community(text)) {
        out.communities.push_back(*community);
      }
    }
  }
  out.other_communities = static_cast<uint32_t>(parse_communities(attribute(route, "BGP.ext_community")).size());
  out.next_hop = next_hop_of(attribute(route, "BGP.next_hop"));
  if (const auto from = parse_ip(route.from); from.ok()) {
    out.from = *from;
  }
  out.origin = attribute(route, "BGP.origin");
  out.med = whole_number<uint32_t>(attribute(route, "BGP.med"));
  out.local_pref = whole_number<uint32_t>(attribute(route, "BGP.local_pref"));
  out.otc = whole_number<uint32_t>(attribute(route, "BGP.otc"));
  return out;
}

std::string difference(const policy::Evaluation& evaluation, const Json& bird) {
  const std::string verdict = text_of(bird, "verdict");
  if (evaluation.unsure || (verdict != "accepted" && verdict != "refused")) {
    return {};
  }
  if ((verdict == "accepted") != evaluation.accepted) {
    return fmt::format("by the policy the route is {}, but BIRD has {} it",
                       evaluation.accepted ? "accepted" : "refused", verdict);
  }
  const std::string reason = text_of(bird, "reason");
  if (!evaluation.accepted && evaluation.reason && !reason.empty() && reason != policy::name_of(*evaluation.reason)) {
    return fmt::format("by the policy the reason is {}, but BIRD says {}", policy::name_of(*evaluation.reason), reason);
  }
  const Json& preference = member(bird, "local-pref");
  if (evaluation.accepted && preference.is_number_unsigned() && evaluation.route.local_pref &&
      preference.get<uint64_t>() != *evaluation.route.local_pref) {
    return fmt::format("by the policy the local preference is {}, but BIRD has {}", *evaluation.route.local_pref,
                       preference.get<uint64_t>());
  }
  return {};
}

policy::RpkiAsk rpki_of_bird(BirdClient& client) {
  // Whoever keeps silent once would let a commit with many tests wait as often.
  return [&client, silent = std::make_shared<bool>(false)](const Prefix& prefix, uint32_t origin,
                                                           bool any_length) -> std::optional<policy::RpkiState> {
    if (*silent) {
      return std::nullopt;
    }
    const auto reply = client.call(fmt::format("eval roa_check(floof_roa{}{}, {}, {})", any_length ? "_any" : "",
                                               prefix.family() == Family::ip4 ? 4 : 6, to_string(prefix), origin));
    *silent = !reply.ok();
    const auto state = reply.ok() ? parse_roa_state(*reply) : std::nullopt;
    return state ? std::optional(static_cast<policy::RpkiState>(*state)) : std::nullopt;
  };
}

std::vector<Error> failed_policy_tests(BirdClient& client, const Json& config, const outside::Outside* outside) {
  if (items(member(config, "bgp"), "test").empty()) {
    return {};
  }
  const outside::Outside nothing;
  const outside::Outside& known = outside != nullptr ? *outside : nothing;
  return policy::run_tests(config, policy::make_policies(config, known), known, rpki_of_bird(client));
}

Result<Json> explain_route(BirdClient& client, const Json& config, const outside::Outside& outside,
                           const Json& arguments) {
  return Explainer(client, config, outside, arguments).run();
}

}  // namespace floof::bird
