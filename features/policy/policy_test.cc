// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "features/policy/internet.h"

namespace floof::policy {
namespace {

Prefix prefix(const char* text) { return *parse_prefix(text); }

/// One peer named p of AS 400010, with these leafs, in AS 45000.
PeerPolicy policy_of(const char* leafs, const outside::Outside& outside = {},
                     std::vector<std::string>* warnings = nullptr) {
  Json peer = Json::parse(R"({"name":"p","remote-as":400010,"neighbor":["45.0.0.2"]})");
  peer.update(Json::parse(leafs));
  const Json config = {{"bgp",
                        {{"asn", 45000},
                         {"prefix", {"45.77.0.0/16"}},
                         {"peer", {peer}},
                         {"policy", Json::parse(R"([{"name":"transit","multihop":3,"hold-time":30,
            "import":{"local-pref":70,"community-add":["45000:1"],"filter":{"rpki":"off","aspa":false}}}])")}}}};
  Policies all = make_policies(config, outside);
  if (warnings != nullptr) {
    *warnings = all.warnings;
  }
  return all.peers.at(0);
}

const Check* check_for(const PeerPolicy& peer, Reason reason) {
  const auto& checks = peer.import.checks;
  const auto at = std::find_if(checks.begin(), checks.end(), [&](const Check& c) { return c.reason == reason; });
  return at != checks.end() ? &*at : nullptr;
}

outside::Outside with_as_set(const char* name, std::vector<PrefixRange> prefixes, NamedAsns::Ranges origins) {
  outside::Outside out;
  out.as_sets[name] = {std::make_shared<const PrefixSet>(std::move(prefixes)),
                       std::make_shared<const NamedAsns::Ranges>(std::move(origins))};
  return out;
}

TEST(Policy, NothingSaidMeansNothingExchanged) {  // RFC 8212
  const PeerPolicy none = policy_of("{}");
  EXPECT_TRUE(none.import.closed);
  EXPECT_TRUE(none.exports.closed);
  const PeerPolicy only_import = policy_of(R"({"import":{}})");
  EXPECT_FALSE(only_import.import.closed);
  EXPECT_TRUE(only_import.exports.closed);
  const PeerPolicy named = policy_of(R"({"policy":"transit"})");
  EXPECT_FALSE(named.import.closed);
  EXPECT_FALSE(named.exports.closed);
  const PeerPolicy internal = policy_of(R"({"remote-as":45000})");
  EXPECT_FALSE(internal.import.closed);
  EXPECT_FALSE(internal.exports.closed);
  EXPECT_TRUE(internal.import.checks.empty());
  EXPECT_TRUE(policy_of(R"({"policy":"transit","maintenance":"down"})").import.closed);
}

TEST(Policy, RoleChoosesTheDefaults) {
  using Base = ExportPolicy::Base;
  const struct {
    const char* role;
    Relation relation;
    uint32_t local_pref;
    Base base;
    bool transit_check, first_as;
  } rows[] = {
      {"customer", Relation::upstream, 100, Base::customers, false, true},
      {"provider", Relation::customer, 400, Base::all, true, true},
      {"peer", Relation::peer, 300, Base::customers, true, true},
      {"rs-client", Relation::route_server, 200, Base::customers, true, false},
      {"rs", Relation::peer, 300, Base::all, true, true},
  };
  for (const auto& row : rows) {
    const PeerPolicy peer = policy_of((std::string(R"({"import":{},"export":{},"role":")") + row.role + "\"}").c_str());
    EXPECT_EQ(peer.import.relation, row.relation) << row.role;
    EXPECT_EQ(peer.import.local_pref, row.local_pref) << row.role;
    EXPECT_EQ(peer.exports.base, row.base) << row.role;
    EXPECT_EQ(check_for(peer, Reason::transit_asn) != nullptr, row.transit_check) << row.role;
    EXPECT_EQ(check_for(peer, Reason::first_as) != nullptr, row.first_as) << row.role;
  }
  const PeerPolicy without = policy_of(R"({"import":{},"export":{}})");
  EXPECT_EQ(without.import.relation, Relation::none);
  EXPECT_FALSE(without.import.local_pref.has_value());
  EXPECT_EQ(without.exports.base, Base::originated);
}

TEST(Policy, APeersOwnWordWins) {
  const PeerPolicy plain = policy_of(R"({"policy":"transit"})");
  EXPECT_EQ(plain.import.local_pref, 70u);
  EXPECT_EQ(plain.session["multihop"], 3);
  EXPECT_EQ(check_for(plain, Reason::rpki_invalid), nullptr);
  const PeerPolicy own = policy_of(
      R"({"policy":"transit","multihop":2,"import":{"local-pref":80,"community-add":["45000:2"],"filter":{"rpki":"invalid"}}})");
  EXPECT_EQ(own.import.local_pref, 80u);
  EXPECT_EQ(own.session["multihop"], 2);
  EXPECT_EQ(own.session["hold-time"], 30);
  ASSERT_EQ(own.import.add.size(), 1u);
  EXPECT_EQ(to_string(own.import.add[0]), "45000:2");
  EXPECT_NE(check_for(own, Reason::rpki_invalid), nullptr);
  EXPECT_EQ(own.name, "p");
}

TEST(Policy, TrustMeansNoChecks) {
  const PeerPolicy peer =
      policy_of(R"({"import":{"trust":true,"prefix":[{"prefix":"10.0.0.0/8","le":24}]},"role":"peer"})");
  ASSERT_EQ(peer.import.checks.size(), 1u);  // what is listed is the user's wish, not a check
  EXPECT_EQ(peer.import.checks[0].reason, Reason::prefix_not_listed);
  EXPECT_FALSE(peer.import.scrub);
}

TEST(Policy, EveryCheckIsOnAndCanBeTurnedOff) {
  outside::Outside outside = with_as_set("AS-X", {exactly(prefix("45.1.0.0/24"))}, {{400010, 400010}});
  outside.ixp_lans = std::make_shared<const PrefixSet>(std::vector{inside(prefix("45.9.0.0/24"))});
  outside.never_via_route_servers = std::make_shared<const NamedAsns::Ranges>(NamedAsns::Ranges{{5, 5}});
  outside.aspas[1] = {2};
  outside.blocked_prefixes = std::make_shared<const PrefixSet>(std::vector{inside(prefix("45.8.0.0/24"))});
  outside.blocked_asns = std::make_shared<const NamedAsns::Ranges>(NamedAsns::Ranges{{6, 6}});
  const std::pair<const char*, Reason> switches[] = {{"bogon-prefixes", Reason::bogon_prefix},
                                                     {"bogon-asns", Reason::bogon_asn},
                                                     {"own-prefixes", Reason::own_prefix},
                                                     {"ixp-lans", Reason::ixp_lan},
                                                     {"prefix-length", Reason::prefix_too_long},
                                                     {"as-path-sets", Reason::as_path_set},
                                                     {"aspa", Reason::aspa_invalid},
                                                     {"never-via-route-servers", Reason::never_via_route_servers},
                                                     {"transit-asns", Reason::transit_asn},
                                                     {"irr", Reason::irr_prefix},
                                                     {"irr-origin", Reason::irr_origin},
                                                     {"blocklist", Reason::blocked_asn}};
  const char* const base = R"({"role":"rs-client","import":{"as-set":["AS-X"]}})";
  for (const auto& [leaf, reason] : switches) {
    EXPECT_NE(check_for(policy_of(base, outside), reason), nullptr) << leaf;
    Json off = Json::parse(base);
    off["import"]["filter"][leaf] = false;
    EXPECT_EQ(check_for(policy_of(off.dump().c_str(), outside), reason), nullptr) << leaf;
  }
  EXPECT_NE(check_for(policy_of(base, outside), Reason::rpki_invalid), nullptr);
  EXPECT_EQ(check_for(policy_of(base, outside), Reason::rpki_not_valid), nullptr);
  EXPECT_NE(check_for(policy_of(R"({"import":{"filter":{"rpki":"require-valid"}}})"), Reason::rpki_not_valid), nullptr);
}

TEST(Policy, AnUnknownAsSetRefusesEverything) {
  std::vector<std::string> warnings;
  outside::Outside lans;
  lans.ixp_lans = std::make_shared<const PrefixSet>();
  lans.validators = true;
  const PeerPolicy unknown = policy_of(R"({"import":{"as-set":["AS-X"]}})", lans, &warnings);
  const Check* check = check_for(unknown, Reason::irr_unknown);
  ASSERT_NE(check, nullptr);
  EXPECT_TRUE(std::holds_alternative<Everything>(check->what));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("AS-X"), std::string::npos);
  // One of two is known: the prefixes of that one pass.
  outside::Outside one = with_as_set("AS-Y", {exactly(prefix("45.1.0.0/24"))}, {{400010, 400010}});
  one.ixp_lans = lans.ixp_lans;
  one.validators = true;
  const PeerPolicy half = policy_of(R"({"import":{"as-set":["AS-X","AS-Y"]}})", one, &warnings);
  EXPECT_EQ(check_for(half, Reason::irr_unknown), nullptr);
  EXPECT_NE(check_for(half, Reason::irr_prefix), nullptr);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(Policy, AsSetsOfPeeringDbAreWordsOrNothing) {
  outside::Outside outside = with_as_set("AS-X", {exactly(prefix("45.1.0.0/24"))}, {{400010, 400010}});
  outside.networks[400010] = {"Example", "AS-X", 1000, 0};
  EXPECT_NE(check_for(policy_of(R"({"import":{"as-set-auto":true}})", outside), Reason::irr_prefix), nullptr);
  for (const char* hostile : {"AS-X; } protocol", "", "`id`", "AS-X\"", "$(x)"}) {
    outside.networks[400010].as_set = hostile;
    EXPECT_NE(check_for(policy_of(R"({"import":{"as-set-auto":true}})", outside), Reason::irr_unknown), nullptr)
        << hostile;
  }
}

TEST(Policy, LimitsOfPeeringDbHaveHeadroomAndGiveWay) {
  outside::Outside outside;
  outside.networks[400010] = {"Example", "", 1000, 0};
  const PeerPolicy automatic = policy_of(R"({"import":{"limit":{"auto":true}}})", outside);
  EXPECT_EQ(automatic.limits.import4, 1200u);
  EXPECT_EQ(automatic.limits.import6, 0u);  // it says nothing, so nothing is limited
  EXPECT_EQ(automatic.limits.import_action, "disable");
  EXPECT_EQ(policy_of(R"({"import":{"limit":{"auto":true,"ip4":7,"headroom":50}}})", outside).limits.import4, 7u);
  outside.networks[400010].prefixes4 = 5;
  EXPECT_EQ(policy_of(R"({"import":{"limit":{"auto":true}}})", outside).limits.import4, 15u);
}

TEST(Policy, WhatPeeringDbDoesNotLimitIsTold) {
  outside::Outside outside;
  outside.ixp_lans = std::make_shared<const PrefixSet>();
  outside.validators = true;
  const auto said = [&](const char* leafs) {
    std::vector<std::string> warnings;
    policy_of(leafs, outside, &warnings);
    return warnings;
  };
  const auto warning = [](const char* families) {
    return std::vector<std::string>{std::string("bgp peer p import limit auto: PeeringDB has no figure for ") +
                                    families + ", so there is no limit"};
  };
  EXPECT_EQ(said(R"({"import":{"limit":{"auto":true}}})"), warning("IPv4 and IPv6"));
  EXPECT_EQ(said(R"({"import":{"trust":true,"limit":{"auto":true,"ip4":5}}})"), warning("IPv6"));
  EXPECT_EQ(said(R"({"import":{"limit":{"auto":true,"ip4":5,"ip6":5}}})"), std::vector<std::string>());
  EXPECT_EQ(said(R"({"import":{"limit":{"ip4":5}}})"), std::vector<std::string>());
  outside.networks[400010] = {"Example", "", 1000, 0};
  EXPECT_EQ(said(R"({"import":{"limit":{"auto":true}}})"), warning("IPv6"));
}

TEST(Policy, ListsThatWereNeverFetchedAreTold) {
  const auto said = [](const char* leafs, const char* blocklist, outside::Outside outside) {
    outside.validators = true;
    Json peer = Json::parse(R"({"name":"p","remote-as":400010,"neighbor":["45.0.0.2"]})");
    peer.update(Json::parse(leafs));
    const Json config = {{"bgp", {{"asn", 45000}, {"peer", {peer}}, {"blocklist", Json::parse(blocklist)}}}};
    std::string out;
    for (const std::string& warning : make_policies(config, outside).warnings) {
      out += warning.substr(0, warning.find(' ')) + " ";
    }
    return out;
  };
  const char* const file = R"({"file":["/b"]})";
  EXPECT_EQ(said(R"({"role":"rs-client","import":{}})", file, {}), "exchange networks files ");
  EXPECT_EQ(said(R"({"role":"peer","import":{}})", R"({"asn":[1]})", {}), "exchange ");
  EXPECT_EQ(said(R"({"role":"peer","import":{"filter":{"ixp-lans":false,"blocklist":false}}})", file, {}), "");
  EXPECT_EQ(said(R"({"role":"rs-client","import":{"trust":true}})", file, {}), "");
  EXPECT_EQ(said(R"({"role":"rs-client"})", file, {}), "") << "nothing is imported";
  outside::Outside known;
  known.ixp_lans = std::make_shared<const PrefixSet>();
  EXPECT_EQ(said(R"({"role":"peer","import":{"filter":{"next-hop":"same-as","ixp-lans":false}}})", "{}", {}), "what ");
  known.ports[400010] = std::make_shared<const PrefixSet>();
  EXPECT_EQ(said(R"({"role":"peer","import":{"filter":{"next-hop":"same-as"}}})", "{}", known), "");
  known.never_via_route_servers = known.blocked_asns = std::make_shared<const NamedAsns::Ranges>();
  EXPECT_EQ(said(R"({"role":"rs-client","import":{}})", file, known), "");
}

/// What is said of peer p with these leafs when all lists are known but `outside` knows no validator.
std::vector<std::string> said_of(const char* leafs, outside::Outside outside = {}, const char* more = "{}") {
  outside.ixp_lans = std::make_shared<const PrefixSet>();
  outside.never_via_route_servers = std::make_shared<const NamedAsns::Ranges>();
  Json peer = Json::parse(R"({"name":"p","remote-as":400010,"neighbor":["45.0.0.2"]})");
  peer.update(Json::parse(leafs));
  Json bgp = {{"asn", 45000}, {"peer", {peer}}};
  bgp.update(Json::parse(more));
  const Json interfaces = Json::parse(R"([{"name":"e0","address":["45.0.0.1/24"]}])");
  return make_policies({{"bgp", bgp}, {"interface", interfaces}}, outside).warnings;
}

outside::Outside with_validator() {
  outside::Outside out;
  out.validators = true;
  return out;
}

TEST(Policy, AnExportThatLeavesOutAllThatItMayAnnounceIsTold) {
  const auto silent = [](const char* exports) {
    const auto all = said_of(fmt::format(R"({{"role":"customer","export":{}}})", exports).c_str(), with_validator());
    return std::any_of(all.begin(), all.end(), [](const std::string& one) {
      return one.starts_with("bgp peer p: only originated prefixes would be announced");
    });
  };
  EXPECT_TRUE(silent(R"({"accept":"originated","originated":false})"));
  EXPECT_FALSE(silent(R"({"accept":"originated"})"));
  EXPECT_FALSE(silent(R"({"accept":"customers","originated":false})"));
  EXPECT_FALSE(silent(R"({"accept":"none","originated":false})"));
  EXPECT_FALSE(silent(R"({"accept":"originated","originated":false,"default-route":true})"));
  EXPECT_FALSE(silent(R"({"accept":"originated","originated":false,"accept-community":["1:1"]})"));
}

TEST(Policy, TooManyCommunitiesMayBeStripped) {
  const auto refuses = [](const PeerPolicy& peer) {
    return std::any_of(peer.import.checks.begin(), peer.import.checks.end(),
                       [](const Check& check) { return check.reason == Reason::too_many_communities; });
  };
  const PeerPolicy strips = policy_of(R"({"import":{"filter":{"too-many-communities":"strip","max-communities":7}}})");
  EXPECT_FALSE(refuses(strips));
  EXPECT_EQ(strips.import.strip_above, 7);
  const PeerPolicy plain = policy_of(R"({"import":{"filter":{"too-many-communities":"refuse"}}})");
  EXPECT_TRUE(refuses(plain));
  EXPECT_EQ(plain.import.strip_above, std::nullopt);
}

TEST(Policy, WhoIsNotLimitedIsTold) {
  const auto leaks = [](const char* leafs) {
    const auto all = said_of(leafs, with_validator());
    EXPECT_TRUE(all.empty() || all[0].find("(a route leak); set bgp peer p import as-set") != std::string::npos)
        << all[0];
    return all.size();
  };
  EXPECT_EQ(leaks(R"({"role":"provider","import":{}})"), 1u);
  EXPECT_EQ(leaks(R"({"role":"rs","import":{}})"), 1u);
  EXPECT_EQ(leaks(R"({"role":"provider","import":{"trust":true}})"), 1u);
  EXPECT_EQ(leaks(R"({"role":"peer","import":{}})"), 0u);
  EXPECT_EQ(leaks(R"({"role":"provider"})"), 0u) << "nothing is imported";
  EXPECT_EQ(leaks(R"({"role":"provider","import":{"accept":"none"}})"), 0u);
  EXPECT_EQ(leaks(R"({"role":"provider","import":{"prefix":[{"prefix":"45.1.0.0/16"}]}})"), 0u);
  EXPECT_EQ(leaks(R"({"role":"provider","import":{"trust":true,"prefix":[{"prefix":"45.1.0.0/16"}]}})"), 0u);
  const outside::Outside known = [] {
    outside::Outside out = with_as_set("AS-X", {exactly(prefix("45.1.0.0/24"))}, {{400010, 400010}});
    out.validators = true;
    return out;
  }();
  const char* const listed = R"({"role":"provider","import":{"as-set":["AS-X"]}})";
  const char* const unused =
      R"({"role":"provider","import":{"as-set":["AS-X"],"filter":{"irr":false,"irr-origin":false}}})";
  const char* const trusted = R"({"role":"provider","import":{"as-set":["AS-X"],"trust":true}})";
  EXPECT_TRUE(said_of(listed, known).empty());
  EXPECT_EQ(said_of(unused, known).size(), 1u);
  EXPECT_EQ(said_of(trusted, known).size(), 2u) << "the leak, and that the as-set is not looked at";
}

TEST(Policy, RpkiWithoutASourceIsTold) {
  const auto first = [](const char* leafs, const outside::Outside& outside, const char* more = "{}") {
    const auto all = said_of(leafs, outside, more);
    return all.empty() ? std::string() : all[0];
  };
  const char* const strict = R"({"role":"peer","import":{"filter":{"rpki":"require-valid"}}})";
  const char* const open = R"({"role":"peer","import":{}})";
  EXPECT_EQ(first(open, {}),
            "RPKI has no source, so filter rpki of p lets every route pass; set bgp rpki server <name> address <host>, "
            "or bgp rpki vrp-file <path>");
  EXPECT_NE(first(strict, {}).find("require-valid of p refuses every route"), std::string::npos);
  EXPECT_EQ(first(open, {}, R"({"rpki":{"server":[{"name":"v","address":"192.0.2.9"}]}})"),
            "what RPKI says is not known (yet), so filter rpki of p lets every route pass; see show bgp rpki");
  EXPECT_EQ(first(R"({"role":"peer","import":{"filter":{"rpki":"off"}}})", {}), "");
  EXPECT_EQ(first(R"({"role":"peer","import":{"trust":true}})", {}), "");
  EXPECT_EQ(first(open, with_validator()), "");
  outside::Outside file;
  file.vrps = std::make_shared<const std::vector<rpki::Vrp>>();
  EXPECT_EQ(first(strict, file), "");
}

TEST(Policy, WhatHardlyAnybodyMeansIsTold) {
  const auto first = [](const char* leafs, const char* more = "{}") {
    const auto all = said_of(leafs, with_validator(), more);
    return all.empty() ? std::string() : all[0];
  };
  EXPECT_NE(first(R"({"role":"peer","import":{"blackhole-community":true}})")
                .find("bgp peer p: import blackhole-community without as-set"),
            std::string::npos);
  EXPECT_EQ(first(R"({"role":"peer","import":{"blackhole-community":true,"prefix":[{"prefix":"45.1.0.0/16"}]}})"), "");
  EXPECT_NE(first(R"({"role":"peer","remote-as":64512,"import":{}})")
                .find("bogon-asns refuses every route; set bgp peer p import filter bogon-asns false"),
            std::string::npos);
  EXPECT_EQ(first(R"({"role":"peer","remote-as":64512,"import":{"filter":{"bogon-asns":false}}})"), "");
  EXPECT_NE(first("{}", R"({"prefix":["10.1.0.0/16"]})").find("bgp prefix 10.1.0.0/16: must not be in the Internet"),
            std::string::npos);
  EXPECT_EQ(first("{}", R"({"prefix":["45.1.0.0/16"]})"), "");
  EXPECT_EQ(first("{}", R"({"prefix":["10.1.0.0/16"],"bogon":{"built-in":false}})"), "");
}

TEST(Policy, NextHopsOfTheOtherFamilyAreJudgedToo) {
  const auto strict = policy_of(R"({"family":"both","import":{"filter":{"next-hop":"strict"}}})");
  const auto& check = std::get<NextHopIsNot>(check_for(strict, Reason::next_hop)->what);
  EXPECT_TRUE(check.subnets.empty());
  const auto none =
      said_of(R"({"role":"peer","family":"both","import":{"filter":{"next-hop":"strict"}}})", with_validator());
  ASSERT_EQ(none.size(), 1u);
  EXPECT_NE(none[0].find("bgp peer p: filter next-hop takes no next hop of one"), std::string::npos) << none[0];
  EXPECT_TRUE(said_of(R"({"role":"peer","import":{"filter":{"next-hop":"strict"}}})", with_validator()).empty());
}

TEST(Policy, SessionsCarryFamilies) {
  using Families = std::vector<Family>;
  EXPECT_EQ(policy_of("{}").families, Families{Family::ip4});
  EXPECT_EQ(policy_of(R"({"neighbor":["2a00:9::2"]})").families, Families{Family::ip6});
  EXPECT_EQ(policy_of(R"({"neighbor":["2a00:9::2","45.0.0.2"]})").families, (Families{Family::ip4, Family::ip6}));
  EXPECT_EQ(policy_of(R"({"family":"both"})").families, (Families{Family::ip4, Family::ip6}));
  EXPECT_EQ(policy_of(R"({"family":"ip6"})").families, Families{Family::ip6});
  EXPECT_EQ(policy_of(R"({"extended-next-hop":true})").families, (Families{Family::ip4, Family::ip6}));
  EXPECT_EQ(policy_of(R"({"neighbor":[],"interface":"e0"})").families, (Families{Family::ip4, Family::ip6}));
}

TEST(Policy, BlackholesStayInside) {  // RFC 7999, 3.2
  EXPECT_TRUE(policy_of(R"({"import":{}})").import.blackhole_unagreed);
  EXPECT_FALSE(policy_of(R"({"import":{"blackhole-community":true}})").import.blackhole_unagreed);
  EXPECT_FALSE(policy_of(R"({"import":{"trust":true}})").import.blackhole_unagreed);
  EXPECT_FALSE(policy_of(R"({"remote-as":45000})").import.blackhole_unagreed);
  using Blackholes = ExportPolicy::Blackholes;
  EXPECT_EQ(policy_of(R"({"interpret-communities":false,"export":{}})").exports.blackholes, Blackholes::own);
  EXPECT_EQ(policy_of(R"({"remote-as":45000})").exports.blackholes, Blackholes::all);
  EXPECT_EQ(policy_of(R"({"export":{"accept-community":["65535:666"]}})").exports.blackholes, Blackholes::asked);
}

TEST(Policy, MarksAreOurs) {
  for (const char* text : {"45000:1:4", "45000:1101:3", "45000:1:*", "45000:*:*", "*:1:4"}) {
    EXPECT_TRUE(is_own_mark(*parse_community(text), 45000)) << text;
  }
  for (const char* text : {"45000:1", "45000:2:4", "45001:1:4", "45000:1100:*"}) {
    EXPECT_FALSE(is_own_mark(*parse_community(text), 45000)) << text;
  }
}

TEST(Policy, ABlackholeNeedsATitle) {
  const outside::Outside outside = with_as_set("AS-X", {exactly(prefix("45.1.0.0/22"))}, {{400010, 400010}});
  const PeerPolicy peer = policy_of(R"({"import":{"as-set":["AS-X"],"blackhole-community":true}})", outside);
  const Check* check = check_for(peer, Reason::blackhole);
  ASSERT_NE(check, nullptr);
  const auto& entitled = std::get<BlackholeNotIn>(check->what).entitled;
  ASSERT_EQ(entitled.size(), 1u);
  EXPECT_TRUE(entitled[0].set->contains(prefix("45.1.3.9/32")));
  EXPECT_FALSE(entitled[0].set->contains(prefix("45.1.4.9/32")));
  EXPECT_TRUE(std::get<LongerThan>(check_for(peer, Reason::prefix_too_long)->what).blackholes_excepted);
  EXPECT_TRUE(std::get<BlackholeNotIn>(
                  check_for(policy_of(R"({"import":{"blackhole-community":true}})"), Reason::blackhole)->what)
                  .entitled.empty());
}

TEST(Policy, OneDefaultRouteIsNotTheOther) {
  const PeerPolicy peer = policy_of(R"({"import":{"prefix":[{"prefix":"0.0.0.0/0"}]}})");
  const Check* check = check_for(peer, Reason::default_route);
  ASSERT_NE(check, nullptr);
  const auto& refused = std::get<Listed>(check->what).sets.at(0);
  EXPECT_TRUE(refused.set->contains(prefix("::/0")));
  EXPECT_FALSE(refused.set->contains(prefix("0.0.0.0/0")));
  EXPECT_EQ(check_for(policy_of(R"({"import":{"default-route":true}})"), Reason::default_route), nullptr);
}

TEST(Policy, NobodyOutsideOriginates) {
  for (const char* leafs : {R"({"import":{}})", R"({"import":{"keep-own-communities":true}})"}) {
    const PeerPolicy peer = policy_of(leafs);
    const Community mark{{45000, 1, 0}, 3};
    EXPECT_NE(std::find(peer.import.remove.begin(), peer.import.remove.end(), mark), peer.import.remove.end()) << leafs;
  }
}

TEST(Policy, SetsStayInside) {  // RFC 9774
  EXPECT_TRUE(policy_of(R"({"import":{},"export":{}})").exports.no_sets);
  EXPECT_FALSE(policy_of(R"({"remote-as":45000})").exports.no_sets);
  EXPECT_FALSE(policy_of(R"({"import":{},"export":{"clear-path":true}})").exports.no_sets);
}

TEST(Policy, AListNarrowsWhatTheRoleAnnounces) {
  using Base = ExportPolicy::Base;
  const char* list = R"({"import":{},"export":{"prefix":[{"prefix":"45.0.0.0/8","le":24}]},"role":")";
  EXPECT_EQ(policy_of((std::string(list) + "customer\"}").c_str()).exports.base, Base::customers);
  EXPECT_EQ(policy_of((std::string(list) + "provider\"}").c_str()).exports.base, Base::all);
  EXPECT_EQ(policy_of((std::string(list) + "\"}").c_str()).exports.base, Base::all);
}

/// The expected next hops of peer p of AS 400010, whose configuration is `leafs`, on an exchange and two other links.
std::string next_hops_of(const char* leafs, const outside::Outside& outside = {}) {
  Json peer = Json::parse(R"({"name":"p","remote-as":400010,"neighbor":["45.0.0.2"],"import":{}})");
  peer.update(Json::parse(leafs));
  const Json config = {
      {"interface", Json::parse(R"([{"name":"e0","address":["45.0.0.1/24","2a00:9::1/64","fe80::7/64"]},
          {"name":"e1","address":["45.0.1.1/24","2a00:10::1/64"]},{"name":"e2","address":["45.0.0.129/25"]}])")},
      {"bgp",
       {{"asn", 45000},
        {"peer",
         {peer, Json::parse(R"({"name":"twin","remote-as":400010,"neighbor":["45.0.0.3","2a00:9::3"]})"),
          Json::parse(R"({"name":"far","remote-as":400010,"neighbor":["45.0.1.3"]})"),
          Json::parse(R"({"name":"other","remote-as":400011,"neighbor":["45.0.0.4"]})")}}}}};
  const Policies all = make_policies(config, outside);
  const auto at = std::find_if(all.peers.begin(), all.peers.end(), [](const PeerPolicy& p) { return p.name == "p"; });
  const Check* check = check_for(*at, Reason::next_hop);
  std::string out;
  if (check != nullptr) {
    for (const IpAddress& address : std::get<NextHopIsNot>(check->what).addresses) {
      out += to_string(address) + " ";
    }
    for (const Prefix& subnet : std::get<NextHopIsNot>(check->what).subnets) {
      out += to_string(subnet) + " ";
    }
  }
  return out;
}

TEST(Policy, NextHopsAreThePeersOrOfItsLan) {
  const struct {
    const char *what, *leafs, *expected;
  } rows[] = {
      {"strict", "{}", "45.0.0.2 "},
      {"strict of both families", R"({"neighbor":["45.0.0.2","2a00:9::2"]})", "45.0.0.2 2a00:9::2 "},
      {"the other family: of the same link", R"({"family":"both"})", "45.0.0.2 2a00:9::/64 fe80::/10 ::/128 "},
      {"RFC 8950", R"({"extended-next-hop":true})", "45.0.0.2 2a00:9::/64 fe80::/10 ::/128 "},
      {"IPv4 over IPv6", R"({"neighbor":["2a00:9::2"],"family":"ip4"})", "2a00:9::2 45.0.0.0/24 "},
      {"strict said", R"({"family":"both","import":{"filter":{"next-hop":"strict"}}})", "45.0.0.2 "},
      {"a route server", R"({"role":"rs-client"})", "45.0.0.2 45.0.0.0/24 "},
      {"a route server's IPv6", R"({"role":"rs-client","neighbor":["2a00:9::2"]})",
       "2a00:9::2 2a00:9::/64 fe80::/10 ::/128 "},
      {"a route server far away", R"({"role":"rs-client","multihop":3})", ""},
      {"the longest subnet", R"({"role":"rs-client","neighbor":["45.0.0.130"]})", "45.0.0.130 45.0.0.128/25 "},
      {"subnet said", R"({"import":{"filter":{"next-hop":"subnet"}}})", "45.0.0.2 45.0.0.0/24 "},
      {"link-local", R"({"neighbor":["fe80::2"],"interface":"e1"})",
       "fe80::2 45.0.1.0/24 2a00:10::/64 fe80::/10 ::/128 "},
      {"unnumbered", R"({"neighbor":[],"interface":"e1"})", "45.0.1.0/24 2a00:10::/64 fe80::/10 ::/128 "},
      {"IPv4's link-local addresses are ordinary", R"({"neighbor":["169.254.0.2"]})", "169.254.0.2 "},
      {"over several hops", R"({"multihop":2})", ""},
      {"any", R"({"import":{"filter":{"next-hop":"any"}}})", ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(next_hops_of(row.leafs), row.expected) << row.what;
  }
}

TEST(Policy, SameAsTakesWhatIsConfiguredAndWhatPeeringDbHasOnTheLan) {
  const char* const same = R"({"import":{"filter":{"next-hop":"same-as"}}})";
  outside::Outside outside;
  EXPECT_EQ(next_hops_of(same, outside), "45.0.0.2 45.0.0.3 2a00:9::3 ");
  std::vector<PrefixRange> ports;
  for (const char* port :
       {"45.0.0.3/32", "45.0.0.4/32", "45.0.0.5/32", "45.0.1.5/32", "193.5.0.5/32", "2a00:9::5/128"}) {
    ports.push_back(exactly(prefix(port)));
  }
  outside.ports[400010] = std::make_shared<const PrefixSet>(ports);
  // Neither what is another LAN's nor what the configuration calls another network's.
  EXPECT_EQ(next_hops_of(same, outside), "45.0.0.2 45.0.0.3 2a00:9::3 45.0.0.5 2a00:9::5 ");
  outside.ports[400011] = std::exchange(outside.ports[400010], nullptr);
  outside.ports.erase(400010);
  EXPECT_EQ(next_hops_of(same, outside), "45.0.0.2 45.0.0.3 2a00:9::3 ");
  const char* const far = R"({"multihop":2,"import":{"filter":{"next-hop":"same-as"}}})";
  EXPECT_EQ(next_hops_of(far, outside), "45.0.0.2 45.0.0.3 2a00:9::3 45.0.1.3 ");
}

TEST(Policy, ARoleIsNotNeededWhereTheCheckIsAskedFor) {
  EXPECT_EQ(check_for(policy_of(R"({"import":{}})"), Reason::transit_asn), nullptr);
  EXPECT_NE(check_for(policy_of(R"({"import":{"filter":{"transit-asns":true}}})"), Reason::transit_asn), nullptr);
  EXPECT_NE(
      check_for(policy_of(R"({"role":"customer","import":{"filter":{"transit-asns":true}}})"), Reason::transit_asn),
      nullptr);
}

TEST(Policy, TheOwnTransitIsNoLeak) {
  const PeerPolicy peer = policy_of(R"({"remote-as":1299,"role":"peer","import":{}})");
  const auto& asns = std::get<PathHas>(check_for(peer, Reason::transit_asn)->what).asns;
  EXPECT_FALSE(asns.contains(1299));
  EXPECT_TRUE(asns.contains(174));
}

TEST(Policy, Communities) {
  for (const char* good : {"65000:100", "0:0", "65535:65535", "4200000000:1:2", "65000:*", "*:*:7"}) {
    ASSERT_TRUE(parse_community(good).has_value()) << good;
    EXPECT_EQ(to_string(*parse_community(good)), good);
  }
  for (const char* bad :
       {"", "1", "1:", ":1", "65536:1", "1:65536", "1:2:3:4", "1:2:4294967296", "a:b", "1 :2", "1:2 "}) {
    EXPECT_FALSE(parse_community(bad).has_value()) << bad;
  }
}

TEST(Internet, BogonsAreThoseOfTheRegistries) {
  const PrefixSet& bogons = built_in_bogons();
  for (const char* bogon :
       {"0.0.0.0/8",          "10.1.0.0/16", "100.64.0.0/10", "192.0.2.0/24",  "203.0.113.7/32",  "224.0.0.0/4",
        "255.255.255.255/32", "::/8",        "::1/128",       "2001:db8::/32", "2001:db8:1::/48", "2002::/16",
        "2001:0:5::/48",      "3ffe::/16",   "3fff::/20",     "5f00::/16",     "fc00::/7",        "fe80::/10",
        "ff00::/8",           "100::/64",    "64:ff9b::/96"}) {
    EXPECT_TRUE(bogons.contains(prefix(bogon))) << bogon;
  }
  for (const char* fine : {"1.1.1.0/24", "8.8.8.0/24", "192.0.1.0/24", "100.0.0.0/10", "223.255.255.0/24", "0.0.0.0/0",
                           "::/0", "2001::/32", "2001:4860::/32", "2a00::/12", "2003::/18", "3fff:8000::/20"}) {
    EXPECT_FALSE(bogons.contains(prefix(fine))) << fine;
  }
  const NamedAsns asns{"x", std::make_shared<const NamedAsns::Ranges>(built_in_bogon_asns())};
  for (const uint32_t bogon : {0u, 23456u, 64496u, 65000u, 65535u, 70000u, 4200000000u, 4294967295u}) {
    EXPECT_TRUE(asns.contains(bogon)) << bogon;
  }
  for (const uint32_t fine : {1u, 174u, 23455u, 64495u, 131072u, 400000u, 4199999999u}) {
    EXPECT_FALSE(asns.contains(fine)) << fine;
  }
}

TEST(PrefixSet, FindsWhatANaiveSearchFinds) {
  std::mt19937 random(7);
  std::vector<PrefixRange> ranges;
  const auto draw = [&] {
    const auto length = static_cast<uint8_t>(random() % 33);
    return Prefix(IpAddress(Ip4(random() & 0xf00000ffu)), length);
  };
  for (int i = 0; i < 300; i++) {
    const Prefix base = draw();
    const auto low = static_cast<uint8_t>(base.length() + random() % (33u - base.length()));
    ranges.push_back({base, low, static_cast<uint8_t>(low + random() % (33u - low))});
  }
  const PrefixSet set(ranges);
  int found = 0;
  for (int i = 0; i < 20000; i++) {
    const Prefix route = draw();
    const bool naive = std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return r.contains(route); });
    EXPECT_EQ(set.contains(route), naive) << to_string(route);
    found += naive ? 1 : 0;
  }
  EXPECT_GT(found, 1000);
  EXPECT_LT(found, 19000);
}

}  // namespace
}  // namespace floof::policy
