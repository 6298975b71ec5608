// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is accepted from a peer: policy::ImportPolicy as a filter.
#include <fmt/ranges.h>

#include "features/bird/render/bird_render_policy.h"

namespace floof::bird {

namespace {

constexpr std::string_view kWantsBlackhole = "(65535,666) ~ bgp_community";
constexpr std::string_view kCommunities = "bgp_community.len + bgp_ext_community.len + bgp_large_community.len";

/// Prints one check as the condition under which the route is refused. An empty one never holds.
class Condition {
 public:
  explicit Condition(Scribe& scribe) : scribe_(scribe) {}

  std::string operator()(const policy::Everything&) { return "true"; }
  std::string operator()(const policy::Listed& check) { return in_prefixes(scribe_, check.sets); }
  std::string operator()(const policy::NotListed& check) {
    return unless_blackhole(check.blackholes_excepted, outside(in_prefixes(scribe_, check.sets)));
  }
  std::string operator()(const policy::IsDefault&) { return "net.len = 0"; }
  std::string operator()(const policy::LongerThan& check) {
    return unless_blackhole(check.blackholes_excepted, by_family("net.len > {}", check.ip4, check.ip6));
  }
  std::string operator()(const policy::ShorterThan& check) {
    return "net.len > 0 && " + by_family("net.len < {}", check.ip4, check.ip6);
  }
  std::string operator()(const policy::PathHas& check) {
    return check.asns.set->empty() ? "" : fmt::format("bgp_path ~ {}", asn_set(scribe_, check.asns));
  }
  std::string operator()(const policy::PathLonger& check) { return fmt::format("bgp_path.len > {}", check.most); }
  std::string operator()(const policy::PathEmpty&) { return "bgp_path.len = 0"; }
  std::string operator()(const policy::PathHasSet&) { return "floof_has_set()"; }
  std::string operator()(const policy::FirstAsIsNot& check) { return fmt::format("bgp_path.first != {}", check.asn); }
  std::string operator()(const policy::NextHopIsNot& check) {
    std::string any;
    for (const IpAddress& address : check.addresses) {
      any += fmt::format("{}bgp_next_hop = {}", any.empty() ? "" : " || ", to_string(address));
    }
    for (const Prefix& subnet : check.subnets) {
      any += fmt::format("{}bgp_next_hop ~ {}", any.empty() ? "" : " || ", to_string(subnet));
    }
    return outside(any);
  }
  std::string operator()(const policy::OriginNotIn& check) {
    std::string any;
    for (const NamedAsns& asns : check.sets) {
      any += fmt::format("{}floof_origin() ~ {}", any.empty() ? "" : " || ", asn_set(scribe_, asns));
    }
    return outside(any);
  }
  std::string operator()(const policy::RpkiIs& check) {
    return fmt::format("floof_rpki{}() {}", check.blackholes_loosely ? "_blackhole" : "",
                       check.invalid ? "= ROA_INVALID" : "!= ROA_VALID");
  }
  std::string operator()(const policy::AspaInvalid& check) {
    return check.downstream ? "floof_aspa_downstream_invalid()" : "floof_aspa_upstream_invalid()";
  }
  std::string operator()(const policy::PeerLocked& check) {
    return fmt::format("floof_locked({}, {})", check.asn, numbers(check.via));
  }
  std::string operator()(const policy::TransitLocked& check) {
    return fmt::format("floof_transit_locked({}, {})", check.peer, numbers(check.next));
  }
  std::string operator()(const policy::MoreCommunitiesThan& check) {
    return fmt::format("{} > {}", kCommunities, check.most);
  }
  std::string operator()(const policy::BlackholeNotIn& check) {
    return fmt::format("{} && {}", kWantsBlackhole, outside(in_prefixes(scribe_, check.entitled)));
  }

 private:
  static std::string outside(const std::string& condition) {
    return condition.empty() ? "true" : fmt::format("! ({})", condition);
  }
  static std::string unless_blackhole(bool excepted, const std::string& condition) {
    return excepted ? fmt::format("! ({}) && ({})", kWantsBlackhole, condition) : condition;
  }
  static std::string by_family(std::string_view test, unsigned four, unsigned six) {
    return fmt::format("((net.type = NET_IP4 && {}) || (net.type = NET_IP6 && {}))",
                       fmt::format(fmt::runtime(test), four), fmt::format(fmt::runtime(test), six));
  }
  /// BIRD has no empty set of numbers.
  static std::string numbers(const std::vector<uint32_t>& list) {
    return list.empty() ? "[ 0 ]" : fmt::format("[ {} ]", fmt::join(list, ", "));
  }

