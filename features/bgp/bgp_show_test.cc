// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_show.h"

#include <gtest/gtest.h>

#include "features/bgp/bgp_show_parts.h"
#include "features/bgp/outside_show.h"
#include "shell/fake_context.h"

namespace floof::bgp {
namespace {

using shell::Json;

const Json kSummary = Json::parse(R"({"router-id":"198.51.100.1","asn":65000,"peers":[
  {"name":"upstream-a","neighbor":"192.0.2.254","remote-as":64501,"state":"Established","since":"12:00:01",
   "state-s":3723,"uptime-s":3723,"received":1000000,"accepted":999999,"exported":1,"last-error":"","protocol":"peer_upstream_a"},
  {"name":"b","neighbor":"2001:db8::2","remote-as":4200000000,"state":"Active","since":"12:00:02","state-s":62,"received":null,
   "last-error":"Socket: Connection refused"}]})");

TEST(BgpShow, Summary) {
  EXPECT_EQ(render_summary(kSummary),
            "Router id 198.51.100.1, local AS 65000\n"
            "Peer        Neighbor             AS  State        Since     Received  Accepted  Exported  Last error\n"
            "upstream-a  192.0.2.254       64501  Established  01:02:03   1000000    999999         1\n"
            "b           2001:db8::2  4200000000  Active       00:01:02         -         -         -  "
            "Socket: Connection refused\n");
  EXPECT_NE(render_summary(Json{{"asn", 65000}}).find("no peers"), std::string::npos);
  EXPECT_EQ(render_summary(Json{{"asn", 65000}}, "lab"), "Router id -, local AS 65000\nno peer has the tag lab\n");
  EXPECT_EQ(render_summary(Json::object()), "BGP is not configured; 'set bgp asn N' starts it\n");
}

TEST(BgpShow, PeerAndStrangeData) {
  Json peer = kSummary["peers"][0];
  peer["families"] = Json::parse(R"([{"family":"ipv4","state":"UP","received":5,"imported":4,"filtered":1,
    "preferred":4,"exported":2}])");
  peer["capabilities"] = {"Graceful restart"};
  const std::string text = render_peer(peer);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "Peer upstream-a: neighbor 192.0.2.254 AS 64501, Established for 01:02:03");
  EXPECT_NE(text.find("  capabilities:\n    Graceful restart\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  Family  State  Received  Accepted  Filtered  Best  Exported\n"
                      "  ipv4    UP            5         4         1     4         2\n"),
            std::string::npos)
      << text;
  peer["channels"] = Json::parse(R"([{"name":"ipv4","limits":{"import":{"most":5,"now":5,"hit":true,"action":"block"},
    "export":{"most":100,"now":2,"hit":false,"action":"disable"}}},{"name":"ipv6"},null])");
  EXPECT_NE(render_peer(peer).find("  Limit         Family  Most  Now  Action\n"
                                   "  export limit  ipv4     100    2  disable\n"
                                   "  import limit  ipv4       5    5  block    reached\n"),
            std::string::npos)
      << render_peer(peer);
  EXPECT_EQ(render_peer(peer).find("has ended"), std::string::npos);
  EXPECT_EQ(render_peer(peer).find("BFD"), std::string::npos);
  peer["bfd"] = {{"state", "Up"}, {"state-s", 62}, {"interval-ms", 300}, {"timeout-ms", 900}};
  EXPECT_NE(render_peer(peer).find("  BFD: Up for 00:01:02, every 300 ms, down after 900 ms\n"), std::string::npos);
  peer["bfd"] = {{"state", "Missing"}};
  EXPECT_NE(render_peer(peer).find("  BFD: Missing\n"), std::string::npos);
  peer["ended-by-limit"] = true;
  peer["retry-s"] = nullptr;
  EXPECT_NE(render_peer(peer).find("'clear bgp peer upstream-a hard' tries it again\n"), std::string::npos);
  peer["retry-s"] = 61;
  EXPECT_NE(render_peer(peer).find("is tried again in 00:01:01\n"), std::string::npos) << render_peer(peer);
  for (const char* strange : {"null", "[]", "7", R"({"channels":[{"limits":[]},{"limits":{"import":3}}]})",
                              R"({"peers":[null,3],"families":[[],null]})"}) {
    render_summary(Json::parse(strange));
    render_peer(Json::parse(strange));
  }
}

