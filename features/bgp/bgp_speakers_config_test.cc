// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/bgp/bgp_speakers.h"

namespace floof::bgp {
namespace {

using Json = nlohmann::json;

Json raw(const char* text) { return speakers({{"bird", {{"raw", {text}}}}}); }

TEST(BgpSpeakers, ConfiguredPeers) {
  const Json config = Json::parse(R"({"bgp":{"asn":65000,"policy":[{"name":"far","port":1179}],"peer":[
    {"name":"a","remote-as":1,"neighbor":["192.0.2.1","2001:db8::1"]},
    {"name":"off","remote-as":2,"neighbor":["192.0.2.2"],"disabled":true,"policy":"far"},
    {"name":"ll","remote-as":3,"neighbor":["fe80::5"],"interface":"e1","local-port":2179},
    {"name":"un","remote-as":4,"interface":"e2"}]}})");
  EXPECT_EQ(speakers(config), Json::parse(R"({"hosts":["192.0.2.1","192.0.2.2","2001:db8::1","fe80::5"],"ranges":[],
    "unnumbered":["e2"],"ports":[179,1179,2179],"anybody":false})"));
  EXPECT_EQ(speakers(Json::object()),
            Json::parse(R"({"hosts":[],"ranges":[],"unnumbered":[],"ports":[179],"anybody":false})"));
}

TEST(BgpSpeakers, RawText) {
  const Json out = raw(R"(# neighbor nobody
    protocol bgp x { local as 1; /* neighbor MINE */ neighbor 192.0.2.9 port 179 as 2; }
    protocol bgp y { neighbor range 2001:db8:7::/64 as 3; } protocol ospf { neighbors { 10.0.0.1; }; })");
  EXPECT_EQ(out["hosts"], Json::parse(R"(["192.0.2.9"])"));
  EXPECT_EQ(out["ranges"], Json::parse(R"(["2001:db8:7::/64"])"));
  EXPECT_EQ(out["anybody"], false);
  for (const char* text : {"protocol bgp { neighbor PEER as 7; }", "neighbor", "neighbor range X;", "neighbor range",
                           "include \"peers.conf\";", "neighbor fe80::1%e0 as 3; neighbor /* x"}) {
    const bool open = raw(text)["anybody"];
    EXPECT_TRUE(open) << text;
  }
  EXPECT_EQ(raw("/*")["anybody"], false);
  EXPECT_EQ(raw("neighbor fe80::1 % e0 as 3;")["hosts"], Json::parse(R"(["fe80::1"])"));
}

}  // namespace
}  // namespace floof::bgp
