// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_control.h"

#include <gtest/gtest.h>

#include "features/bird/show/bird_explain.h"
#include "features/bird/talk/bird_samples.h"
#include "features/bird/watch/bird_limits.h"

namespace floof::bird {
namespace {

using namespace std::string_literals;

using Commands = std::vector<std::string>;

const Json kControlConfig = Json::parse(R"({"bgp":{"asn":65000,
  "policy":[{"name":"t","shutdown-message":"of the policy","import":{"limit":{"restart-after":5}}}],"peer":[
  {"name":"a","neighbor":["192.0.2.1","2001:db8::1"]},
  {"name":"b","neighbor":["192.0.2.2"],"disabled":true,"shutdown-message":"say 'bye' \\ ü"},
  {"name":"c","neighbor":["192.0.2.3"],"maintenance":"down","policy":"t"},
  {"name":"p","neighbor":["127.0.0.2"],"policy":"t"}]}})");

std::vector<Protocol> known(std::initializer_list<const char*> names) {
  std::vector<Protocol> out;
  for (const char* name : names) {
    out.emplace_back().name = name;
    out.back().state = "up";
  }
  return out;
}

Commands commands(const char* request) {
  const auto out = clear_commands(kControlConfig, Json::parse(request), {});
  return out.ok() ? *out : Commands{"error: " + out.error().text()};
}

TEST(BirdControl, ClearCommands) {
  EXPECT_EQ(commands(R"({"peer":"a","how":"soft"})"), (Commands{"reload 'bgp_a'", "reload 'bgp_:a_2001:db8::1'"}));
  EXPECT_EQ(commands(R"({"peer":"p","how":"soft","direction":"in"})"), Commands{"reload in 'bgp_p'"});
  EXPECT_EQ(commands(R"({"peer":"p","how":"soft","direction":"out"})"), Commands{"reload out 'bgp_p'"});
  EXPECT_EQ(commands(R"({"peer":"p","how":"hard"})"), (Commands{"enable 'bgp_p'", "restart 'bgp_p'"}));
  EXPECT_EQ(commands(R"({"peer":"a","how":"hard","neighbor":"2001:DB8::1"})"),
            (Commands{"enable 'bgp_:a_2001:db8::1'", "restart 'bgp_:a_2001:db8::1'"}));
  EXPECT_EQ(
      commands(R"({"peer":"a","how":"soft","neighbor":"192.0.2.9"})"),
      Commands{"error: bgp peer a neighbor 192.0.2.9: the peer has no session with that address; it has 192.0.2.1, "
               "2001:db8::1"});
  EXPECT_EQ(commands(R"({"peer":"all","how":"soft","direction":"in"})"),
            (Commands{"reload in 'bgp_a'", "reload in 'bgp_:a_2001:db8::1'", "reload in 'bgp_p'"}));
  for (const char* wrong :
       {R"({"peer":"x","how":"soft"})", R"({"peer":"a"})", R"({"peer":"a","how":"hard","direction":"in"})",
        R"({"peer":"a","how":"soft","direction":"up"})", R"({"peer":"b","how":"hard"})", R"({"peer":"c","how":"soft"})",
        "{}", "null"}) {
    EXPECT_TRUE(commands(wrong).at(0).starts_with("error: ")) << wrong;
  }
}

TEST(BirdControl, OneNeighborOfAnUnnumberedPeerIsCleared) {
  const Json config = Json::parse(R"({"bgp":{"asn":65000,"peer":[{"name":"un","interface":"e1"}]}})");
  auto protocols = known({"bgp_un", "bgp_un_u1", "bgp_un_u2"});
  protocols[1].details = {{"Neighbor address", "fe80::1%e1"}};
  protocols[2].details = {{"Neighbor address", "fe80::2%e1"}};
  const auto out =
      clear_commands(config, Json::parse(R"({"peer":"un","how":"soft","neighbor":"fe80::2%e1"})"), protocols);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, Commands{"reload 'bgp_un_u2'"});
}

TEST(BirdControl, OneSessionThatCannotBeClearedStopsNoOther) {
  Commands said;
  const auto call = [&](const std::string& command) -> Result<Reply> {
    said.push_back(command);
    Reply reply;
    reply.code = command.find("bgp_a") != std::string::npos   ? 8006
                 : command.find("bgp_b") != std::string::npos ? 8001
                                                              : 12;
    return reply;
  };
  const Commands all = {"reload 'bgp_a'", "reload in 'bgp_b'", "reload 'bgp_c'"};
  const auto done = run_clear(call, all, "all");
  EXPECT_EQ(said, all);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().reason.find("session 'bgp_a': the peer cannot be asked"), std::string::npos);
  EXPECT_NE(done.error().reason.find("session 'bgp_b': BIRD refuses it"), std::string::npos);
  EXPECT_EQ(done.error().reason.find("bgp_c"), std::string::npos);
  EXPECT_TRUE(run_clear(call, {"reload 'bgp_c'"}, "c").ok());
  const auto dead = [](const std::string&) -> Result<Reply> { return Error{"bird", "is not there", ""}; };
  EXPECT_FALSE(run_clear(dead, all, "all").ok());
}