  Scribe& scribe_;
};

void strip(Scribe& scribe, const policy::ImportPolicy& policy) {
  if (policy.strip_above) {
    scribe.out.line(
        "if {} > {} then {{ bgp_community = filter(bgp_community, [(65535,*)]); "
        "bgp_ext_community.empty; bgp_large_community.empty; }}",
        kCommunities, *policy.strip_above);
  }
}

void preferences(Scribe& scribe, const policy::ImportPolicy& policy) {
  ConfigText& out = scribe.out;
  if (policy.local_pref) {
    out.line("bgp_local_pref = {};", *policy.local_pref);
  }
  if (policy.local_pref4) {
    out.line("if net.type = NET_IP4 then bgp_local_pref = {};", *policy.local_pref4);
  }
  if (policy.local_pref6) {
    out.line("if net.type = NET_IP6 then bgp_local_pref = {};", *policy.local_pref6);
  }
  for (const auto& [asn, preference] : policy.as_prefs) {
    out.line("if bgp_path ~ [ {} ] then bgp_local_pref = {};", asn, preference);
  }
  for (const auto& [community, preference] : policy.community_prefs) {
    out.line("if {} then bgp_local_pref = {};", has_community(community), preference);
  }
  if (policy.graceful_shutdown) {
    out.line("if (65535,0) ~ bgp_community then bgp_local_pref = 0;  # RFC 8326");
  }
  if (policy.drain) {
    out.line("bgp_local_pref = 0;  # maintenance");
  }
  if (policy.med) {
    out.line("bgp_med = {};", *policy.med);
  }
  if (policy.preference) {
    out.line("preference = {};", *policy.preference);
  }
}

void next_hops(Scribe& scribe, const policy::PeerPolicy& peer) {
  ConfigText& out = scribe.out;
  if (const auto& hop = peer.import.next_hop) {
    // BIRD takes a new gateway only on a connected link; the dataplane finds any other through its routes.
    const bool near = scribe.connected(*hop);
    out.line("if net.type = {} then {{ bgp_next_hop = {};{} }}", hop->is_ip4() ? "NET_IP4" : "NET_IP6", to_string(*hop),
             near ? fmt::format(" gw = {};", to_string(*hop)) : "");
  }
  for (const IpAddress& address : peer.import.next_hop_peer ? peer.neighbors : std::vector<IpAddress>()) {
    out.line("if from = {} then {{ bgp_next_hop = {};{} }}", to_string(address), to_string(address),
             scribe.connected(address) ? fmt::format(" gw = {};", to_string(address)) : "");
  }
}

void communities(Scribe& scribe, const policy::ImportPolicy& policy) {
  const uint32_t asn = scribe.policies.world.asn;
  if (policy.blackhole_unagreed) {
    scribe.out.line("if {} then {{ bgp_community.delete([(65535,666)]); bgp_community.add((65535,65281)); }}",
                    kWantsBlackhole);
  }
  if (policy.scrub) {
    scribe.out.line("bgp_large_community.delete([({},*,*)]);", asn);
    if (asn <= 65535) {
      scribe.out.line("bgp_community.delete([({},*)]);", asn);
    }
  }
  for (const policy::Community& community : policy.remove) {
    remove_community(scribe, community);
  }
  if (policy.relation != policy::Relation::none) {
    scribe.out.line("bgp_large_community.add(({},{},{}));", asn, policy::kOriginFunction,
                    static_cast<unsigned>(policy.relation));
  }
  for (const policy::Community& community : policy.add) {
    add_community(scribe, community);
  }
}

void blackholes(Scribe& scribe, const policy::ImportPolicy& policy) {
  const std::string drop =
      fmt::format("dest = RTD_BLACKHOLE; bgp_community.add((65535,65281)); bgp_large_community.add(({},{},{}));",
                  scribe.policies.world.asn, policy::kOriginFunction, policy::kBlackholeMark);
  if (policy.blackhole_community) {
    scribe.out.line("if {} then {{ {} }}  # RFC 7999", kWantsBlackhole, drop);
  }
  if (policy.blackhole_asns) {
    scribe.out.line("if bgp_path ~ {} then {{ {} }}", asn_set(scribe, *policy.blackhole_asns), drop);
  }
  if (policy.blackhole_all) {
    scribe.out.line("{}", drop);
  }
}

}  // namespace

void render_raw_texts(Scribe& scribe, const std::vector<policy::RawText>& texts, const std::string& then) {
  for (const policy::RawText& raw : texts) {
    scribe.out.origin(raw.path, true);
    scribe.out.verbatim(raw.text);
    scribe.out.origin(then);
  }
}

void render_import_filter(Scribe& scribe, const policy::PeerPolicy& peer) {
  const std::string path = "bgp peer " + peer.name;
  const policy::ImportPolicy& policy = peer.import;
  std::vector<std::string> lines;
  Condition condition(scribe);
  for (const policy::Check& check : policy.checks) {
    // The sets that a check needs are defined in front of the filter.
    if (const std::string bad = std::visit(condition, check.what); !bad.empty()) {
      lines.push_back(bad == "true"
                          ? fmt::format("floof_refuse({});", static_cast<unsigned>(check.reason))
                          : fmt::format("if {} then floof_refuse({});", bad, static_cast<unsigned>(check.reason)));
      lines.back() += fmt::format("  # {}", policy::name_of(check.reason));
    }
  }
  if (policy.blackhole_asns) {
    (void)asn_set(scribe, *policy.blackhole_asns);
  }
  ConfigText& out = scribe.out;
  out.open("filter {} {{", symbol("import_from_", symbol_part(peer.name)));
  render_raw_texts(scribe, policy.raw_first, path);
  for (const std::string& line : lines) {
    out.line("{}", line);
  }
  render_raw_texts(scribe, policy.raw_checked, path);
  strip(scribe, policy);
  preferences(scribe, policy);
  next_hops(scribe, peer);
  communities(scribe, policy);
  blackholes(scribe, policy);
  render_raw_texts(scribe, policy.raw_last, path);
  out.line("accept;");
  out.close();
}

}  // namespace floof::bird
