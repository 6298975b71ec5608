// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy_tests.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_view.h"

namespace floof::policy {

namespace {

/// Texts that are no communities are left out: the schema has judged them.
std::vector<Community> communities_of(const Json& object) {
  std::vector<Community> out;
  for (const Json& item : items(object, "community")) {
    if (const auto community = item.is_string() ? parse_community(item.get<std::string>()) : std::nullopt) {
      out.push_back(*community);
    }
  }
  return out;
}

class Test {
 public:
  Test(const Json& test, const Policies& policies, const outside::Outside& outside, const RpkiAsk& ask)
      : test_(test), expect_(member(test, "expect")), policies_(policies), outside_(outside), ask_(ask) {}

  std::optional<Error> run() {
    const PeerPolicy* from = find_peer(policies_, text_of(test_, "from"));
    if (from == nullptr) {
      return error(fmt::format("peer {} has no policy to test", text_of(test_, "from")), "name another peer");
    }
    auto route = make_route(*from);
    if (!route) {
      return route.error();
    }
    const std::string reason = text_of(expect_, "reject");
    if (!reason.empty() && reason != "any" && !reason_of(std::string_view(reason))) {
      return error(fmt::format("\"{}\" is no reason for a refusal", reason),
                   "give one that show route rejected knows, such as rpki-invalid, or any");
    }
    const Evaluation in = evaluate_import(*route, *from, policies_.world, outside_, rpki());
    const std::string to = text_of(test_, "to");
    if (to.empty() || !in.accepted) {
      return compare(in, "import from " + from->name, in);
    }
    const PeerPolicy* receiver = find_peer(policies_, to);
    if (receiver == nullptr) {
      return error(fmt::format("peer {} has no policy to test", to), "name another peer");
    }
    return compare(evaluate_export(in.route, *from, *receiver, policies_.world), "export to " + to, in);
  }

 private:
  Error error(std::string reason, std::string remedy) const {
    return {"bgp test " + text_of(test_, "name"), std::move(reason), std::move(remedy)};
  }

  Result<Route> make_route(const PeerPolicy& from) const {
    Route route;
    const auto prefix = parse_prefix(text_of(test_, "route"));
    if (!prefix.ok()) {
      return error("the route has no prefix", "set its route");
    }
    route.prefix = *prefix;
    const bool has_path = member(test_, "path").is_string();
    const auto path = parse_as_path(text_of(test_, "path"));
    if (!path) {
      return error(fmt::format("\"{}\" is no path", text_of(test_, "path")), "a path looks like \"64500 64999\"");
    }
    route.path = has_path ? *path : from.internal ? AsPath() : AsPath({from.asn});
    route.communities = communities_of(test_);
    route.from = address_of(from, route.prefix);
    const auto next_hop = parse_ip(text_of(test_, "next-hop"));
    route.next_hop = next_hop.ok() ? std::optional(*next_hop) : route.from;
    route.otc = number_if(test_, "otc");
    route.local_pref = number_if(test_, "local-pref");
    if (route.local_pref && from.external) {
      return error("an external peer's local preference is not taken over (RFC 4271, 5.1.5)",
                   fmt::format("delete bgp test {} local-pref", text_of(test_, "name")));
    }
    return route;
  }

  RpkiAsk rpki() const {
    const std::string state = text_of(test_, "rpki");
    if (state.empty()) {
      return [this, ask = rpki_of(outside_, ask_)](const Prefix& prefix, uint32_t origin, bool any_length) {
        const auto said = ask(prefix, origin, any_length);
        unasked_ = unasked_ || !said;
        return said;
      };
    }
    const RpkiState fixed = state == "valid"     ? RpkiState::valid
                            : state == "invalid" ? RpkiState::invalid
                                                 : RpkiState::unknown;
    return [fixed](const Prefix&, uint32_t, bool) { return fixed; };
  }

  /// The command that walks the same route through the same policies.
  std::string explanation(const Evaluation& in) const {
    const PeerPolicy* from = find_peer(policies_, text_of(test_, "from"));
    const std::string path = member(test_, "path").is_string() || from == nullptr || from->internal
                                 ? text_of(test_, "path")
                                 : fmt::to_string(from->asn);
    std::string out = fmt::format("run explain route {} from {} path \"{}\"", to_string(in.route.prefix),
                                  text_of(test_, "from"), path);
    std::string communities;
    for (const Community& community : communities_of(test_)) {
      communities += (communities.empty() ? " community " : ",") + to_string(community);
    }
    out += communities;
    for (const char* leaf : {"next-hop", "rpki", "to"}) {
      const std::string value = text_of(test_, leaf);
      out += value.empty() ? "" : fmt::format(" {} {}", leaf, value);
    }
    for (const char* leaf : {"otc", "local-pref"}) {
      const auto value = number_if(test_, leaf);
      out += value ? fmt::format(" {} {}", leaf, *value) : "";
    }
    return out + " candidate";
  }

