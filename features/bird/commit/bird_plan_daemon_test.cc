// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/bird/commit/bird_blocks.h"
#include "features/bird/commit/bird_plan.h"
#include "features/bird/render/bird_render.h"

namespace floof::bird {
namespace {

Json parse(std::string_view text) { return Json::parse(text); }

const Json kPlanConfig = parse(R"({"bgp":{"asn":65000,"router-id":"192.0.2.1",
  "policy":[{"name":"transit","import":{"accept":"all","local-pref":100},"export":{"accept":"originated"}},
            {"name":"other","import":{"accept":"all"}}],
  "peer":[{"name":"a","remote-as":64500,"neighbor":["192.0.2.2"],"policy":"transit"},
          {"name":"b","remote-as":64501,"neighbor":["192.0.2.3"],"policy":"other"}]}})");

std::string rendered(const Json& config) {
  RenderContext context;
  context.peer_ids = {{"a", 1}, {"b", 2}, {"c", 3}};
  return render_all(config, context).text;
}

std::string plan(const Json& after, const Json& before = kPlanConfig) {
  std::string out;
  for (const auto& step : bird_plan(bird_changes(rendered(before), rendered(after)))) {
    if (step.what.starts_with("peer ")) {
      out += step.what + (step.interrupts.empty() ? "" : " [" + step.interrupts + "]") + "\n";
    }
  }
  return out;
}

TEST(BirdPlan, NothingChangesNothing) {
  EXPECT_EQ(bird_changes(rendered(kPlanConfig), rendered(kPlanConfig)).size(), 0U);
}

TEST(BirdPlan, APolicyFiltersItsPeersAgain) {
  Json after = kPlanConfig;
  after["bgp"]["policy"][0]["import"]["local-pref"] = 200;
  EXPECT_EQ(plan(after), "peer a filters its routes again; the session stays\n");
  after = kPlanConfig;
  after["bgp"]["peer"][1]["policy"] = "transit";
  EXPECT_EQ(plan(after), "peer b filters its routes again; the session stays\n");
}

TEST(BirdPlan, WhatIsAcceptedNeverRestartsASession) {
  for (const char* import : {R"({"accept":"none"})", R"({"trust":true})", R"({"accept":"all","filter":{"rpki":"off"}})",
                             R"({"prefix":[{"prefix":"192.0.2.0/24"}]})"}) {
    Json after = kPlanConfig;
    after["bgp"]["peer"][0]["import"] = parse(import);
    const std::string text = plan(after);
    EXPECT_TRUE(text.starts_with("peer a filters its routes again")) << import << text;
    EXPECT_EQ(text.find('['), std::string::npos) << import << text;
  }
}

TEST(BirdPlan, ASettingOfTheSessionRestartsIt) {
  for (const auto& [key, value] : {std::pair<std::string, Json>("hold-time", 30),
                                   {"remote-as", 64999},
                                   {"neighbor", Json::array({"192.0.2.9"})},
                                   {"password", "x"},
                                   {"multihop", 3},
                                   {"passive", true}}) {
    Json after = kPlanConfig;
    after["bgp"]["peer"][0][key] = value;
    EXPECT_EQ(plan(after), "peer a restarts [the BGP session]\n") << key;
  }
}

TEST(BirdPlan, WhatBirdTakesOverWhileTheSessionRuns) {
  const std::pair<const char*, const char*> edits[] = {
      {R"({"bfd":true})", "peer a starts BFD; the session stays\n"},
      {R"({"next-hop-self":true})", "peer a is announced our routes again; the session stays\n"},
      {R"({"import":{"limit":{"ip4":100}}})", "peer a has other limits; the session stays\n"},
      {R"({"import":{"limit":{"restart-after":5}}})", ""},
      {R"({"description":"x"})", ""},
      {R"({"tag":["x"]})", ""},
  };
  for (const auto& [edit, said] : edits) {
    Json after = kPlanConfig;
    after["bgp"]["peer"][0].update(parse(edit));
    EXPECT_EQ(plan(after), said) << edit;
  }
}

