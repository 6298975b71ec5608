// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"

namespace floof::config {
namespace {

TEST(Statements, ASentenceIsSeveralLines) {
  const auto schema = test::schema();
  const auto lines = statements(
      *schema,
      test::words(R"(bgp test t route 203.0.113.0/24 from up path "1 2" expect accept local-pref 100 rpki valid)"));
  std::vector<std::string> texts;
  for (const Words& line : lines) {
    texts.push_back(join_words(line));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"bgp test t route 203.0.113.0/24", "bgp test t from up",
                                             "bgp test t path \"1 2\"", "bgp test t expect accept",
                                             "bgp test t expect local-pref 100", "bgp test t rpki valid"}));
}

TEST(Statements, InterfacesAndPeersAreSentencesToo) {
  Tree tree = test::tree_of("");
  EXPECT_TRUE(tree.edit(test::words("set interface e0 device host eth0 address 192.0.2.1/24 disabled mtu 1400")).ok());
  EXPECT_TRUE(
      tree.edit(test::words("set bgp peer a remote-as 1 neighbor 192.0.2.2 import filter rpki off trust")).ok());
  const Json config = tree.for_features();
  EXPECT_EQ(config["interface"][0]["device"]["host"], "eth0");
  EXPECT_EQ(config["interface"][0]["mtu"], 1400);
  EXPECT_EQ(config["bgp"]["peer"][0]["import"]["filter"]["rpki"], "off");
  EXPECT_EQ(config["bgp"]["peer"][0]["import"]["trust"], true);
  EXPECT_TRUE(tree.edit(test::words("set interface e0 description mtu")).ok()) << "a value may be any word";
  EXPECT_EQ(tree.for_features()["interface"][0]["description"], "mtu");
}

TEST(Statements, OtherLinesStayAsTheyAre) {
  const auto schema = test::schema();
  for (const char* line :
       {"system hostname x login user a", "bgp policy a role peer multihop 2", "bgp test t", "bgp test t route", "",
        "nonsense", "bgp prefix [ 10.0.0.0/8 192.0.2.0/24 ]", "bgp test t route 203.0.113.0/24 nonsense x"}) {
    EXPECT_EQ(statements(*schema, test::words(line)), std::vector<Words>{test::words(line)}) << line;
  }
}

TEST(Statements, AllOrNothingIsSet) {
  Tree tree = test::tree_of("");
  const Tree before = tree;
  EXPECT_FALSE(tree.edit(test::words("set bgp test t route 203.0.113.0/24 from up path x")).ok());
  EXPECT_TRUE(tree == before);
  EXPECT_TRUE(tree.edit(test::words("set bgp test t route 203.0.113.0/24 from up expect reject rpki-invalid")).ok());
  EXPECT_EQ(tree.for_features()["bgp"]["test"][0]["expect"]["reject"], "rpki-invalid");
}

}  // namespace
}  // namespace floof::config