const Json kUnnumbered = Json::parse(R"({"bgp":{"asn":65000,"peer":[
  {"name":"un","interface":"e1","shutdown-message":"bye"},{"name":"a","neighbor":["192.0.2.1"]}]}})");

TEST(BirdControl, SessionsOfAnUnnumberedPeerAreCleared) {
  const auto commands = [](const char* how, const std::vector<Protocol>& protocols) {
    return *clear_commands(kUnnumbered, {{"peer", "un"}, {"how", how}}, protocols);
  };
  const auto both = known({"bgp_un", "bgp_a", "bgp_un_u1", "bgp_un_u12"});
  EXPECT_EQ(commands("soft", both), (Commands{"reload 'bgp_un_u1'", "reload 'bgp_un_u12'"}));
  EXPECT_EQ(commands("hard", both),
            (Commands{"enable 'bgp_un_u1'", "restart 'bgp_un_u1'", "enable 'bgp_un_u12'", "restart 'bgp_un_u12'"}));
  EXPECT_EQ(commands("hard", known({"bgp_un"})), (Commands{"enable 'bgp_un'", "restart 'bgp_un'"}));
  EXPECT_EQ(commands("soft", {}), Commands{"reload 'bgp_un'"});
}

TEST(BirdControl, Farewells) {
  Farewell farewell;
  farewell.prepare(kControlConfig);
  auto protocols = known({"bgp_a", "bgp_b", "bgp_c"});
  const auto messages = farewell.messages(protocols);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0], std::pair("bgp_b"s, "say 'bye' \\ ü"s));
  EXPECT_EQ(messages[1], std::pair("bgp_c"s, "of the policy"s));
  protocols[1].state = "down";
  EXPECT_EQ(farewell.messages(protocols).size(), 1u);
  Json off = kUnnumbered;
  off["bgp"]["peer"][0]["maintenance"] = "down";
  farewell.prepare(off);
  EXPECT_EQ(farewell.messages(known({"bgp_un", "bgp_un_u1"})), (decltype(messages){{"bgp_un_u1"s, "bye"s}}));
}

TEST(BirdLimits, SessionsThatALimitEnded) {
  ReplyReader reader;
  reader.feed(samples::limited);
  const auto protocols = parse_protocols(*reader.next());
  EXPECT_TRUE(has_limits(kControlConfig));
  EXPECT_FALSE(has_limits(Json::parse(R"({"bgp":{"peer":[{"name":"p"}]}})")));
  const auto at = [&](const char* time, const Json& config) { return limited_sessions(protocols, time, config); };
  const auto early = at("2026-11-23 06:29:00.000", kControlConfig);
  ASSERT_EQ(early.size(), 1u);
  EXPECT_EQ(early[0].protocol, "bgp_p");
  EXPECT_FALSE(early[0].due());
  EXPECT_EQ(early[0].incident().cause, "ended by its limit on routes; is tried again in 4 min");
  EXPECT_TRUE(at("2026-11-23 06:32:54.000", kControlConfig)[0].due());
  Json never = kControlConfig;
  never["bgp"]["policy"] = Json::array();
  EXPECT_FALSE(at("2026-11-24 06:32:54.000", never)[0].due());
  EXPECT_NE(at("x", never)[0].incident().remedy.find("clear bgp peer p hard"), std::string::npos);
  EXPECT_TRUE(at("x", Json::object()).empty());
}

