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

TEST(Statements, ListsOfValuesAndEntriesOfListsGoOn) {
  const auto schema = test::schema();
  const auto texts = [&](const char* line) {
    std::vector<std::string> out;
    for (const Words& words : statements(*schema, test::words(line))) {
      std::string text;
      for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
      }
      out.push_back(text);
    }
    return out;
  };
  EXPECT_EQ(texts("interface e0 address [ 192.0.2.1/24 192.0.2.9/24 ] mtu 1400"),
            (test::Strings{"interface e0 address [ 192.0.2.1/24 192.0.2.9/24 ]", "interface e0 mtu 1400"}));
  EXPECT_EQ(texts("bgp peer a import prefix 10.0.0.0/8 le 24 local-pref 7 policy p"),
            (test::Strings{"bgp peer a import prefix 10.0.0.0/8 le 24", "bgp peer a import local-pref 7",
                           "bgp peer a policy p"}));
  EXPECT_EQ(texts("bgp peer a import prefix 10.0.0.0/8 local-pref 7"),
            (test::Strings{"bgp peer a import prefix 10.0.0.0/8", "bgp peer a import local-pref 7"}));
  EXPECT_EQ(texts("interface e0 address [ 192.0.2.1/24 mtu 1400"),
            test::Strings{"interface e0 address [ 192.0.2.1/24 mtu 1400"});
}

TEST(Statements, NamesMayBeShortenedEverywhere) {
  const auto schema = test::schema();
  const auto full = [&](const char* line, LineKind kind = LineKind::set) {
    const TypedLine read = read_line(*schema, test::words(line), kind, Spelling::shortened);
    return read.error ? read.error->text() : join_words(read.words);
  };
  EXPECT_EQ(full("bg peer a remote 1 neigh 192.0.2.2 polic transit im local-pref 7"),
            "bgp peer a remote-as 1 neighbor 192.0.2.2 policy transit import local-pref 7");
  EXPECT_EQ(full("bgp test t rout 203.0.113.0/24 fr up exp rej any com 1:1 pa x"),
            "bgp test t route 203.0.113.0/24 from up expect reject any community 1:1 path x");
  EXPECT_EQ(full("interface e0 addr [ 192.0.2.1/24 ] desc x apply g"),
            R"(interface e0 address "[" 192.0.2.1/24 "]" description x apply-groups g)");
  EXPECT_EQ(full("bgp peer a remote-as 1 pas x"),
            "bgp peer a remote-as 1: \"pas\" is ambiguous: passive, password; type more letters");
  EXPECT_EQ(full("bgp peer a remote-as 1 passw geheim"), "bgp peer a remote-as 1 passw geheim") << "a secret: in full";
  EXPECT_EQ(full("bgp peer a password geheim re x"),
            "bgp peer a password <hidden>: \"re\" is ambiguous: remote-as, require-role; type more letters")
      << "nor is it told again";
  EXPECT_EQ(full("bgp peer a remote-as 1 polic x", LineKind::path), "bgp peer a remote-as 1 polic x");
  EXPECT_EQ(full("int e0 desc mt"), "interface e0 description mt") << "a value is taken as it stands";
  EXPECT_EQ(full("route default via 192.0.2.1"), "route 0.0.0.0/0 via 192.0.2.1");
  EXPECT_EQ(full("route default via fe80::1%e0"), "route ::/0 via fe80::1%e0") << "of the family of what follows";
  EXPECT_EQ(full("interface default description default"), "interface default description default");
}

TEST(Statements, TheWrongWordIsFound) {
  const auto schema = test::schema();
  const auto wrong = [&](const char* line) { return wrong_word(*schema, test::words(line)); };
  EXPECT_EQ(wrong("bgp peer a remote-as 1 policy p"), std::nullopt);
  EXPECT_EQ(wrong("bgp peer a remote-as x policy p"), 4U);
  EXPECT_EQ(wrong("bgp peer a remote-as 1 neighbor 1.1.1 policy p"), 6U);
  EXPECT_EQ(wrong("bgp peer a remote-as 1 import local-pref x"), 7U);
  EXPECT_EQ(wrong("bgp peer a remote-as 1 polcy p"), 5U);
  EXPECT_EQ(wrong("bgp peer a remote-as 1 pas x"), 5U);
  EXPECT_EQ(wrong("bgp peer a remote-as 1 policy"), 6U) << "behind the line";
  EXPECT_EQ(wrong("bgpp"), 0U);
}

TEST(Statements, MistakesSayWhatMayFollow) {
  Tree tree = test::tree_of("");
  const auto error = [&](const char* line) { return tree.edit(test::words(line)).error().text(); };
  EXPECT_EQ(error("set bgp peer a remote-as 1 polcy p"),
            "bgp peer a remote-as 1: unknown word \"polcy\"; did you mean \"policy\"?");
  EXPECT_EQ(
      error("set interface e0 mtu 1400 description my uplink").substr(0, 134),
      "interface e0 description my: unexpected \"uplink\": description has one value here; quote a value that has "
      "blanks, or go on with one of ");
  EXPECT_TRUE(error("set bgp peer a password geheim nis")
                  .starts_with("bgp peer a password <hidden>: unexpected \"<hidden>\": password has one value here; "
                               "quote a value that has blanks, or go on with one of description, "));
  EXPECT_EQ(
      error("delete bgp peer a remote-as 1 policy p"),
      "bgp peer a remote-as 1: unexpected \"policy\": remote-as has one value here; quote a value that has blanks; "
      "name one thing in each line");
  EXPECT_EQ(error("set system hostname x y"),
            "system hostname x: unexpected \"y\": hostname has one value here; quote a value that has blanks");
}