TEST(BirdPlan, SessionsThatAreShut) {
  Json shut = kPlanConfig;
  shut["bgp"]["peer"][0]["disabled"] = true;
  EXPECT_EQ(plan(shut), "peer a ends [the BGP session]\n");
  EXPECT_EQ(plan(kPlanConfig, shut), "peer a starts\n");
  Json down = kPlanConfig;
  down["bgp"]["peer"][0]["maintenance"] = "down";
  EXPECT_EQ(plan(down), "peer a ends [the BGP session]\n");
  Json other = shut;
  other["bgp"]["peer"][0]["hold-time"] = 30;
  EXPECT_EQ(plan(other, shut), "");
  Json gone = shut;
  gone["bgp"]["peer"].erase(0);
  EXPECT_EQ(plan(gone, shut), "peer a stays down: it is removed\n");
  EXPECT_EQ(plan(shut, gone), "peer a stays down\n");
}

TEST(BirdPlan, APeersSecondSessionHasItsAddress) {
  Json two = kPlanConfig;
  two["bgp"]["peer"][0]["neighbor"].push_back("192.0.2.22");
  EXPECT_EQ(plan(two), "peer a (192.0.2.2) filters its routes again; the session stays\npeer a (192.0.2.22) starts\n");
  Json after = two;
  after["bgp"]["peer"][0]["hold-time"] = 30;
  EXPECT_EQ(plan(after, two),
            "peer a (192.0.2.2) restarts [the BGP session]\npeer a (192.0.2.22) restarts [the BGP session]\n");
}

std::string all_of(const Json& after, const Json& before, const std::vector<Protocol>& protocols = {},
                   const std::map<std::string, Holds::Hold>& held = {}) {
  std::string out;
  auto changes = bird_changes(rendered(before), rendered(after));
  if (!protocols.empty()) {
    judge_by_sessions(changes, protocols, held);
  }
  for (const auto& step : bird_plan(changes)) {
    out += step.what + (step.interrupts.empty() ? "" : " [" + step.interrupts + "]") + "\n";
  }
  return out;
}

TEST(BirdPlan, RoutesOfOurOwn) {
  Json one = kPlanConfig, two = kPlanConfig;
  one["bgp"]["prefix"] = {"198.51.100.0/24"};
  two["bgp"]["prefix"] = {"198.51.100.0/24", "203.0.113.0/24"};
  const auto has = [](const std::string& text, const std::string& line) {
    EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos) << text;
  };
  has(all_of(one, kPlanConfig), "originated prefixes (IPv4): 1 route added");
  has(all_of(two, one), "originated prefixes (IPv4): 1 route added");
  has(all_of(one, two), "originated prefixes (IPv4): 1 route removed [the routes that are removed]");
  has(all_of(kPlanConfig, one), "originated prefixes (IPv4): 1 route removed [the routes that are removed]");
}

// A text may close the block that it stands in: what BIRD reads is what counts.
TEST(BirdPlan, RawTextIsReadAsBirdReadsIt) {
  Json after = kPlanConfig;
  after["bgp"]["peer"][0]["raw"] = "} protocol static hack { ipv4; route 192.0.2.0/24 blackhole;";
  EXPECT_EQ(all_of(after, kPlanConfig), "protocol static hack starts\n");
  EXPECT_EQ(all_of(kPlanConfig, after), "protocol static hack ends [its routes]\n");
  after["bgp"]["peer"][0]["raw"] = "error wait time 5, 10;";
  EXPECT_EQ(all_of(after, kPlanConfig), "peer a restarts [the BGP session]\n");
  after["bgp"]["peer"][0]["raw"] = "# a word\n/* and { another */ ";
  EXPECT_EQ(all_of(after, kPlanConfig), "");
  Json more = kPlanConfig;
  more["bird"]["raw"] = parse(R"(["protocol pipe { table master4; peer table other; export all; }"])");
  EXPECT_EQ(all_of(more, kPlanConfig), "protocol pipe pipe starts\n");
  Json changed = more;
  changed["bird"]["raw"] = parse(R"(["protocol pipe { table master4; peer table third; export all; }"])");
  EXPECT_EQ(all_of(changed, more),
            "protocol pipe pipe has other settings; BIRD may restart it [its routes, until they are learned again]\n");
  more["bird"]["raw"] =
      parse(R"(["template bgp t { hold time 30; }\nprotocol bgp x from t { neighbor 192.0.2.7 as 1; }"])");
  changed["bird"]["raw"] =
      parse(R"(["template bgp t { hold time 60; }\nprotocol bgp x from t { neighbor 192.0.2.7 as 1; }"])");
  EXPECT_EQ(all_of(changed, more), "protocol bgp x restarts [the BGP session]\n");
}

