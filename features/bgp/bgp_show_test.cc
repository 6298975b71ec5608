// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

namespace floof::bgp {
namespace {

using shell::Json;

const Json kSummary = Json::parse(R"({"router-id":"198.51.100.1","asn":65000,"peers":[
  {"name":"upstream-a","neighbor":"192.0.2.254","remote-as":64501,"state":"Established","since":"12:00:01",
   "uptime-s":3723,"received":1000000,"accepted":999999,"exported":1,"last-error":"","protocol":"peer_upstream_a"},
  {"name":"b","neighbor":"2001:db8::2","remote-as":4200000000,"state":"Active","since":"12:00:02","received":null,
   "last-error":"Socket: Connection refused"}]})");

TEST(BgpShow, Summary) {
  EXPECT_EQ(render_summary(kSummary),
            "Router id 198.51.100.1, local AS 65000\n"
            "Peer        Neighbor             AS  State        Since     Received  Accepted  Exported  Last error\n"
            "upstream-a  192.0.2.254       64501  Established  01:02:03   1000000    999999         1\n"
            "b           2001:db8::2  4200000000  Active       12:00:02         -         -         -  "
            "Socket: Connection refused\n");
  EXPECT_NE(render_summary(Json{{"asn", 65000}}).find("no peers"), std::string::npos);
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
  for (const char* strange : {"null", "[]", "7", R"({"peers":[null,3],"families":[[],null]})"}) {
    render_summary(Json::parse(strange));
    render_peer(Json::parse(strange));
  }
}

TEST(BgpShow, Commands) {
  shell::Registry registry;
  register_show(registry);
  EXPECT_TRUE(registry.unexplained().empty());
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

}  // namespace
}  // namespace floof::bgp
