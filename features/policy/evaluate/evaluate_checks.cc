// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/evaluate_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/policy/evaluate/aspa.h"
#include "features/policy/evaluate/evaluate_steps.h"

namespace floof::policy {

namespace {

template <typename Sets>
std::string names_of(const Sets& sets) {
  constexpr size_t kMost = 4;
  std::string out;
  for (size_t i = 0; i < sets.size() && i < kMost; i++) {
    out += (i == 0 ? "" : ", ") + sets[i].name;
  }
  return sets.empty() ? "an empty list" : sets.size() > kMost ? out + ", ..." : out;
}

const NamedPrefixes* set_with(const std::vector<NamedPrefixes>& sets, const Prefix& prefix) {
  const auto found = std::find_if(sets.begin(), sets.end(), [&](const NamedPrefixes& named) {
    return named.set != nullptr && named.set->contains(prefix);
  });
  return found == sets.end() ? nullptr : &*found;
}

bool has_asn(const NamedAsns& named, uint32_t asn) { return named.set != nullptr && named.contains(asn); }

std::string list_of(const std::vector<uint32_t>& asns) {
  std::string out;
  for (const uint32_t asn : asns) {
    out += (out.empty() ? "" : ", ") + as_text(asn);
  }
  return out.empty() ? "none" : out;
}

/// "192.0.2.1 or 192.0.2.2 or one in 192.0.2.0/24"
std::string next_hops_of(const NextHopIsNot& check) {
  constexpr size_t kMost = 6;
  std::string out;
  size_t count = 0;
  const auto add = [&](const std::string& text) {
    if (count++ <= kMost) {
      out += (out.empty() ? "" : " or ") + (count <= kMost ? text : std::string("..."));
    }
  };
  for (const IpAddress& address : check.addresses) {
    add(to_string(address));
  }
  count = 0;
  for (const Prefix& subnet : check.subnets) {
    add("one in " + to_string(subnet));
  }
  return out.empty() ? "none" : out;
}

/// One judgement for each kind of check.
class Judge {
 public:
  explicit Judge(const CheckContext& context) : context_(context), route_(context.route) {}

  Finding operator()(const Everything&) const { return refuse("every route", "nothing is accepted from this peer"); }

  Finding operator()(const Listed& check) const {
    const NamedPrefixes* set = set_with(check.sets, route_.prefix);
    const std::string looked = fmt::format("{} in {}", to_string(route_.prefix), names_of(check.sets));
    return set != nullptr ? refuse(looked, "is in " + set->name) : pass(looked, "is not listed");
  }

  Finding operator()(const NotListed& check) const {
    const std::string looked = fmt::format("{} in {}", to_string(route_.prefix), names_of(check.sets));
    if (check.blackholes_excepted && wants_blackhole()) {
      return pass(looked, "asks for a blackhole, which another check judges");
    }
    const NamedPrefixes* set = set_with(check.sets, route_.prefix);
    return set != nullptr ? pass(looked, "is in " + set->name) : refuse(looked, "is not in " + names_of(check.sets));
  }

  Finding operator()(const IsDefault&) const {
    const std::string looked = to_string(route_.prefix);
    return route_.prefix.length() == 0 ? refuse(looked, "is a default route") : pass(looked, "is no default route");
  }

  Finding operator()(const LongerThan& check) const {
    const uint8_t most = is_ip4() ? check.ip4 : check.ip6;
    const std::string looked = fmt::format("length of {}, at most /{}", to_string(route_.prefix), most);
    if (route_.prefix.length() <= most) {
      return pass(looked);
    }
    return check.blackholes_excepted && wants_blackhole()
               ? pass(looked, "is longer, but asks for a blackhole")
               : refuse(looked, fmt::format("/{} is longer than /{}", route_.prefix.length(), most));
  }

  Finding operator()(const ShorterThan& check) const {
    const uint8_t least = is_ip4() ? check.ip4 : check.ip6;
    const std::string looked = fmt::format("length of {}, at least /{}", to_string(route_.prefix), least);
    return route_.prefix.length() == 0 || route_.prefix.length() >= least
               ? pass(looked)
               : refuse(looked, fmt::format("/{} is shorter than /{}", route_.prefix.length(), least));
  }

  Finding operator()(const PathHas& check) const {
    const std::string looked = fmt::format("{} for {}", path_text(route_.path), check.asns.name);
    for (const uint32_t asn : route_.path.flat()) {
      if (has_asn(check.asns, asn)) {
        return refuse(looked, fmt::format("{} is one of {}", as_text(asn), check.asns.name));
      }
    }
    return pass(looked, "has none of them");
  }

  Finding operator()(const PathLonger& check) const {
    const size_t length = route_.path.length();
    const std::string looked = fmt::format("length {} of the path, at most {}", length, check.most);
    return length > check.most ? refuse(looked, fmt::format("{} is longer than {}", length, check.most)) : pass(looked);
  }

  Finding operator()(const PathEmpty&) const {
    const std::string looked = path_text(route_.path);
    return route_.path.length() == 0 ? refuse(looked, "the path is empty") : pass(looked, "is not empty");
  }

  Finding operator()(const PathHasSet&) const {
    const std::string looked = path_text(route_.path);
    return route_.path.has_set() ? refuse(looked, "the path has a set of AS numbers") : pass(looked, "has no set");
  }

  Finding operator()(const FirstAsIsNot& check) const {
    const uint32_t first = route_.path.first();
    const std::string looked = fmt::format("{}, expected to begin with {}", path_text(route_.path), as_text(check.asn));
    return first == check.asn
               ? pass(looked)
               : refuse(looked, first == 0 ? "begins with no AS number" : "begins with " + as_text(first));
  }