Protocol session(const std::string& state, uint64_t imported, uint64_t filtered = 0) {
  Protocol out;
  out.name = "bgp_a", out.type = "BGP", out.state = state;
  out.neighbor_capabilities = {"Route refresh"};
  out.channels.resize(1);
  out.channels[0].name = "ipv4", out.channels[0].imported = imported, out.channels[0].filtered = filtered;
  return out;
}

TEST(BirdPlan, LimitsAreHeldAgainstTheRoutesThatAreThere) {
  const auto plan_of = [](const char* limit, const Protocol& now) {
    Json after = kPlanConfig;
    after["bgp"]["peer"][0]["import"]["limit"] = parse(limit);
    return all_of(after, kPlanConfig, {now});
  };
  EXPECT_EQ(plan_of(R"({"ip4":2})", session("up", 2)), "peer a has other limits; the session stays\n");
  EXPECT_EQ(
      plan_of(R"({"ip4":1})", session("up", 2)),
      "peer a ends: it has 2 accepted IPv4 routes, more than its limit of 1; 'clear bgp peer a hard' tries it again"
      " [the BGP session]\n");
  EXPECT_EQ(plan_of(R"({"ip4":1,"action":"restart"})", session("up", 2)),
            "peer a restarts: it has 2 accepted IPv4 routes, more than its limit of 1 [the BGP session]\n");
  EXPECT_EQ(plan_of(R"({"ip4":1,"action":"block"})", session("up", 2)),
            "peer a has other limits and keeps 2 accepted IPv4 routes, more than its limit of 1; the session stays\n");
  EXPECT_EQ(plan_of(R"({"ip4":1,"action":"warn"})", session("up", 2)),
            "peer a has other limits and has 2 accepted IPv4 routes, more than its limit of 1; the session stays\n");
  EXPECT_EQ(plan_of(R"({"ip4":1})", session("start", 0)), "peer a has other settings; its session is not up\n");
}

TEST(BirdPlan, WhatALimitKeptOutComesBack) {
  Json before = kPlanConfig;
  before["bgp"]["peer"][0]["import"]["limit"] = parse(R"({"ip4":1,"action":"block"})");
  Protocol now = session("up", 1, 1);
  now.channels[0].limits["import"] = {1, false, "block"};
  EXPECT_EQ(all_of(kPlanConfig, before, {now}),
            "peer a has other limits and filters its routes again; the session stays\n");
  EXPECT_EQ(block_reloads({now}), std::vector<std::string>{"reload in 'bgp_a'"});
  now.channels[0].limits = {{"receive", {2, true, "block"}}};
  EXPECT_EQ(all_of(kPlanConfig, before, {now}),
            "peer a has other limits and gets what its receive limit has kept out only by 'clear bgp peer a hard'; "
            "the session stays\n");
  EXPECT_TRUE(block_reloads({now}).empty());
  now.channels[0].limits = {{"import", {9, false, "block"}}};
  EXPECT_TRUE(block_reloads({now}).empty());
}

TEST(BirdPlan, SessionsThatAreNotThereAreNotInterrupted) {
  Json after = kPlanConfig;
  after["bgp"]["peer"][0]["hold-time"] = 30;
  EXPECT_EQ(all_of(after, kPlanConfig, {session("start", 0)}), "peer a restarts; its session is not up\n");
  EXPECT_EQ(all_of(after, kPlanConfig, {session("up", 0)}), "peer a restarts [the BGP session]\n");
  EXPECT_EQ(all_of(after, kPlanConfig, {session("down", 0)}, {{"bgp_a", {"a", "bgp_a", ""}}}),
            "peer a stays down: its limit on routes has ended it, and 'clear bgp peer a hard' tries it again\n");
}

