// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_show.h"

#include <gtest/gtest.h>

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
  asked("show bgp summary tag lab", R"({"op":"show","what":"bgp-summary","arguments":{"tag":"lab"}})");
}

}  // namespace
}  // namespace floof::bgp