  Finding operator()(const NextHopIsNot& check) const {
    const std::string hop = route_.next_hop ? to_string(*route_.next_hop) : "none";
    const std::string looked = fmt::format("next hop {}, expected {}", hop, next_hops_of(check));
    if (!route_.next_hop) {
      return refuse(looked, "there is no next hop");
    }
    const bool known =
        std::find(check.addresses.begin(), check.addresses.end(), *route_.next_hop) != check.addresses.end();
    const auto subnet = std::find_if(check.subnets.begin(), check.subnets.end(),
                                     [&](const Prefix& one) { return one.contains(*route_.next_hop); });
    return known                           ? pass(looked)
           : subnet != check.subnets.end() ? pass(looked, "is in " + to_string(*subnet))
                                           : refuse(looked, "the next hop is " + hop);
  }

  Finding operator()(const OriginNotIn& check) const {
    const uint32_t origin = origin_of(check.own);
    const std::string looked = fmt::format("origin {} in {}", as_text(origin), names_of(check.sets));
    for (const NamedAsns& set : check.sets) {
      if (has_asn(set, origin)) {
        return pass(looked, "is in " + set.name);
      }
    }
    return refuse(looked, fmt::format("{} is not in {}", as_text(origin), names_of(check.sets)));
  }

  Finding operator()(const RpkiIs& check) const {
    const uint32_t origin = origin_of(check.own);
    const std::string looked = fmt::format("{} with origin {}", to_string(route_.prefix), as_text(origin));
    const bool any_length = check.blackholes_loosely && wants_blackhole();
    const auto state = context_.rpki ? context_.rpki(route_.prefix, origin, any_length) : std::nullopt;
    const RpkiState taken = state.value_or(RpkiState::unknown);
    const bool bad = (taken == RpkiState::invalid && check.invalid) || (taken == RpkiState::unknown && check.unknown);
    Finding out =
        bad ? refuse(looked, fmt::format("RPKI says {}", name_of(taken))) : pass(looked, std::string(name_of(taken)));
    if (!state) {
      out.result = "no validator can be asked: taken as unknown";
      out.unjudged = true;
    }
    return out;
  }

  Finding operator()(const AspaInvalid& check) const {
    const AspaVerdict verdict = check.downstream ? aspa_downstream(route_.path, context_.outside.aspas)
                                                 : aspa_upstream(route_.path, context_.outside.aspas);
    const std::string looked = fmt::format("{}, learnt from {}", path_text(route_.path),
                                           check.downstream ? "a provider" : "a customer or peer");
    return verdict.state == AspaState::invalid
               ? refuse(looked, verdict.why)
               : pass(looked,
                      fmt::format("{}: {}", verdict.state == AspaState::valid ? "valid" : "unknown", verdict.why));
  }

  Finding operator()(const PeerLocked& check) const {
    const std::string looked =
        fmt::format("{}: {} only by {}", path_text(route_.path), as_text(check.asn), list_of(check.via));
    const std::vector<uint32_t> path = route_.path.flat();
    for (size_t i = 1; i < path.size(); i++) {
      const uint32_t before = path[i - 1];
      if (path[i] == check.asn && before != check.asn &&
          std::find(check.via.begin(), check.via.end(), before) == check.via.end()) {
        return refuse(looked, fmt::format("{} comes by {}", as_text(check.asn), as_text(before)));
      }
    }
    return pass(looked, route_.path.contains(check.asn) ? "comes by an agreed way" : "is not in the path");
  }

  Finding operator()(const TransitLocked& check) const {
    const std::string looked =
        fmt::format("{}: behind {} only {}", path_text(route_.path), as_text(check.peer), list_of(check.next));
    const std::vector<uint32_t> path = route_.path.flat();
    size_t at = 0;
    while (at < path.size() && path[at] == check.peer) {
      at++;
    }
    if (at == path.size() || std::find(check.next.begin(), check.next.end(), path[at]) != check.next.end()) {
      return pass(looked);
    }
    return refuse(looked, fmt::format("goes on by {}", as_text(path[at])));
  }

  Finding operator()(const MoreCommunitiesThan& check) const {
    const size_t count = route_.communities.size() + route_.other_communities;
    const std::string looked = fmt::format("{} communities, at most {}", count, check.most);
    return count > check.most ? refuse(looked, fmt::format("{} are more than {}", count, check.most)) : pass(looked);
  }

  Finding operator()(const BlackholeNotIn& check) const {
    const std::string looked =
        fmt::format("blackhole for {}, entitled to {}", to_string(route_.prefix), names_of(check.entitled));
    if (!wants_blackhole()) {
      return pass(looked, "does not ask for a blackhole");
    }
    const NamedPrefixes* set = set_with(check.entitled, route_.prefix);
    return set != nullptr ? pass(looked, "is in " + set->name)
                          : refuse(looked, "asks for a blackhole outside of " + names_of(check.entitled));
  }

 private:
  static Finding pass(std::string looked, std::string result = "passes") {
    return {false, false, std::move(looked), std::move(result)};
  }
  static Finding refuse(std::string looked, std::string result) {
    return {true, false, std::move(looked), std::move(result)};
  }
  bool is_ip4() const { return route_.prefix.family() == Family::ip4; }
  uint32_t origin_of(uint32_t own) const { return route_.path.length() == 0 ? own : route_.path.origin(); }
  bool wants_blackhole() const { return has(route_, kBlackhole); }

  const CheckContext& context_;
  const Route& route_;
};

}  // namespace

Finding judge(const Check& check, const CheckContext& context) { return std::visit(Judge(context), check.what); }

}  // namespace floof::policy
