// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/irr/irr.h"

#include <gtest/gtest.h>

namespace floof::irr {
namespace {

using Strings = std::vector<std::string>;

TEST(Irr, OnlyNamesReachACommandLine) {
  for (const char* good : {"AS-FOO", "AS64500:AS-FOO", "RIPE::AS-FOO", "AS64500", "as-foo.x_y"}) {
    EXPECT_TRUE(is_as_set(good)) << good;
  }
  for (const char* bad :
       {"", "A", "-h", "-hevil", "--", ":AS-FOO", "AS FOO", "AS-FOO;id", "AS-FOO\n", "AS-\"", "$(id)"}) {
    EXPECT_FALSE(is_as_set(bad)) << bad;
  }
  EXPECT_FALSE(is_as_set(std::string(129, 'A')));
}

TEST(Irr, CommandsAreVectors) {
  EXPECT_EQ(command(Question::ip6, "[2001:db8::1]:43", {"RIPE", "ARIN"}, "AS-FOO"),
            (Strings{"bgpq4", "-j", "-l", "x", "-6", "-h", "[2001:db8::1]:43", "-S", "RIPE,ARIN", "--", "AS-FOO"}));
  EXPECT_EQ(command(Question::members, "", {}, "AS1"), (Strings{"bgpq4", "-j", "-l", "x", "-t", "--", "AS1"}));
}

TEST(Irr, ReadsPrefixes) {
  const auto read = parse_prefixes(R"({ "x": [
    { "prefix": "45.10.0.0\/22", "exact": true },
    { "prefix": "45.10.4.0\/24", "exact": true }
] })",
                                   Family::ip4);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(*read, (std::vector<Prefix>{*parse_prefix("45.10.0.0/22"), *parse_prefix("45.10.4.0/24")}));
  EXPECT_TRUE(parse_prefixes(R"({ "x": [] })", Family::ip4)->empty());
  EXPECT_EQ(parse_prefixes(R"({ "x": [{"prefix":"2a00:1::\/32","exact":true}] })", Family::ip6)->size(), 1u);
}

TEST(Irr, ReadsMembers) {
  EXPECT_EQ(*parse_members("{\"x\": [\n  400010,400011\n]}"), (std::vector<uint32_t>{400010, 400011}));
  EXPECT_TRUE(parse_members(R"({"x": []})")->empty());
}

TEST(Irr, RefusesWhatIsNotAWholeAnswer) {
  for (const char* bad :
       {"", "{", "{}", "[]", "null", R"({"y":[]})", R"({ "x": [ {"prefix":"45.10.0.0/22"} )",
        R"({"x":[{"prefix":"45.10.0.1/22"}]})", R"({"x":[{"prefix":"0.0.0.0/0"}]})",
        R"({"x":[{"prefix":"2a00::/32"}]})", R"({"x":[{"prefix":7}]})", R"({"x":[["a"]]})", R"({"x":[]}{"x":[]})",
        R"({"x":[],"x":[]})", R"({"x":[{"x":[]}]})", R"({"x":["45.10.0.0/22"]})", "<html>"}) {
    EXPECT_FALSE(parse_prefixes(bad, Family::ip4).ok()) << bad;
  }
  for (const char* bad :
       {"", R"({"x":[0]})", R"({"x":[4294967296]})", R"({"x":[-1]})", R"({"x":["AS1"]})", R"({"x":[1.5]})"}) {
    EXPECT_FALSE(parse_members(bad).ok()) << bad;
  }
}

TEST(Irr, TellsWhatTheServerRefused) {
  EXPECT_EQ(server_error("ERROR:Error expanding !a4AS-FOO\n: F Rate limit exceeded\n"),
            "the server says Rate limit exceeded");
  EXPECT_EQ(server_error("ERROR:Error expanding !gas1\n: F a\x01"
                         "b\nERROR:Error expanding !gas2\n: F c\n"),
            "the server says a?b");
  EXPECT_EQ(server_error("ERROR:Error expanding !gas1"), "the server says no");
  EXPECT_EQ(server_error("ERROR:Multiple keys expanding !gas1\n: E\n"), "");
  EXPECT_EQ(server_error(""), "");
}

TEST(Irr, FindsTheAsSetsOfPeeringdb) {
  EXPECT_EQ(as_sets_in("RIPE::AS-A, AS-B  AS64500:AS-C"), (Strings{"RIPE::AS-A", "AS-B", "AS64500:AS-C"}));
  EXPECT_EQ(as_sets_in("ripe::as-a"), Strings{"RIPE::AS-A"}) << "registries know no small letters";
  EXPECT_TRUE(as_sets_in("").empty());
  EXPECT_TRUE(as_sets_in("AS-A; -h evil").empty());
  EXPECT_TRUE(as_sets_in("see https://example.net/as").empty());
}

TEST(Irr, TwentyThousandPrefixesAreReadAtOnce) {
  std::string text = "{ \"x\": [\n";
  for (int i = 0; i < 20000; i++) {
    text += (i == 0 ? "" : ",\n") + ("    { \"prefix\": \"45." + std::to_string(i / 256 % 256) + "." +
                                     std::to_string(i % 256) + ".0\\/24\", \"exact\": true }");
  }
  const auto read = parse_prefixes(text + "\n] }", Family::ip4);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->size(), 20000u);
}

}  // namespace
}  // namespace floof::irr