  /// `last` has the verdict, `in` the route as this router keeps it.
  std::optional<Error> compare(const Evaluation& last, const std::string& where, const Evaluation& in) const {
    const bool accept = member(expect_, "accept") == Json(true);
    const std::string wanted = text_of(expect_, "reject");
    const std::string refused_by = last.accepted ? ""
                                   : last.reason ? std::string(name_of(*last.reason))
                                                 : last.steps.back().name;
    const bool rests = unasked_ && (wanted.starts_with("rpki-") || refused_by.starts_with("rpki-") ||
                                    (last.accepted && wanted == "any"));
    const std::string remedy =
        rests ? "RPKI could not be asked; give the test an rpki state"
              : fmt::format("correct the policy or the test; '{}' shows every step", explanation(in));
    const std::string unsure = last.unsure ? " (raw texts of the policy were not judged)" : "";
    if (!last.accepted) {
      if (!accept && (wanted == "any" || wanted == refused_by)) {
        return std::nullopt;
      }
      return error(fmt::format("{} refuses the route at {}: {} ({}); expected {}{}", where, refused_by, last.why,
                               last.steps.back().looked, accept ? "that it is accepted" : wanted, unsure),
                   remedy);
    }
    if (!accept) {
      return error(fmt::format("{} accepts the route; expected that it is refused{}{}", where,
                               wanted == "any" ? "" : " for " + wanted, unsure),
                   remedy);
    }
    if (const auto wrong = compare_attributes(in.route)) {
      return error(*wrong + unsure, remedy);
    }
    return std::nullopt;
  }

  std::optional<std::string> compare_attributes(const Route& route) const {
    const Json& preference = member(expect_, "local-pref");
    if (preference.is_number_unsigned() && route.local_pref != preference.get<uint32_t>()) {
      return fmt::format("the accepted route has local preference {}, expected {}", route.local_pref.value_or(0),
                         preference.get<uint32_t>());
    }
    for (const Community& community : communities_of(expect_)) {
      if (!has(route, community)) {
        std::string all;
        for (const Community& one : route.communities) {
          all += (all.empty() ? "" : " ") + to_string(one);
        }
        return fmt::format("the accepted route lacks community {} (it has {})", to_string(community),
                           all.empty() ? "none" : all);
      }
    }
    return std::nullopt;
  }

  const Json& test_;
  const Json& expect_;
  const Policies& policies_;
  const outside::Outside& outside_;
  const RpkiAsk& ask_;
  mutable bool unasked_ = false;  ///< nobody could tell the route's RPKI state
};

}  // namespace

const PeerPolicy* find_peer(const Policies& policies, std::string_view name) {
  const auto found = std::find_if(policies.peers.begin(), policies.peers.end(),
                                  [&](const PeerPolicy& peer) { return peer.name == name; });
  return found == policies.peers.end() ? nullptr : &*found;
}

std::optional<IpAddress> address_of(const PeerPolicy& peer, const Prefix& prefix) {
  for (const IpAddress& address : peer.neighbors) {
    if (address.family() == prefix.family()) {
      return address;
    }
  }
  return peer.neighbors.empty() ? std::nullopt : std::optional(peer.neighbors.front());
}

RpkiAsk rpki_of(const outside::Outside& outside, const RpkiAsk& ask) {
  return [&outside, &ask](const Prefix& prefix, uint32_t origin, bool any_length) -> std::optional<RpkiState> {
    const auto said = ask ? ask(prefix, origin, any_length) : std::nullopt;
    if (outside.vrps == nullptr) {
      return said;
    }
    // What a file and validators say counts together: one ROA that fits makes it valid.
    const RpkiState filed = rpki_state(*outside.vrps, prefix, origin, any_length);
    const RpkiState other = said.value_or(RpkiState::unknown);
    return filed == RpkiState::valid || other == RpkiState::unknown ? filed : other;
  };
}

std::vector<Error> run_tests(const Json& config, const Policies& policies, const outside::Outside& outside,
                             const RpkiAsk& ask) {
  std::vector<Error> out;
  for (const Json& test : items(member(config, "bgp"), "test")) {
    if (auto wrong = Test(test, policies, outside, ask).run()) {
      out.push_back(std::move(*wrong));
    }
  }
  return out;
}

}  // namespace floof::policy