std::string offered(const Tree& tree, std::string_view line, std::string_view partial = "") {
  std::string out;
  const Completion found = complete(tree, test::words(line), partial, CompletionMode::set);
  for (const Option& option : found.options) {
    out += option.word + " ";
  }
  return out + (found.complete ? "<enter>" : "");
}

TEST(Statements, WhatMayFollowIsOffered) {
  const Tree tree = test::tree_of(test::kRich);
  EXPECT_EQ(offered(tree, "interface e0 mtu 1400"),
            "description disabled device mac address bond punt-limit parent vlan inner-vlan vlan-protocol priority "
            "apply-groups <enter>");
  EXPECT_EQ(offered(tree, "interface e0 device host x"),
            "mode force apply-groups description disabled device mtu mac address bond punt-limit parent vlan "
            "inner-vlan vlan-protocol priority <enter>");
  EXPECT_EQ(offered(tree, "interface e0 disabled", "d"), "description device <enter>");
  EXPECT_EQ(offered(tree, "interface e0 address [ 192.0.2.1/24"), "<address/length> ] ");
  EXPECT_EQ(offered(tree, "interface e0 address [ 192.0.2.1/24 ]", "m"), "mtu mac <enter>");
  EXPECT_EQ(offered(tree, "bgp test t route 203.0.113.0/24 from upstream-a"),
            "path community next-hop rpki otc local-pref to expect apply-groups <enter>");
  EXPECT_EQ(offered(tree, "bgp test t route 203.0.113.0/24 from"), "upstream-a ");
  EXPECT_EQ(offered(tree, "bgp test t expect accept"),
            "local-pref community apply-groups route from path next-hop rpki otc to expect <enter>");
  EXPECT_EQ(offered(tree, "bgp peer n remote-as 4", "po"), "policy port <enter>");
  EXPECT_EQ(offered(tree, "bgp peer n remote-as 4 policy"), "transit ");
  EXPECT_EQ(offered(tree, "bgp peer n import prefix 10.0.0.0/8", "l"),
            "le local-pref local-pref-ip4 local-pref-ip6 limit local-as local-port <enter>");
  EXPECT_EQ(offered(tree, "bgp peer n remote-as 4 nonsense"), "");
  EXPECT_EQ(offered(tree, "system hostname x"), "<enter>") << "no sentence";
  EXPECT_EQ(offered(tree, "groups g interface <*> mtu 1400", "de"), "description device <enter>");
}

TEST(Statements, WordsThatStandElsewhereAreFound) {
  Tree tree = test::tree_of("");
  const auto remedy = [&](const char* line) { return tree.edit(test::words(line)).error().remedy; };
  EXPECT_EQ(remedy("set bgp policy peers local-pref 5"), "did you mean \"import local-pref\"?");
  EXPECT_EQ(remedy("set bgp peer x local-pref 5"), "did you mean \"import local-pref\"?");
  EXPECT_EQ(remedy("set bgp peer x remote-as 1 local-pref 5"), "did you mean \"import local-pref\"?");
  EXPECT_EQ(remedy("set bgp peer x asn 64500"), "did you mean \"remote-as\"?");
  EXPECT_EQ(remedy("set bgp peer x bogon-asns false"), "did you mean \"import filter bogon-asns\"?");
  EXPECT_EQ(remedy("set bgp peer x max-prefix 5"), "did you mean \"import limit\" or \"export limit\"?");
  EXPECT_EQ(remedy("set bgp neighbor 192.0.2.1 remote-as 1"), "did you mean \"peer\"?");
  EXPECT_EQ(remedy("set peer x remote-as 1"), "did you mean \"bgp peer\"?");
  EXPECT_EQ(remedy("set bgp peer x shutdown"), "did you mean \"disabled\"?");
  EXPECT_EQ(remedy("set bgp peer x polcy p"), "did you mean \"policy\"?");
}

TEST(Statements, NamesOfEntriesStandInBracketsToo) {
  Tree tree = test::tree_of("");
  ASSERT_TRUE(tree.edit(test::words("set bgp peer a import prefix-reject [ 10.0.0.0/8 192.0.2.0/24 ] le 28")));
  ASSERT_TRUE(
      tree.edit(test::words("set bgp peer a remote-as 5 import prefix [ 198.18.0.0/15 ] transit-lock [ 1 2 ]")));
  EXPECT_EQ(*tree.set_lines({}), R"(set bgp peer a remote-as 5
set bgp peer a import prefix 198.18.0.0/15
set bgp peer a import prefix-reject 10.0.0.0/8 le 28
set bgp peer a import prefix-reject 192.0.2.0/24 le 28
set bgp peer a import transit-lock 1
set bgp peer a import transit-lock 2
)");
  ASSERT_TRUE(tree.edit(test::words("delete bgp peer a import prefix-reject [ 10.0.0.0/8 192.0.2.0/24 ]")));
  EXPECT_EQ(tree.set_lines({})->find("prefix-reject"), std::string::npos);
  const Tree before = tree;
  EXPECT_FALSE(tree.edit(test::words("set bgp peer a import prefix-reject [ 10.0.0.0/8 x ]")));
  EXPECT_FALSE(tree.edit(test::words("set bgp peer a import prefix-reject [ ]")));
  EXPECT_FALSE(tree.edit(test::words("set bgp peer a import prefix-reject [ 10.0.0.0/8")));
  EXPECT_FALSE(tree.edit(test::words("set interface e0 mtu [ 1400 ]")));
  EXPECT_TRUE(tree == before);
  EXPECT_EQ(offered(tree, "bgp peer a import prefix-reject [ 10.0.0.0/8"), "<prefix> ] ");
  EXPECT_EQ(offered(tree, "bgp policy a import prefix-reject [ 10.0.0.0/8 ]"), "ge le apply-groups <enter>");
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