TEST(BirdLimits, ToldBeforeAndWhenTheyAreReached) {
  Json config = Json::parse(R"({"bgp":{"peer":[{"name":"p","neighbor":["192.0.2.1"]}]}})");
  Protocol protocol;
  protocol.name = "bgp_p", protocol.type = "BGP", protocol.state = "up";
  protocol.channels.emplace_back().name = "ipv6";
  Channel& channel = protocol.channels[0];
  channel.limits["import"] = {.most = 1000, .hit = false, .action = "disable"};
  std::vector<Incident> last;
  const auto at = [&](uint64_t imported) {
    channel.imported = imported;
    last = limit_incidents({protocol}, config, last);
    return last.empty() ? std::string() : last[0].cause;
  };
  EXPECT_EQ(at(799), "");
  EXPECT_EQ(at(801), "801 of at most 1000 accepted IPv6 routes are there (80 %)");
  EXPECT_EQ(last[0].subject + ", " + last[0].kind, "bgp peer p, limit of accepted IPv6 routes at 80 %");
  EXPECT_EQ(last[0].effect, "none yet; beyond the limit the session is ended");
  EXPECT_NE(last[0].remedy.find("'bgp peer p import limit'"), std::string::npos);
  EXPECT_EQ(at(760), "760 of at most 1000 accepted IPv6 routes are there (76 %)") << "until less than 75 %";
  EXPECT_EQ(at(740), "");
  EXPECT_EQ(at(760), "");
  channel.limits["import"] = {.most = 1000, .hit = true, .action = "block"};
  EXPECT_EQ(at(1000), "its limit of 1000 accepted IPv6 routes is reached");
  EXPECT_EQ(last[0].effect, "more are ignored");
  config = Json::object();
  EXPECT_EQ(at(1000), "") << "no peer of ours";
}

// -- explain --------------------------------------------------------------------------------------------------------

TEST(BirdExplain, ReceivedRoute) {
  ReplyReader reader;
  reader.feed(samples::import_table);
  const auto routes = parse_routes(*reader.next());
  ASSERT_EQ(routes.size(), 1u);
  const auto route = received_route(routes[0]);
  ASSERT_TRUE(route);
  EXPECT_EQ(to_string(route->prefix), "203.0.113.0/24");
  EXPECT_EQ(policy::to_string(route->path), "65001 64999");
  EXPECT_EQ(route->communities.size(), 3u);
  EXPECT_EQ(route->other_communities, 1u);
  EXPECT_EQ(to_string(*route->next_hop), "127.0.0.2");
  EXPECT_EQ(to_string(*route->from), "127.0.0.2");
  EXPECT_EQ(route->otc, 65001u);
  EXPECT_EQ(route->med, std::nullopt);
  Route strange = routes[0];
  strange.attributes["BGP.as_path"] = "1 x";
  EXPECT_FALSE(received_route(strange));
  strange.attributes["BGP.as_path"] = "1";
  strange.attributes["BGP.next_hop"] = ":: fe80::1";
  EXPECT_EQ(to_string(*received_route(strange)->next_hop), "fe80::1");
  EXPECT_FALSE(received_route(strange)->cut);
  strange.attributes["BGP.as_path"] = "1 2 3...";
  ASSERT_TRUE(received_route(strange));
  EXPECT_TRUE(received_route(strange)->cut);
}

// As BIRD 2.0.12 prints more than some 480 characters of communities.
TEST(BirdExplain, ALongListOfCommunitiesGoesOnInTheNextLines) {
  ReplyReader reader;
  reader.feed(
      "1007-Table import:\n 45.1.0.0/24          unreachable [p 07:18:59.190] * (100) [AS1i]\n1008-\tType: BGP univ\n"
      "1012-\tBGP.as_path: 1\n \tBGP.next_hop: 45.0.0.2\n \tBGP.community: (3000,0) (3000,1)\n \t\t(3000,2)\n"
      " \t\t(3000,3) (3000,4)\n \tBGP.large_community: (1, 2, 3)\n0000 \n");
  const auto routes = parse_routes(*reader.next());
  ASSERT_EQ(routes.size(), 1u);
  const auto route = received_route(routes[0]);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->communities.size(), 6u);
}

TEST(BirdExplain, DifferencesAreTold) {
  policy::Evaluation evaluation;
  evaluation.accepted = true;
  evaluation.route.local_pref = 100;
  EXPECT_EQ(difference(evaluation, {{"verdict", "accepted"}, {"local-pref", 100u}}), "");
  EXPECT_NE(difference(evaluation, {{"verdict", "accepted"}, {"local-pref", 200u}}), "");
  EXPECT_NE(difference(evaluation, {{"verdict", "refused"}}), "");
  EXPECT_EQ(difference(evaluation, {{"verdict", "unknown"}}), "");
  evaluation.accepted = false;
  evaluation.reason = policy::Reason::bogon_prefix;
  EXPECT_EQ(difference(evaluation, {{"verdict", "refused"}, {"reason", "bogon-prefix"}}), "");
  EXPECT_NE(difference(evaluation, {{"verdict", "refused"}, {"reason", "bogon-asn"}}), "");
  evaluation.unsure = true;
  EXPECT_EQ(difference(evaluation, {{"verdict", "accepted"}}), "");
}

}  // namespace
}  // namespace floof::bird
