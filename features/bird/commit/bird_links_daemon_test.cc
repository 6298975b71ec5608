// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>

#include "features/bird/commit/bird_links.h"
#include "features/bird/commit/bird_plan.h"
#include "features/bird/render/bird_render.h"

namespace floof::bird {
namespace {

const Json kLinksConfig = Json::parse(R"({"interface":[
    {"name":"e1","address":["172.20.1.1/24","172.20.1.9/24","2001:db8::1/64","2001:db8::8/64"]},
    {"name":"e2","address":["172.20.2.1/24"]},{"name":"loop0","address":["198.51.100.1/32"]}],
  "route":[{"prefix":"203.0.113.0/24","via":["172.20.2.7"]},{"prefix":"203.0.114.0/24","via":["172.20.1.7"]}],
  "bgp":{"asn":65000,"router-id":"192.0.2.1","policy":[{"name":"open","import":{"accept":"all"},"export":{"accept":"all"}}],
  "peer":[{"name":"n","remote-as":64500,"neighbor":["172.20.1.2"],"policy":"open","family":"both"},
          {"name":"i","remote-as":65000,"neighbor":["172.20.2.2"]},
          {"name":"far","remote-as":65000,"neighbor":["192.0.2.9"],"source":"198.51.100.1"},
          {"name":"un","remote-as":64502,"interface":"e2","policy":"open"}]}})");

Protocol session(const char* name, const char* neighbor, const char* source) {
  Protocol out;
  out.name = name;
  out.type = "BGP";
  out.state = "up";
  out.details = {{"Neighbor address", neighbor}, {"Source address", source}};
  return out;
}

const std::vector<Protocol> kSessions = {
    session("bgp_n", "172.20.1.2", "172.20.1.1"), session("bgp_i", "172.20.2.2", "172.20.2.1"),
    session("bgp_far", "192.0.2.9", "198.51.100.1"), session("bgp_un_u1", "fe80::2%e2", "fe80::1")};
const std::vector<OspfNeighbor> kNeighbors = {{"floof_ospf2", "192.0.2.7", "Full/PtP", "e1", "172.20.1.2"},
                                              {"floof_ospf3", "192.0.2.7", "Full/PtP", "e1", "fe80::2"},
                                              {"floof_ospf2", "192.0.2.8", "Init/PtP", "e1", "172.20.1.3"}};

std::string links_plan(const Json& after) {
  auto changes = bird_changes(render_all(kLinksConfig, {}).text, render_all(after, {}).text);
  judge_by_sessions(changes, kSessions, {});
  judge_by_interfaces(changes, kLinksConfig, after, kSessions, kNeighbors);
  std::string out;
  for (const auto& step : bird_plan(changes)) {
    out += step.what + (step.interrupts.empty() ? "" : " [" + step.interrupts + "]") + "\n";
  }
  return out;
}

Json with(size_t interface, const char* addresses) {
  Json out = kLinksConfig;
  out["interface"][interface]["address"] = Json::parse(addresses);
  return out;
}

TEST(BirdLinks, ADisabledInterface) {
  EXPECT_EQ(links_plan(kLinksConfig), "");
  Json after = kLinksConfig;
  after["interface"][0]["disabled"] = true;
  EXPECT_EQ(links_plan(after),
            "peer n ends: e1 is disabled [the BGP session]\n"
            "OSPFv2: loses neighbour 192.0.2.7 on e1 (e1 is disabled) [the adjacency with neighbour 192.0.2.7 on e1]\n"
            "OSPFv3: loses neighbour 192.0.2.7 on e1 (e1 is disabled) [the adjacency with neighbour 192.0.2.7 on e1]\n"
            "static routes: 203.0.114.0/24 has no gateway, as e1 is disabled [this route]\n");
  after = kLinksConfig;
  after["interface"][1]["disabled"] = true;
  EXPECT_EQ(links_plan(after),
            "peer i ends: e2 is disabled, its way; when the hold time is over, if no other route leads to 172.20.2.2 "
            "[the BGP session]\n"
            "peer un ends: e2 is disabled [the BGP session]\n"
            "static routes: 203.0.113.0/24 has no gateway, as e2 is disabled [this route]\n");
}

TEST(BirdLinks, AddressesThatGo) {
  EXPECT_EQ(links_plan(with(0, R"(["172.20.1.1/23","2001:db8::1/64","2001:db8::8/64"])")),
            "peer n restarts: address 172.20.1.1/24 of e1 goes [the BGP session]\n"
            "OSPFv2: loses neighbour 192.0.2.7 on e1 (address 172.20.1.1/24 of e1 goes) [the adjacency with neighbour "
            "192.0.2.7 on e1]\n");
  const Json moved = with(2, R"(["198.51.100.2/32"])");
  EXPECT_EQ(links_plan(moved), "peer far restarts: its address 198.51.100.1 goes [the BGP session]\n");
  EXPECT_EQ(homeless_sessions(moved, kSessions), std::vector<std::string>{"bgp_far"});
  EXPECT_EQ(homeless_sessions(kLinksConfig, kSessions), std::vector<std::string>());
  EXPECT_EQ(renumbered_sessions(kLinksConfig, moved, kSessions), std::vector<std::string>{"bgp_far"});
  EXPECT_EQ(
      renumbered_sessions(kLinksConfig, with(0, R"(["172.20.1.1/23","2001:db8::1/64","2001:db8::8/64"])"), kSessions),
      std::vector<std::string>{"bgp_n"});
  EXPECT_EQ(renumbered_sessions(kLinksConfig, kLinksConfig, kSessions), std::vector<std::string>());
  EXPECT_EQ(
      links_plan(with(0, R"(["172.20.1.1/24","172.20.1.9/24","2001:db8::1/64","2001:db8::8/64","2001:db8::9/64"])")),
      "");
}

TEST(BirdLinks, TheNextHopOfTheOtherFamilyFollows) {
  EXPECT_EQ(links_plan(with(0, R"(["172.20.1.1/24","172.20.1.9/24","2001:db8::8/64"])")),
            "peer n is announced our routes again and hears of 2001:db8::8 as the next hop of IPv6 routes; the session "
            "stays\n");
  EXPECT_EQ(
      links_plan(with(0, R"(["172.20.1.1/24","172.20.1.9/24"])")),
      "peer n filters its routes again and is announced our routes again and loses our IPv6 routes, which have no "
      "next hop; the session stays [IPv6 routes over it]\n");
  const Rendered without = render_all(with(0, R"(["172.20.1.1/24"])"), {});
  EXPECT_TRUE(std::any_of(without.warnings.begin(), without.warnings.end(), [](const std::string& one) {
    return one.starts_with(
        "bgp peer n: IPv6 routes cannot be exchanged with 172.20.1.2, as interface e1 has no IPv6 address");
  }));
}

TEST(BirdLinks, NeighborsOfOspf) {
  Reply reply;
  for (const char* line : {"floof_ospf2:", "Router ID   \tPri\t     State     \tDTime\tInterface  Router IP",
                           "192.0.2.7   \t  1\tFull/PtP    \t3.123\te1         172.20.1.2", "", "a b c d e f", "x"}) {
    reply.lines.push_back({1013, line});
  }
  const auto all = parse_ospf_neighbors(reply);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].protocol + all[0].router_id + all[0].state + all[0].interface + all[0].address,
            "floof_ospf2192.0.2.7Full/PtPe1172.20.1.2");
}

}  // namespace
}  // namespace floof::bird
