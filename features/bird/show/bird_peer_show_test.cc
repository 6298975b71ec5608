// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/bird/show/bird_show.h"
#include "features/bird/show/bird_show_parts.h"
#include "shell/fake_context.h"

namespace floof::bird {
namespace {

using shell::Json;

TEST(BirdPeerShow, Rejected) {
  const Json routes = Json::parse(R"([{"prefix":"10.0.0.0/8","peer":"a","as-path":"64500","reason":"bogon-prefix",
      "reason-text":"should not be in the Internet","code":3},{"prefix":"203.0.113.0/24","peer":"a"},null,3])");
  shell::Table::Flow flow, other;
  const std::string text = render_rejected(routes, flow);
  EXPECT_NE(text.find("bogon-prefix  should not be in the Internet"), std::string::npos) << text;
  EXPECT_NE(text.find("unknown"), std::string::npos);
  EXPECT_NO_FATAL_FAILURE(render_rejected(nullptr, flow));
  EXPECT_NE(render_peer_routes(routes, other).find("bogon-prefix: should not be"), std::string::npos);
}

TEST(BirdPeerShow, Explanation) {
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

TEST(BirdPeerShow, Commands) {
  shell::Registry registry;
  register_show(registry);
  shell::FakeContext context;
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  const auto asked = [&](const char* line, const char* request) {
    EXPECT_EQ(session.run(line), 0) << line << terminal.errors;
    EXPECT_EQ(context.asked.back(), Json::parse(request)) << line;
  };
  asked("show route rejected peer a", R"({"op":"show","what":"bird-route","arguments":{"peer":"a","rejected":true,
      "pieces":true,"limit":1000}})");
  asked("show bgp peer a received",
        R"({"op":"show","what":"bird-route","arguments":{"import":"a","pieces":true,"limit":1000}})");
  asked("show bgp peer a advertised limit 7",
        R"({"op":"show","what":"bird-route","arguments":{"export":"a","pieces":true,"limit":7}})");
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
}  // namespace floof::bird