TEST(BgpShow, Commands) {
  shell::Registry registry;
  register_show(registry);
  registry.help("show ip", "of other features");
  registry.help("show ip6", "of other features");
  EXPECT_EQ(registry.unexplained(), std::vector<std::string>());
  shell::FakeContext context;
  context.give(kSummary);
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  EXPECT_EQ(session.run("show bgp | match Established | count"), 0);
  EXPECT_EQ(terminal.output, "Count: 1 lines\n");
  EXPECT_EQ(session.complete("show bgp peer u").choices.back().word, "upstream-a");
  EXPECT_EQ(session.run("show bgp peer upstream-a"), 0);
  EXPECT_EQ(context.asked.back(),
            (Json{{"op", "show"}, {"what", "bgp-peer"}, {"arguments", {{"name", "upstream-a"}}}}));
}

TEST(BgpShow, WhatAPeerSaidAndHisMaintenance) {
  Json summary = kSummary;
  summary["peers"][0]["maintenance"] = "drain";
  summary["peers"][1]["message"] = "gone fishing";
  summary["peers"][1]["state"] = "Disabled";
  const std::string text = render_summary(summary);
  EXPECT_NE(text.find("Established, drained"), std::string::npos) << text;
  EXPECT_EQ(text.find("Disabled, maintenance"), std::string::npos) << text;
  summary["peers"][1]["maintenance"] = "down";
  EXPECT_NE(render_summary(summary).find("Disabled, maintenance"), std::string::npos);
  EXPECT_NE(text.find("Socket: Connection refused: \"gone fishing\""), std::string::npos) << text;
}

TEST(BgpShow, WhatAPeerIsAndWhatBefellIt) {
  Json summary = kSummary;
  summary["peers"][0]["description"] = "transit";
  summary["peers"][0]["last-error"] = "Received: Hold timer expired";
  summary["peers"][0]["last-error-s"] = 62;
  summary["peers"][0]["flaps"] = 3;
  summary["peers"][0]["flap-s"] = 61;
  const std::string text = render_summary(summary);
  EXPECT_NE(text.find("  Description\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  transit\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("Hold timer"), std::string::npos) << "it is up again";
  const std::string peer = render_peer(summary["peers"][0]);
  EXPECT_NE(peer.find("  last error: Received: Hold timer expired, 00:01:02 ago\n"
                      "  went down 3 times, last 00:01:01 ago\n"),
            std::string::npos)
      << peer;
  EXPECT_EQ(render_peer(kSummary["peers"][0]).find("last error"), std::string::npos);
}

TEST(BgpShow, Blocklist) {
  EXPECT_EQ(render_blocklist(Json::parse(R"({"prefixes":2,"asns":1,"lists":[]})")),
            "configured: 2 prefixes, 1 AS number\n");
  EXPECT_NE(render_blocklist(Json::parse(R"({"prefixes":0,"asns":0,"lists":[]})")).find("no lists"), std::string::npos);
}

TEST(BgpShow, Rejected) {
  const Json routes = Json::parse(R"([{"prefix":"10.0.0.0/8","peer":"a","as-path":"64500","reason":"bogon-prefix",
      "reason-text":"should not be in the Internet","code":3},{"prefix":"203.0.113.0/24","peer":"a"},null,3])");
  const std::string text = render_rejected(routes);
  EXPECT_NE(text.find("bogon-prefix  should not be in the Internet"), std::string::npos) << text;
  EXPECT_NE(text.find("unknown"), std::string::npos);
  EXPECT_EQ(render_rejected(nullptr), "no rejected routes\n");
  EXPECT_NE(render_peer_routes(routes).find("bogon-prefix: should not be"), std::string::npos);
}

