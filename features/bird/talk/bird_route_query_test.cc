// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_route_query.h"

#include <gtest/gtest.h>

#include "features/bird/talk/bird_condition.h"
#include "features/bird/talk/bird_peers.h"

namespace floof::bird {
namespace {

const Json kQueryConfig = Json::parse(R"({"bgp":{"asn":65000,"policy":[{"name":"t","tag":["transit"]}],"peer":[
  {"name":"up","remote-as":64501,"neighbor":["192.0.2.2"],"policy":"t"},
  {"name":"ix","remote-as":64502,"neighbor":["192.0.2.3","2001:db8::3"]},
  {"name":"un","remote-as":64503,"interface":"e1","tag":["lab"]}]}})");

TEST(BirdRouteQuery, Commands) {
  struct Row {
    const char* arguments;
    std::vector<std::string> commands;
  };
  const Row rows[] = {
      {"{}", {"show route table master4 table master6 all"}},
      {R"({"address":"203.0.113.9"})", {"show route for 203.0.113.9 all"}},
      {R"({"prefix":"203.0.113.0/24"})", {"show route for 203.0.113.0/24 all"}},
      {R"({"prefix":"203.0.113.0/24","exact":true})", {"show route 203.0.113.0/24 all"}},
      {R"({"prefix":"203.0.113.0/24","in":true})", {"show route in 203.0.113.0/24 all"}},
      {R"({"family":6,"filtered":true})", {"show route table master6 filtered all"}},
      {R"({"table":"ip4"})", {"show route table master4 all"}},
      {R"({"table":"my'; down"})", {"show route table 'my___down.ec303ca6' all"}},
      {R"({"peer":"up"})", {"show route protocol 'bgp_up' all"}},
      {R"({"peer":"ix"})", {"show route protocol 'bgp_ix' all", "show route protocol 'bgp_:ix_2001:db8::3' all"}},
      {R"({"export":"up"})", {"show route export 'bgp_up' all"}},
      {R"({"noexport":"up","prefix":"10.0.0.0/8","exact":true})", {"show route 10.0.0.0/8 noexport 'bgp_up' all"}},
      {R"({"preexport":"up"})", {"show route preexport 'bgp_up' all"}},
      {R"({"filter":"up"})", {"show route table master4 table master6 filter 'import_from_up' all"}},
      {R"({"import":"up","channels":[{"protocol":"bgp_up","channel":"ipv4"},{"protocol":"bgp_up","channel":"x;"}]})",
       {"show route import table 'bgp_up'.ipv4 all"}},
      {R"({"protocol":"bgp_un_u1","session":true,"table":"ip6","filtered":true})",
       {"show route table master6 filtered protocol 'bgp_un_u1' all"}},
      {R"({"where":["origin-as","64999"],"count":true})",
       {"show route table master4 table master6 where (source = RTS_BGP && bgp_path.last_nonaggregated = 64999) "
        "count"}},
  };
  for (const Row& row : rows) {
    const auto commands = route_commands(kQueryConfig, Json::parse(row.arguments));
    ASSERT_TRUE(commands.ok()) << row.arguments;
    if (std::string_view(row.arguments).find("down") == std::string_view::npos) {
      EXPECT_EQ(*commands, row.commands) << row.arguments;
    } else {
      EXPECT_EQ(commands->at(0).find(';'), std::string::npos);
      EXPECT_EQ(std::count(commands->at(0).begin(), commands->at(0).end(), '\''), 2);
    }
  }
  std::vector<Protocol> known(2);
  known[0].name = "bgp_un";
  known[1].name = "bgp_un_u3";
  for (const char* word : {"protocol", "peer", "export", "noexport", "preexport"}) {
    EXPECT_TRUE(asks_for_sessions(kQueryConfig, {{word, "un"}})) << word;
    EXPECT_FALSE(asks_for_sessions(kQueryConfig, {{word, "up"}})) << word;
    const std::string place = std::string_view(word) == "peer" ? "protocol" : word;
    EXPECT_EQ(*route_commands(kQueryConfig, {{word, "un"}}, known),
              std::vector<std::string>{fmt::format("show route {} 'bgp_un_u3' all", place)});
  }
  EXPECT_EQ(*route_commands(kQueryConfig, {{"peer", "un"}, {"filtered", true}}, known),
            std::vector<std::string>{"show route filtered protocol 'bgp_un_u3' all"});
  EXPECT_EQ(route_commands(kQueryConfig, {{"protocol", "x' all\nconfigure"}})->at(0).find('\n'), std::string::npos);
  EXPECT_FALSE(route_commands(kQueryConfig, {{"prefix", "1.2.3.4 all; down"}}).ok());
  EXPECT_FALSE(route_commands(kQueryConfig, {{"filter", "nobody"}}).ok());
  EXPECT_FALSE(route_commands(kQueryConfig, {{"where", {"true"}}}).ok());
}

TEST(BirdCondition, WhatMayFollow) {
  const auto help = [](std::vector<std::string> words) {
    const ConditionHelp found = condition_help(words);
    std::string out;
    for (const ConditionHelp::Word& word : found.words) {
      out += word.word + " ";
    }
    return out + (found.whole ? "whole" : "");
  };
  const std::string all =
      "origin-as transit-as community rpki path next-hop from source blackhole local-pref med path-length "
      "prefix-length ";
  EXPECT_EQ(help({}), all + "not ");
  EXPECT_EQ(help({"not"}), all);
  EXPECT_EQ(help({"blackhole"}), all + "not whole");
  EXPECT_EQ(help({"rpki"}), "valid invalid unknown ");
  EXPECT_EQ(help({"rpki", "valid"}), all + "not whole");
  EXPECT_EQ(help({"origin-as"}), "<asn> ");
  EXPECT_EQ(help({"local-pref"}), "<number> = != < <= > >= ");
  EXPECT_EQ(help({"local-pref", ">="}), "<number> ");
  EXPECT_EQ(help({"local-pref", "200"}), all + "not whole");
  EXPECT_EQ(help({"loc", ">=", "200", "not"}), all);
  EXPECT_EQ(help({"nonsense"}), "");
}

TEST(BirdCondition, Forms) {
  struct Row {
    std::vector<std::string> words;
    const char* condition;  // null: refused
  };
  const Row rows[] = {
      {{"origin-as", "AS64500"}, "(source = RTS_BGP && bgp_path.last_nonaggregated = 64500)"},
      {{"transit-as", "64500"}, "(source = RTS_BGP && bgp_path ~ [64500] && bgp_path.last_nonaggregated != 64500)"},
      {{"community", "65000:*"}, "(source = RTS_BGP && bgp_community ~ [(65000,*)])"},
      {{"community", "65000:1:4"}, "(source = RTS_BGP && bgp_large_community ~ [(65000,1,4)])"},
      {{"not", "source", "bgp"}, "! (source = RTS_BGP)"},
      {{"path", "64500 * 64999"}, "(source = RTS_BGP && bgp_path ~ [= 64500 * 64999 =])"},
      {{"local-pref", ">=", "200"}, "(source = RTS_BGP && bgp_local_pref >= 200)"},
      {{"med", "5"}, "(source = RTS_BGP && defined(bgp_med) && bgp_med = 5)"},
      {{"prefix-length", ">", "24", "blackhole"}, "(net.len > 24) && (dest = RTD_BLACKHOLE)"},
      {{"next-hop", "2001:DB8::1"}, "(source = RTS_BGP && bgp_next_hop = 2001:db8::1)"},
      {{"from", "192.0.2.1"}, "(from = 192.0.2.1)"},
      {{"loc", ">=", "200", "not", "so", "bgp"}, "(source = RTS_BGP && bgp_local_pref >= 200) && ! (source = RTS_BGP)"},
      {{"p", "1"}, nullptr},
      {{}, nullptr},
      {{"not"}, nullptr},
      {{"true"}, nullptr},
      {{"origin-as", "1 || true"}, nullptr},
      {{"community", "1:2)]; x"}, nullptr},
      {{"community", "1"}, nullptr},
      {{"rpki", "bad"}, nullptr},
      {{"path", "1 [2]"}, nullptr},
      {{"next-hop", "x"}, nullptr},
      {{"source", "x"}, nullptr},
      {{"local-pref", "~", "2"}, nullptr},
      {{"local-pref", ">="}, nullptr},
  };
  for (const Row& row : rows) {
    const auto condition = route_condition(row.words);
    ASSERT_EQ(condition.ok(), row.condition != nullptr) << (row.words.empty() ? "" : row.words.back());
    if (condition.ok()) {
      EXPECT_EQ(*condition, row.condition);
    } else {
      EXPECT_FALSE(condition.error().remedy.empty());
    }
  }
  EXPECT_EQ(route_condition(std::vector<std::string>{"local-pref"}).error().path, "where local-pref");
  EXPECT_EQ(route_condition(std::vector<std::string>{"p", "1"}).error().reason,
            "is ambiguous: path, path-length, prefix-length");
  EXPECT_NE(route_condition(std::vector<std::string>{"rpki", "invalid"})->find("floof_roa6"), std::string::npos);
  EXPECT_FALSE(route_condition(std::vector<std::string>(100, "blackhole")).ok());
}

TEST(BirdPeers, NamesAndTags) {
  const PeerNames names(kQueryConfig);
  EXPECT_EQ(names.peer_of("bgp_up"), "up");
  EXPECT_EQ(names.peer_of("bgp_:ix_2001:db8::3"), "ix");
  EXPECT_EQ(names.peer_of("bgp_un_u12"), "un");
  EXPECT_EQ(names.peer_of("bgp_un"), "un");
  EXPECT_EQ(names.peer_of("bgp_up_u1"), "");
  EXPECT_EQ(names.peer_of("floof_static4"), "");
  EXPECT_EQ(names.name_of("bgp_un_u12"), "un");
  EXPECT_EQ(names.name_of("floof_static4"), "static");
  EXPECT_EQ(names.name_of("floof_ospf3"), "ospf");
  EXPECT_EQ(names.name_of("floof_feed_best"), "feed-best");
  EXPECT_EQ(names.name_of("mine4"), "mine4");
  EXPECT_EQ(session_leaf(kQueryConfig, *find_peer(kQueryConfig, "up"), "tag"), Json({"transit"}));
  EXPECT_EQ(session_leaf(kQueryConfig, *find_peer(kQueryConfig, "un"), "tag"), Json({"lab"}));
  EXPECT_EQ(named_peers(kQueryConfig, "all")->size(), 3u);
  EXPECT_FALSE(named_peers(kQueryConfig, "nobody").ok());
  std::vector<Protocol> all(3);
  all[0].name = "bgp_un";
  all[1].name = "bgp_un_u1";
  all[2].name = "bgp_:ix_2001:db8::3";
  EXPECT_EQ(protocols_of(all, *find_peer(kQueryConfig, "un")), std::vector<const Protocol*>{&all[1]});
  EXPECT_EQ(protocols_of(all, *find_peer(kQueryConfig, "ix")), std::vector<const Protocol*>{&all[2]});
}

TEST(BirdPeers, ProtocolsAreFoundByTheirPlainNameOrType) {
  std::vector<Protocol> all;
  for (const auto& [name, type] : {std::pair{"floof_static4", "Static"},
                                   {"floof_static6", "Static"},
                                   {"floof_originated4", "Static"},
                                   {"floof_ospf2", "OSPF"},
                                   {"mine", "OSPF"},
                                   {"bgp_up", "BGP"},
                                   {"bgp_:ix_2001:db8::3", "BGP"}}) {
    all.emplace_back();
    all.back().name = name;
    all.back().type = type;
  }
  using Names = std::vector<std::string>;
  const auto called = [&](const char* name) { return protocols_called(all, kQueryConfig, name); };
  EXPECT_EQ(called("static"), (Names{"floof_static4", "floof_static6"}));
  EXPECT_EQ(called("originated"), Names{"floof_originated4"});
  EXPECT_EQ(called("ospf"), Names{"floof_ospf2"}) << "the user's own has a name";
  EXPECT_EQ(called("mine"), Names{"mine"});
  EXPECT_EQ(called("bgp"), (Names{"bgp_up", "bgp_:ix_2001:db8::3"}));
  EXPECT_EQ(called("up"), Names{"bgp_up"});
  EXPECT_EQ(called("floof_static6"), Names{"floof_static6"});
  EXPECT_EQ(called("nothing"), Names{});
  EXPECT_TRUE(asks_for_sessions(kQueryConfig, {{"protocol", "static"}}));
  EXPECT_EQ(*route_commands(kQueryConfig, {{"protocol", "static"}}, all),
            (Names{"show route protocol 'floof_static4' all", "show route protocol 'floof_static6' all"}));
}

}  // namespace
}  // namespace floof::bird
