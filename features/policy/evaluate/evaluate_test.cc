// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/evaluate.h"

#include <gtest/gtest.h>

namespace floof::policy {
namespace {

Prefix prefix(std::string_view text) { return *parse_prefix(text); }
Community community(std::string_view text) { return *parse_community(text); }

NamedPrefixes prefixes(std::string name, std::vector<PrefixRange> ranges) {
  return {std::move(name), std::make_shared<PrefixSet>(std::move(ranges))};
}
NamedAsns asns(std::string name, NamedAsns::Ranges ranges) {
  return {std::move(name), std::make_shared<NamedAsns::Ranges>(std::move(ranges))};
}

PeerPolicy upstream() {
  PeerPolicy out;
  out.name = "up";
  out.asn = 64500;
  out.local_asn = 65000;
  out.external = true;
  out.neighbors = {*parse_ip("192.0.2.1"), *parse_ip("2001:db8::1")};
  return out;
}

PolicyWorld world() {
  PolicyWorld out;
  out.asn = 65000;
  out.originated = prefixes("originated", {exactly(prefix("198.51.100.0/24"))});
  out.originated_by = {community("65000:1:0")};
  return out;
}

struct Given {
  std::string prefix = "203.0.113.0/24";
  std::string path = "64500 64999";
  std::vector<std::string> communities = {};
  std::string next_hop = "192.0.2.1";
};

Route route_of(const Given& given) {
  Route out;
  out.prefix = prefix(given.prefix);
  out.path = *parse_as_path(given.path);
  for (const std::string& text : given.communities) {
    out.communities.push_back(community(text));
  }
  out.next_hop = *parse_ip(given.next_hop);
  return out;
}

const Step& last(const Evaluation& evaluation) { return evaluation.steps.back(); }

const auto kSet = std::vector{prefixes("AS-FOO", {inside(prefix("203.0.113.0/24")), exactly(prefix("2001:db8::/32"))})};
const auto kBlack = std::vector<std::string>{"65535:666"};

struct CheckRow {
  const char* about;
  decltype(Check::what) what;
  Given given;
  bool refused;
  const char* result = "";  ///< part of what came of it
};

const std::vector<CheckRow>& check_rows() {
  static const std::vector<CheckRow> rows = {
      {"everything", Everything{}, {}, true, "nothing is accepted"},
      {"listed", Listed{kSet}, {}, true, "is in AS-FOO"},
      {"listed: another", Listed{kSet}, {.prefix = "203.0.112.0/24"}, false, "is not listed"},
      {"not listed", NotListed{kSet}, {.prefix = "203.0.112.0/24"}, true, "is not in AS-FOO"},
      {"not listed: of the other family", NotListed{kSet}, {.prefix = "2001:db8::/33"}, true, "is not in AS-FOO"},
      {"not listed: listed", NotListed{kSet}, {.prefix = "203.0.113.128/25"}, false, "is in AS-FOO"},
      {"not listed: empty list", NotListed{{}}, {}, true, "an empty list"},
      {"not listed: blackhole",
       NotListed{kSet, true},
       {"192.0.2.9/32", "64500", kBlack},
       false,
       "asks for a blackhole"},
      {"not listed: blackhole as any other", NotListed{kSet}, {"192.0.2.9/32", "64500", kBlack}, true},
      {"default", IsDefault{}, {.prefix = "0.0.0.0/0"}, true, "is a default route"},
      {"default, IPv6", IsDefault{}, {.prefix = "::/0"}, true},
      {"no default", IsDefault{}, {}, false},
      {"longer", LongerThan{24, 48}, {.prefix = "203.0.113.0/25"}, true, "/25 is longer than /24"},
      {"longer: just right", LongerThan{24, 48}, {}, false},
      {"longer, IPv6", LongerThan{24, 48}, {.prefix = "2001:db8::/49"}, true},
      {"longer, IPv6: just right", LongerThan{24, 48}, {.prefix = "2001:db8::/48"}, false},
      {"longer: blackhole", LongerThan{24, 48, true}, {"203.0.113.1/32", "64500", kBlack}, false},
      {"longer: blackhole not offered", LongerThan{24, 48}, {"203.0.113.1/32", "64500", kBlack}, true},
      {"shorter", ShorterThan{8, 12}, {.prefix = "16.0.0.0/7"}, true, "/7 is shorter than /8"},
      {"shorter: default route", ShorterThan{8, 12}, {.prefix = "0.0.0.0/0"}, false},
      {"shorter, IPv6", ShorterThan{8, 12}, {.prefix = "2000::/11"}, true},
      {"path has", PathHas{asns("bogons", {{64496, 64511}})}, {.path = "64512 64501 64513"}, true, "AS64501 is one of"},
      {"path has: in a set", PathHas{asns("bogons", {{1, 9}})}, {.path = "64500 {7 64501}"}, true},
      {"path has: none", PathHas{asns("bogons", {{1, 9}})}, {}, false},
      {"path longer", PathLonger{2}, {.path = "1 2 3"}, true, "3 is longer than 2"},
      {"path longer: a set is one", PathLonger{2}, {.path = "1 {2 3 4}"}, false},
      {"path empty", PathEmpty{}, {.path = ""}, true},
      {"path not empty", PathEmpty{}, {}, false},
      {"path has set", PathHasSet{}, {.path = "64500 {64501 64502}"}, true, "set of AS numbers"},
      {"path has no set", PathHasSet{}, {}, false},
      {"first AS", FirstAsIsNot{64500}, {.path = "64501 64500"}, true, "begins with AS64501"},
      {"first AS right", FirstAsIsNot{64500}, {}, false},
      {"first AS behind a set", FirstAsIsNot{64500}, {.path = "{64500} 64501"}, true, "begins with no AS number"},
      {"next hop", NextHopIsNot{{*parse_ip("192.0.2.1")}}, {.next_hop = "192.0.2.2"}, true, "192.0.2.2"},
      {"next hop right", NextHopIsNot{{*parse_ip("192.0.2.9"), *parse_ip("192.0.2.1")}}, {}, false},
      {"next hop of the other family",
       NextHopIsNot{{*parse_ip("192.0.2.1")}},
       {.next_hop = "2001:db8::9"},
       true,
       "2001:db8::9"},
      {"next hop in the subnet", NextHopIsNot{{}, {prefix("192.0.2.0/24")}}, {.next_hop = "192.0.2.9"}, false, "is in"},
      {"next hop in none of two subnets",
       NextHopIsNot{{*parse_ip("192.0.2.1")}, {prefix("192.0.2.0/28"), prefix("2001:db8::/64")}},
       {.next_hop = "192.0.2.16"},
       true,
       "192.0.2.16"},
      {"origin", OriginNotIn{{asns("AS-FOO", {{64500, 64500}})}}, {}, true, "AS64999 is not in AS-FOO"},
      {"origin of one of two", OriginNotIn{{asns("A", {{1, 2}}), asns("B", {{64999, 64999}})}}, {}, false, "is in B"},
      {"origin in front of a set", OriginNotIn{{asns("A", {{64500, 64500}})}}, {.path = "64500 {64999}"}, false},
      {"peer lock", PeerLocked{64999, {64497}}, {}, true, "AS64999 comes by AS64500"},
      {"peer lock: agreed", PeerLocked{64999, {64500}}, {}, false, "agreed"},
      {"peer lock: itself", PeerLocked{64500, {}}, {.path = "64500 64500 1"}, false},
      {"peer lock: prepended behind", PeerLocked{64999, {}}, {.path = "64500 64999 64999"}, true},
      {"peer lock: not there", PeerLocked{64998, {}}, {}, false, "is not in the path"},
      {"transit lock", TransitLocked{64500, {64501}}, {}, true, "goes on by AS64999"},
      {"transit lock: right", TransitLocked{64500, {64999}}, {.path = "64500 64500 64999"}, false},
      {"transit lock: ends there", TransitLocked{64500, {64501}}, {.path = "64500"}, false},
      {"communities", MoreCommunitiesThan{1}, {.communities = {"1:1", "1:1:1"}}, true, "2 are more than 1"},
      {"communities: as many", MoreCommunitiesThan{2}, {.communities = {"1:1", "1:1:1"}}, false},
      {"blackhole", BlackholeNotIn{kSet}, {"192.0.2.9/32", "64500", kBlack}, true, "outside of AS-FOO"},
      {"blackhole: entitled", BlackholeNotIn{kSet}, {"203.0.113.9/32", "64500", kBlack}, false, "is in AS-FOO"},
      {"blackhole: not asked for", BlackholeNotIn{kSet}, {.prefix = "192.0.2.9/32"}, false},
  };
  return rows;
}

TEST(Evaluate, EveryKindOfCheck) {
  for (const CheckRow& row : check_rows()) {
    PeerPolicy peer = upstream();
    peer.import.checks = {{Reason::irr_prefix, row.what, "bgp peer up import"}};
    const Evaluation out = evaluate_import(route_of(row.given), peer, world(), {}, {});
    EXPECT_EQ(out.accepted, !row.refused) << row.about;
    EXPECT_EQ(last(out).outcome, row.refused ? Step::Outcome::refused : Step::Outcome::passed) << row.about;
    EXPECT_NE(last(out).result.find(row.result), std::string::npos) << row.about << ": " << last(out).result;
    EXPECT_EQ(last(out).name, "irr-prefix") << row.about;
    EXPECT_EQ(last(out).origin, "bgp peer up import");
    EXPECT_EQ(out.reason.has_value(), row.refused) << row.about;
  }
}

TEST(Evaluate, RpkiByItsState) {
  struct Row {
    std::optional<RpkiState> state;
    bool invalid, unknown, refused;
  };
  const Row rows[] = {{RpkiState::valid, true, true, false},    {RpkiState::invalid, true, false, true},
                      {RpkiState::invalid, false, true, false}, {RpkiState::unknown, true, false, false},
                      {RpkiState::unknown, true, true, true},   {std::nullopt, true, false, false},
                      {std::nullopt, true, true, true}};
  for (const Row& row : rows) {
    PeerPolicy peer = upstream();
    peer.import.checks = {{Reason::rpki_invalid, RpkiIs{row.invalid, row.unknown}, ""}};
    uint32_t origin = 0;
    const auto ask = [&](const Prefix&, uint32_t asn, bool) {
      origin = asn;
      return row.state;
    };
    const Evaluation out = evaluate_import(route_of({}), peer, world(), {}, ask);
    EXPECT_EQ(out.accepted, !row.refused);
    EXPECT_EQ(origin, 64999u);
    if (!row.state) {
      EXPECT_NE(last(out).result.find("no validator"), std::string::npos);
    }
  }
}

TEST(Evaluate, FirstCheckThatFailsDecides) {
  PeerPolicy peer = upstream();
  peer.import.raw_first = {{"bgp peer up import raw-first", "x;"}};
  peer.import.checks = {{Reason::path_empty, PathEmpty{}, ""},
                        {Reason::prefix_too_long, LongerThan{20, 40}, ""},
                        {Reason::policy, Everything{}, ""}};
  const Evaluation out = evaluate_import(route_of({}), peer, world(), {}, {});
  EXPECT_EQ(out.reason, Reason::prefix_too_long);
  EXPECT_TRUE(out.unsure);
  EXPECT_EQ(last(out).name, "prefix-too-long");
  peer.import.closed = true;
  EXPECT_EQ(evaluate_import(route_of({}), peer, world(), {}, {}).reason, Reason::policy);
}

TEST(Evaluate, OwnAsNumberInThePath) {
  PeerPolicy peer = upstream();
  EXPECT_FALSE(evaluate_import(route_of({.path = "64500 65000"}), peer, world(), {}, {}).accepted);
  peer.session = {{"allow-local-as", 1u}};
  EXPECT_TRUE(evaluate_import(route_of({.path = "64500 65000"}), peer, world(), {}, {}).accepted);
  EXPECT_FALSE(evaluate_import(route_of({.path = "65000 65000"}), peer, world(), {}, {}).accepted);
}

TEST(Evaluate, ConfederationsEndAtTheBorder) {
  const auto evaluated = [](const char* path, bool external) {
    PeerPolicy peer = upstream();
    peer.external = external;
    peer.import.checks = {{Reason::as_path_set, PathHasSet{}, ""}};
    return evaluate_import(route_of({.path = path}), peer, world(), {}, {});
  };
  EXPECT_EQ(evaluated("64500 ({64501 64502})", true).reason, Reason::as_path_set);
  EXPECT_EQ(evaluated("64500 ({64501 64502})", false).reason, Reason::as_path_set);
  EXPECT_EQ(last(evaluated("(64501) 64500", true)).name, "confederation");
  EXPECT_TRUE(evaluated("(64501) 64500", false).accepted);
}

TEST(Evaluate, OnlyToCustomer) {
  struct Row {
    const char* role;  // ours
    std::optional<uint32_t> otc;
    bool accepted;
    std::optional<uint32_t> then;
  };
  // RFC 9234, 5: ingress.
  const Row rows[] = {{"provider", 64500, false, 64500},
                      {"provider", {}, true, {}},
                      {"rs", 7, false, 7},
                      {"rs", {}, true, {}},
                      {"peer", 64500, true, 64500},
                      {"peer", 7, false, 7},
                      {"peer", {}, true, 64500},
                      {"customer", {}, true, 64500},
                      {"customer", 7, true, 7},
                      {"rs-client", {}, true, 64500},
                      {"rs-client", 7, true, 7},
                      {"", 7, true, 7}};
  for (const Row& row : rows) {
    PeerPolicy peer = upstream();
    peer.role = row.role;
    Route route = route_of({});
    route.otc = row.otc;
    const Evaluation out = evaluate_import(route, peer, world(), {}, {});
    EXPECT_EQ(out.accepted, row.accepted) << row.role;
    EXPECT_EQ(out.route.otc, row.then) << row.role;
    EXPECT_EQ(out.reason, row.accepted ? std::nullopt : std::optional(Reason::route_leak)) << row.role;
  }
}

struct ActionRow {
  const char* about;
  void (*set)(ImportPolicy&);
  Given given;
  const char* expected;  ///< members of to_json(...)["route"]
};

TEST(Evaluate, EveryImportAction) {
  const ActionRow rows[] = {
      {"default local preference", [](ImportPolicy&) {}, {}, R"({"local-pref":100})"},
      {"local-pref", [](ImportPolicy& p) { p.local_pref = 300; }, {}, R"({"local-pref":300})"},
      {"of IPv4",
       [](ImportPolicy& p) { p.local_pref = 300, p.local_pref4 = 4, p.local_pref6 = 6; },
       {},
       R"({"local-pref":4})"},
      {"of IPv6",
       [](ImportPolicy& p) { p.local_pref = 300, p.local_pref4 = 4, p.local_pref6 = 6; },
       {.prefix = "2001:db8::/32"},
       R"({"local-pref":6})"},
      {"as-pref, the later wins",
       [](ImportPolicy& p) {
         p.as_prefs = {{64999, 5}, {64500, 7}, {1, 9}};
       },
       {},
       R"({"local-pref":7})"},
      {"community-pref",
       [](ImportPolicy& p) {
         p.community_prefs = {{*parse_community("1:2"), 5}};
       },
       {.communities = {"1:2"}},
       R"({"local-pref":5})"},
      {"community-pref of another",
       [](ImportPolicy& p) {
         p.community_prefs = {{*parse_community("1:2"), 5}};
       },
       {.communities = {"1:3"}},
       R"({"local-pref":100})"},
      {"graceful shutdown",
       [](ImportPolicy& p) { p.local_pref = 300, p.graceful_shutdown = true; },
       {.communities = {"65535:0"}},
       R"({"local-pref":0})"},
      {"graceful shutdown not asked for",
       [](ImportPolicy& p) { p.local_pref = 300, p.graceful_shutdown = true; },
       {},
       R"({"local-pref":300})"},
      {"drain", [](ImportPolicy& p) { p.local_pref = 300, p.drain = true; }, {}, R"({"local-pref":0})"},
      {"med, preference", [](ImportPolicy& p) { p.med = 5, p.preference = 90; }, {}, R"({"med":5,"preference":90})"},
      {"next-hop", [](ImportPolicy& p) { p.next_hop = *parse_ip("192.0.2.9"); }, {}, R"({"next-hop":"192.0.2.9"})"},
      {"next-hop of the other family",
       [](ImportPolicy& p) { p.next_hop = *parse_ip("::9"); },
       {},
       R"({"next-hop":"192.0.2.1"})"},
      {"next-hop-peer",
       [](ImportPolicy& p) { p.next_hop_peer = true; },
       {.next_hop = "192.0.2.7"},
       R"({"next-hop":"192.0.2.1"})"},
      {"scrub",
       [](ImportPolicy& p) { p.scrub = true; },
       {.communities = {"65000:1", "65000:1:4", "64500:1", "64500:1:1"}},
       R"({"communities":["64500:1","64500:1:1"]})"},
      {"remove",
       [](ImportPolicy& p) { p.remove = {*parse_community("64500:*")}; },
       {.communities = {"64500:1", "64500:2", "64501:1", "64500:1:1"}},
       R"({"communities":["64501:1","64500:1:1"]})"},
      {"mark and add",
       [](ImportPolicy& p) { p.relation = Relation::customer, p.add = {*parse_community("1:1")}; },
       {.communities = {"1:1"}},
       R"({"communities":["1:1","65000:1:4"]})"},
      {"blackhole community",
       [](ImportPolicy& p) { p.blackhole_community = true; },
       {.communities = kBlack},
       R"({"blackhole":true,"communities":["65535:666","65535:65281","65000:1:666"]})"},
      {"blackhole that nobody agreed on",
       [](ImportPolicy& p) { p.blackhole_unagreed = true; },
       {.communities = kBlack},
       R"({"blackhole":false,"communities":["65535:65281"]})"},
      {"no blackhole, nothing to agree on",
       [](ImportPolicy& p) { p.blackhole_unagreed = true; },
       {},
       R"({"blackhole":false,"communities":[]})"},
      {"no blackhole community", [](ImportPolicy& p) { p.blackhole_community = true; }, {}, R"({"blackhole":false})"},
      {"all blackholes", [](ImportPolicy& p) { p.blackhole_all = true; }, {}, R"({"blackhole":true})"},
      {"blackhole AS numbers",
       [](ImportPolicy& p) {
         p.blackhole_asns = asns("b", {{64999, 64999}});
       },
       {},
       R"({"blackhole":true})"},
      {"other AS numbers",
       [](ImportPolicy& p) {
         p.blackhole_asns = asns("b", {{64998, 64998}});
       },
       {},
       R"({"blackhole":false})"},
      {"too many communities",
       [](ImportPolicy& p) { p.strip_above = 2; },
       {.communities = {"1:1", "65535:65281", "1:2:3"}},
       R"({"communities":["65535:65281"]})"},
      {"not too many",
       [](ImportPolicy& p) { p.strip_above = 3; },
       {.communities = {"1:1", "65535:65281", "1:2:3"}},
       R"({"communities":["1:1","65535:65281","1:2:3"]})"},
  };
  for (const ActionRow& row : rows) {
    PeerPolicy peer = upstream();
    row.set(peer.import);
    const Json out = to_json(evaluate_import(route_of(row.given), peer, world(), {}, {}));
    EXPECT_TRUE(out["accepted"].get<bool>()) << row.about;
    const Json expected = Json::parse(row.expected);
    for (const auto& [key, value] : expected.items()) {
      EXPECT_EQ(out["route"][key], value) << row.about;
    }
  }
}

TEST(Evaluate, RawTextsAreNotUnderstood) {
  PeerPolicy peer = upstream();
  peer.import.raw_last = {{"bgp peer up import raw-last", "bgp_local_pref = 7;"}};
  const Evaluation out = evaluate_import(route_of({}), peer, world(), {}, {});
  EXPECT_TRUE(out.accepted);
  EXPECT_TRUE(out.unsure);
  EXPECT_EQ(last(out).outcome, Step::Outcome::unjudged);
}

TEST(Evaluate, RpkiStateOfPayloads) {
  const std::vector<rpki::Vrp> vrps{{prefix("203.0.112.0/22"), 24, 64999}, {prefix("203.0.112.0/22"), 22, 0}};
  EXPECT_EQ(rpki_state(vrps, prefix("203.0.113.0/24"), 64999), RpkiState::valid);
  EXPECT_EQ(rpki_state(vrps, prefix("203.0.113.0/25"), 64999), RpkiState::invalid);
  EXPECT_EQ(rpki_state(vrps, prefix("203.0.113.0/24"), 64998), RpkiState::invalid);
  EXPECT_EQ(rpki_state(vrps, prefix("203.0.112.0/22"), 0), RpkiState::invalid);
  EXPECT_EQ(rpki_state(vrps, prefix("203.0.0.0/16"), 64999), RpkiState::unknown);
  EXPECT_EQ(rpki_state(vrps, prefix("2001:db8::/32"), 64999), RpkiState::unknown);
}

}  // namespace
}  // namespace floof::policy
