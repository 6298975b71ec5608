// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_sent.h"

#include <gtest/gtest.h>

#include "features/outside/outside.h"
#include "features/policy/policy_tests.h"

namespace floof::bird {
namespace {

const Json kSentConfig = Json::parse(R"({"interface":[{"name":"e0","address":["192.0.2.1/24","2001:db8::1/64"]}],
  "bgp":{"asn":65000,"policy":[{"name":"open","import":{"accept":"all"},"export":{"accept":"all"}}],"peer":[
  {"name":"a","remote-as":64501,"neighbor":["192.0.2.2"],"policy":"open"},
  {"name":"b","remote-as":64502,"neighbor":["192.0.2.3"],"policy":"open"},
  {"name":"self","remote-as":64502,"neighbor":["192.0.2.4"],"policy":"open","next-hop-self":true},
  {"name":"far","remote-as":64503,"neighbor":["192.0.2.9"],"policy":"open","multihop":3},
  {"name":"client","remote-as":64504,"neighbor":["192.0.2.5"],"policy":"open","route-server-client":true},
  {"name":"int","remote-as":65000,"neighbor":["192.0.2.6"]},
  {"name":"reflected","remote-as":65000,"neighbor":["192.0.2.7"],"next-hop-self":true},
  {"name":"member","remote-as":65001,"neighbor":["192.0.2.8"],"confederation-member":true,"policy":"open"},
  {"name":"chosen","remote-as":64502,"neighbor":["192.0.2.10"],"policy":"open",
   "export":{"accept":"all","next-hop":"192.0.2.77","med":5}},
  {"name":"both","remote-as":64506,"neighbor":["192.0.2.11"],"policy":"open","family":"both"},
  {"name":"un","remote-as":64505,"interface":"e1","policy":"open"}]}})");

Json sent(const char* to, const char* from, Json route = {}) {
  const policy::Policies policies = policy::make_policies(kSentConfig, outside::Outside{});
  const policy::PeerPolicy* source = policy::find_peer(policies, from);
  Json all = {{"prefix", "203.0.113.0/24"},
              {"as-path", "64501 64999"},
              {"bgp-next-hop", "192.0.2.2"},
              {"local-pref", 130},
              {"med", 9},
              {"from", source != nullptr && !source->neighbors.empty() ? to_string(source->neighbors[0]) : ""}};
  if (source != nullptr) {
    all["peer"] = from;
  }
  if (route.is_object()) {
    all.update(route);
  }
  Protocol session;
  session.details = {{"Neighbor address", "192.0.2.99"}, {"Source address", "192.0.2.1"}};
  make_as_sent(all, kSentConfig, policies, *policy::find_peer(policies, to), session);
  return all;
}

std::string hop(const char* to, const char* from, Json route = {}) {
  return text_of(sent(to, from, std::move(route)), "bgp-next-hop");
}

TEST(BirdSent, Paths) {
  EXPECT_EQ(sent("b", "a")["as-path"], "65000 64501 64999");
  EXPECT_EQ(sent("b", "", {{"as-path", ""}})["as-path"], "65000");
  EXPECT_EQ(sent("b", "member", {{"as-path", "(65001 65002) 64999"}})["as-path"], "65000 64999");
  EXPECT_EQ(sent("client", "a")["as-path"], "64501 64999");
  EXPECT_EQ(sent("int", "a")["as-path"], "64501 64999");
  EXPECT_EQ(sent("member", "a")["as-path"], "(65000) 64501 64999");
  EXPECT_EQ(sent("member", "int", {{"as-path", "(65002) 1"}})["as-path"], "(65000 65002) 1");
}

TEST(BirdSent, NextHops) {
  EXPECT_EQ(hop("b", "a"), "192.0.2.2") << "both are on one link";
  EXPECT_EQ(hop("self", "a"), "192.0.2.1");
  EXPECT_EQ(hop("b", "far"), "192.0.2.1");
  EXPECT_EQ(hop("far", "a"), "192.0.2.1");
  EXPECT_EQ(hop("b", "un"), "192.0.2.1");
  EXPECT_EQ(hop("int", "far"), "192.0.2.2") << "internal peers get it as it is";
  EXPECT_EQ(hop("reflected", "int"), "192.0.2.2") << "a reflected route stays as it is";
  EXPECT_EQ(hop("reflected", "a"), "192.0.2.1");
  EXPECT_EQ(hop("chosen", "far"), "192.0.2.2") << "the filter has set it already";
  EXPECT_EQ(hop("b", "", {{"bgp-next-hop", ""}}), "192.0.2.1") << "originated here";
  EXPECT_EQ(hop("far", "a", {{"prefix", "2001:db8:9::/48"}}), "self") << "BIRD does not say the other address";
}

TEST(BirdSent, GatewaysOnThePeersLink) {
  const auto by = [](const char* gateway, const char* interface) {
    return Json{{"bgp-next-hop", ""}, {"next-hops", {{{"gateway", gateway}, {"interface", interface}}}}};
  };
  EXPECT_EQ(hop("b", "", by("192.0.2.77", "e0")), "192.0.2.77") << "a static route of ours to somebody there";
  EXPECT_EQ(hop("b", "", by("198.51.100.7", "e1")), "192.0.2.1");
  EXPECT_EQ(hop("far", "", by("192.0.2.77", "e0")), "192.0.2.1") << "not over several hops";
  EXPECT_EQ(hop("self", "", by("192.0.2.77", "e0")), "192.0.2.1");
  EXPECT_EQ(hop("int", "", by("198.51.100.7", "e1")), "198.51.100.7");
  EXPECT_EQ(hop("reflected", "", by("198.51.100.7", "e1")), "198.51.100.7") << "next hop self ebgp is about BGP routes";
  EXPECT_EQ(hop("b", "", by("fe80::7", "e0")), "192.0.2.1");
  Json learnt = by("192.0.2.77", "e0");
  learnt["bgp-next-hop"] = "10.9.9.9";
  EXPECT_EQ(hop("b", "int", learnt), "192.0.2.77") << "what an internal next hop is resolved to";
  learnt["next-hops"].push_back({{"gateway", "192.0.2.78"}, {"interface", "e0"}});
  EXPECT_EQ(hop("b", "int", learnt), "192.0.2.1") << "several ways have no one next hop";
}

TEST(BirdSent, OfTheOtherFamilyTheFilterSpeaks) {
  const Json both = {{"prefix", "2001:db8:9::/48"}, {"bgp-next-hop", "2001:db8::1"}};
  EXPECT_EQ(hop("both", "", both), "2001:db8::1");
  EXPECT_EQ(
      hop("both", "",
          {{"prefix", "2001:db8:9::/48"}, {"bgp-next-hop", ""}, {"attributes", {{"BGP.next_hop", "2001:db8::1"}}}}),
      "2001:db8::1")
      << "originated here";
  Json other = both;
  other["bgp-next-hop"] = "2001:db8::77";
  EXPECT_EQ(hop("both", "a", other), "2001:db8::77") << "both are on one link";
}

TEST(BirdSent, PreferencesStayInside) {
  EXPECT_FALSE(sent("b", "a").contains("local-pref"));
  EXPECT_FALSE(sent("b", "a").contains("med"));
  EXPECT_EQ(sent("chosen", "a")["med"], 9);
  for (const char* inside : {"int", "member"}) {
    EXPECT_EQ(sent(inside, "a")["local-pref"], 130);
    EXPECT_EQ(sent(inside, "a")["med"], 9);
  }
}

}  // namespace
}  // namespace floof::bird
