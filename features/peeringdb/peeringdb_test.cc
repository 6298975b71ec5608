// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/peeringdb/peeringdb.h"

#include <gtest/gtest.h>

namespace floof::peeringdb {
namespace {

TEST(Peeringdb, ReadsNetworks) {
  const auto read = parse_networks(
      R"({"data":[{"id":1,"asn":400010,"name":"Ten","irr_as_set":"RIPE::AS-TEN","info_prefixes4":100,"info_prefixes6":20,
          "netixlan_set":[]},{"asn":400011,"name":"Eleven","irr_as_set":null,"info_prefixes4":null}],"meta":{}})");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->at(400010).as_set, "RIPE::AS-TEN");
  EXPECT_EQ(read->at(400010).prefixes4, 100u);
  EXPECT_EQ(read->at(400010).prefixes6, 20u);
  EXPECT_EQ(read->at(400011).as_set, "");
  EXPECT_EQ(read->at(400011).prefixes4, 0u);
}

TEST(Peeringdb, ReadsLansAndPorts) {
  const auto lans =
      parse_lans(R"({"data":[{"prefix":"195.69.144.0/21"},{"prefix":"2001:7f8:1::/64"},{"prefix":"0.0.0.0/0"}]})");
  ASSERT_TRUE(lans.ok());
  EXPECT_EQ(*lans, (std::vector{*parse_prefix("195.69.144.0/21"), *parse_prefix("2001:7f8:1::/64")}));
  const auto ports = parse_ports(
      R"({"data":[{"asn":1103,"ixlan_id":26,"name":"AMS-IX","ipaddr4":"195.69.144.9","ipaddr6":null,"speed":10000,"operational":true,
          "is_rs_peer":true}]})");
  ASSERT_TRUE(ports.ok());
  ASSERT_EQ(ports->size(), 1u);
  EXPECT_EQ(ports->front().addresses, std::vector<IpAddress>{*parse_ip("195.69.144.9")});
  EXPECT_EQ(ports->front().asn, 1103u);
  EXPECT_EQ(ports->front().lan, 26u);
}

TEST(Peeringdb, RefusesOtherForms) {
  for (const char* bad :
       {"", "{}", "[]", R"({"data":{}})", R"({"data":[1]})", R"({"data":[{"asn":0}]})", R"({"data":[{"asn":"1"}]})",
        R"({"data":[{"asn":4294967296}]})", "<html>", R"({"data":[{"asn":1})"}) {
    EXPECT_FALSE(parse_networks(bad).ok()) << bad;
    EXPECT_FALSE(parse_asns(bad).ok()) << bad;
  }
  EXPECT_FALSE(parse_lans(R"({"data":[{"prefix":"x"}]})").ok());
}

TEST(Peeringdb, NothingBreaksOutOfCurlsConfiguration) {
  const std::string config = curl_config("http://x/\"\nheader = \"a\\", "k\"\\\nurl = \"http://evil\"", 5, false);
  EXPECT_NE(config.find("url = \"http://x/\\\"header = \\\"a\\\\\"\n"), std::string::npos) << config;
  EXPECT_NE(config.find("header = \"Authorization: Api-Key k\\\"\\\\url = \\\"http://evil\\\"\"\n"), std::string::npos)
      << config;
  EXPECT_EQ(config.find("location"), std::string::npos);
  for (const std::string& word : curl_command()) {
    EXPECT_EQ(word.find("evil"), std::string::npos);
  }
}

TEST(Peeringdb, SaysWhatWentWrong) {
  EXPECT_TRUE(judge_curl(0, "\n200").ok());
  EXPECT_NE(judge_curl(0, "\n429").error().reason.find("429"), std::string::npos);
  EXPECT_NE(judge_curl(0, "\n404").error().reason.find("404"), std::string::npos);
  EXPECT_EQ(judge_curl(7, "curl: (7) Failed to connect\n\n000").error().reason, "Failed to connect");
  EXPECT_EQ(judge_curl(28, "curl: (28) x\n\n000").error().reason, "no answer in time");
  EXPECT_FALSE(judge_curl(0, "").ok());
  EXPECT_FALSE(judge_curl(1, "").ok());
}

TEST(Peeringdb, Queries) {
  EXPECT_EQ(networks_query({1, 2}), "net?asn__in=1,2");
  EXPECT_EQ(ports_query({7}), "netixlan?asn__in=7");
  EXPECT_EQ(ports_query({7, 8}), "netixlan?asn__in=7,8");
}

}  // namespace
}  // namespace floof::peeringdb