TEST(BgpShow, Explanation) {
  const Json explanation = Json::parse(R"({"prefix":"203.0.113.0/24","peer":"a","hypothetical":false,"routes":[
    {"neighbor":"192.0.2.1","evaluation":{"accepted":false,"unsure":false,"reason":"prefix-too-long","code":1,
     "why":"/25 is longer than /24","steps":[{"name":"path-empty","looked":"path 1","result":"is not empty",
     "outcome":"passed"},{"name":"prefix-too-long","looked":"length","result":"/25 is longer than /24",
     "outcome":"refused","origin":"bgp peer a import"}],"route":{}},"bird":{"verdict":"refused","reason":"prefix-too-long"},
     "differs":"something"}]})");
  EXPECT_EQ(render_explanation(explanation),
            "203.0.113.0/24 from a (192.0.2.1)\n"
            "  -: passed, +: changed, X: refused, ?: cannot be judged here\n"
            "   1 - path-empty               path 1: is not empty\n"
            "   2 X prefix-too-long          length: /25 is longer than /24 [bgp peer a import]\n"
            "  Policy: refused, prefix-too-long: /25 is longer than /24\n"
            "  BIRD: refused, prefix-too-long\n");
  for (const char* strange : {"null", "[]", R"({"routes":[null,{"evaluation":[],"bird":{},"export":{}}]})"}) {
    render_explanation(Json::parse(strange));
  }
}

TEST(BgpShow, PeerCommands) {
  shell::Registry registry;
  register_show(registry);
  registry.help("show ip", "of other features");
  registry.help("show ip6", "of other features");
  shell::FakeContext context;
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  const auto asked = [&](const char* line, const char* request) {
    EXPECT_EQ(session.run(line), 0) << line << terminal.errors;
    EXPECT_EQ(context.asked.back(), Json::parse(request)) << line;
  };
  asked("clear bgp peer a soft", R"({"op":"clear","what":"bgp","peer":"a","how":"soft"})");
  asked("clear bgp peer a soft in", R"({"op":"clear","what":"bgp","peer":"a","how":"soft","direction":"in"})");
  asked("clear bgp peer a soft neighbor 192.0.2.1",
        R"({"op":"clear","what":"bgp","peer":"a","how":"soft","neighbor":"192.0.2.1"})");
  asked("clear bgp peer all hard", R"({"op":"clear","what":"bgp","peer":"all","how":"hard"})");
  asked("bgp maintenance a down message \"fibre works\"",
        R"({"op":"amend","what":"bgp-maintenance","arguments":{"peer":"a","mode":"down","message":"fibre works"}})");
  asked("bgp maintenance all off",
        R"({"op":"amend","what":"bgp-maintenance","arguments":{"peer":"all","mode":"off"}})");
  asked("show route rejected peer a", R"({"op":"show","what":"bird-route","arguments":{"peer":"a","rejected":true}})");
  asked("show bgp peer a received", R"({"op":"show","what":"bird-route","arguments":{"import":"a"}})");
  asked("show bgp peer a advertised limit 7",
        R"({"op":"show","what":"bird-route","arguments":{"export":"a","limit":7}})");
  asked("show bgp summary tag lab", R"({"op":"show","what":"bgp-summary","arguments":{"tag":"lab"}})");
  asked("explain route 203.0.113.0/24 from a", R"({"op":"show","what":"explain-route",
      "arguments":{"prefix":"203.0.113.0/24","peer":"a"}})");
  asked("explain route 203.0.113.0/24 from a path \"1 2\" community 1:1,1:2:3 rpki invalid to b",
        R"({"op":"show","what":"explain-route","arguments":{"prefix":"203.0.113.0/24","peer":"a","path":"1 2",
            "communities":["1:1","1:2:3"],"rpki":"invalid","to":"b"}})");
  asked("explain route 203.0.113.0/24 from a path 1 otc AS7 local-pref 70", R"({"op":"show","what":"explain-route",
      "arguments":{"prefix":"203.0.113.0/24","peer":"a","path":"1","otc":7,"local-pref":70}})");
  asked("explain route 203.0.113.0/24 from a path \"\" candidate", R"({"op":"show","what":"explain-route",
      "arguments":{"prefix":"203.0.113.0/24","peer":"a","path":"","candidate":true}})");
  EXPECT_EQ(session.run("explain route 203.0.113.0/24 from a community 1:1"), 1);
  EXPECT_EQ(session.run("explain route 203.0.113.0/24 from a otc 7"), 1);
}

}  // namespace
}  // namespace floof::bgp