TEST(BirdPlan, AFamilyThatGoesRestartsOnlyWhatIsUp) {
  Json both = kPlanConfig;
  both["bgp"]["peer"][0]["family"] = "both";
  const auto first = [&](const Json& after, const Json& before, const char* state) {
    const std::string text = all_of(after, before, {session(state, 0)});
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(first(both, kPlanConfig, "up"), "peer a restarts [the BGP session]");
  EXPECT_EQ(first(both, kPlanConfig, "start"), "peer a restarts; its session is not up");
  EXPECT_EQ(first(kPlanConfig, both, "up"), "peer a restarts [the BGP session]");
  EXPECT_EQ(first(kPlanConfig, both, "start"), "peer a has other settings; its session is not up");
}

TEST(BirdPlan, APeerThatCannotSendItsRoutesAgainRestarts) {
  Json before = kPlanConfig, after;
  before["bgp"]["peer"][0]["remote-as"] = 65000;
  after = before;
  after["bgp"]["peer"][0]["import"] = parse(R"({"local-pref":7})");
  Protocol now = session("up", 1);
  EXPECT_EQ(all_of(after, before, {now}), "peer a filters its routes again; the session stays\n");
  now.neighbor_capabilities.clear();
  EXPECT_EQ(all_of(after, before, {now}),
            "peer a restarts: the peer cannot send its routes again (RFC 2918) [the BGP session]\n");
}

TEST(BirdPlan, OspfTellsWhichNeighboursItLoses) {
  const auto with = [](const char* areas) {
    Json out = kPlanConfig;
    out["ospf"]["area"] = parse(areas);
    return out;
  };
  const Json one = with(R"([{"id":"0.0.0.0","interface":[{"name":"e1"},{"name":"e2"}]}])");
  const std::string v2 = all_of(with(R"([{"id":"0.0.0.0","interface":[{"name":"e1","cost":7},{"name":"e3"}]}])"), one);
  EXPECT_NE(v2.find("OSPFv2: leaves e2, other settings on e1, runs on e3 [its neighbours on e2]\n"), std::string::npos)
      << v2;
  const std::string border = all_of(with(R"([{"id":"0.0.0.0","interface":[{"name":"e1"},{"name":"e2"}]},
                                             {"id":"0.0.0.1","interface":[{"name":"e4"}]}])"),
                                    one);
  EXPECT_NE(border.find("OSPFv2 restarts [its routes, until they are learned again]\n"), std::string::npos) << border;
}

TEST(BirdBlocks, WhatIsNestedQuotedAndLeftOpen) {
  const auto all = parse_blocks(
      "define X = [ 10.0.0.0/8{8,24},\n 2001:db8::/32 ]; # } not this\n"
      "function f(int a; int b) { if a ~ [ 1, 2 ] then { return true; } else return \"a;}\" ; }\nprotocol static 'a;b' "
      "{ open");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].text, "define X = [ 10.0.0.0/8{8,24}, 2001:db8::/32 ]");
  EXPECT_EQ(all[1].text, "function f(int a; int b)");
  ASSERT_EQ(all[1].block.size(), 2u);
  EXPECT_EQ(all[1].block[1].text, "else return \"a;}\"");
  EXPECT_EQ(all[2].word(2), "'a;b'");
  EXPECT_EQ(all[2].block[0].text, "open");
  EXPECT_TRUE(any_name(all[2], [](std::string_view name) { return name == "a;b"; }));
  EXPECT_EQ(parse_blocks(std::string(100000, '{')).size(), 1u);
}

TEST(BirdPlan, PeersComeAndGo) {
  Json after = kPlanConfig;
  after["bgp"]["peer"][1]["name"] = "c";
  const std::string text = plan(after);
  EXPECT_NE(text.find("peer c starts\n"), std::string::npos) << text;
  EXPECT_NE(text.find("peer b ends [the BGP session]\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("peer a"), std::string::npos) << text;
}

TEST(BirdPlan, AnotherRouterIdRestartsAll) {
  Json after = kPlanConfig;
  after["bgp"]["router-id"] = "192.0.2.77";
  EXPECT_EQ(plan(after), "peer a restarts [the BGP session]\npeer b restarts [the BGP session]\n");
}

}  // namespace
}  // namespace floof::bird
