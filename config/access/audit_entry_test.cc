// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/audit_entry.h"

#include <gtest/gtest.h>

#include "config/test_support.h"

namespace floof::config {
namespace {

using Json = nlohmann::json;

std::string line(std::string_view text) { return line_without_secrets(*test::schema(), *split_words(text)); }

TEST(AuditEntry, LinesHaveNoSecrets) {
  EXPECT_EQ(line("set bgp peer a password swordfish"), "set bgp peer a password <hidden>");
  EXPECT_EQ(line("delete bgp peer a password swordfish"), "delete bgp peer a password <hidden>");
  EXPECT_EQ(line("set bgp peer a password sword fish"), "set bgp peer a password <hidden> <hidden>");
  EXPECT_EQ(line("set system login user ann password swordfish"), "set system login user ann password <hidden>");
  EXPECT_EQ(line("set groups g bgp peer <*> password swordfish"), "set groups g bgp peer <*> password <hidden>");
  EXPECT_EQ(line("set bird raw \"password \\\"swordfish\\\";\""), "set bird raw <hidden>");
  EXPECT_EQ(line("insert bird raw swordfish before swordfish2"), "insert bird raw <hidden> <hidden> <hidden>");
  EXPECT_EQ(line("set bgp peer a pasword swordfish"), "set bgp peer a ...") << "a mistyped word hides what follows";
  EXPECT_EQ(line("set swordfish"), "set ...");
  EXPECT_EQ(line("set interface e0 description \"a b\""), "set interface e0 description \"a b\"");
  EXPECT_EQ(line("set interface e0 address [ 10.0.0.1/24 10.0.1.1/24 ]"),
            "set interface e0 address [ 10.0.0.1/24 10.0.1.1/24 ]");
  EXPECT_EQ(line("set bgp peer a remote-as 1 password swordfish policy p"),
            "set bgp peer a remote-as 1; set bgp peer a password <hidden>; set bgp peer a policy p");
  EXPECT_EQ(line("set bgp peer a remote-as 1 pasword swordfish"), "set bgp peer a remote-as 1 ... ...");
  EXPECT_EQ(line("set bgp peer a policy p remote-as 1 pasword swordfish"),
            "set bgp peer a policy p; set bgp peer a remote-as 1 ... ...");
  EXPECT_EQ(line("set bgp peer a neighbor 192.0.2.1 pasword swordfish"), "set bgp peer a neighbor 192.0.2.1 ... ...");
  EXPECT_EQ(
      line("set bgp peer a neighbor [ 192.0.2.1 192.0.2.2 ] password swordfish passive"),
      "set bgp peer a neighbor [ 192.0.2.1 192.0.2.2 ]; set bgp peer a password <hidden>; set bgp peer a passive");
  EXPECT_EQ(line("set bgp peer a passive pasword swordfish"), "set bgp peer a passive ... ...");
  EXPECT_EQ(line("insert bgp peer a neighbor 192.0.2.1 before 192.0.2.2"),
            "insert bgp peer a neighbor 192.0.2.1 before 192.0.2.2");
  EXPECT_EQ(line("copy bgp peer a to b"), "copy bgp peer a to b");
  EXPECT_EQ(line("annotate bgp peer a \"by ann\""), "annotate bgp peer a \"by ann\"");
  EXPECT_EQ(line("annotate bgp peer a password \"by ann\""), "annotate bgp peer a password \"by ann\"");
  EXPECT_EQ(line("deactivate bgp peer a"), "deactivate bgp peer a");
  EXPECT_EQ(line("set bgp peer"), "set bgp peer");
  EXPECT_EQ(line("set"), "set");
  EXPECT_EQ(line(""), "");
}

TEST(AuditEntry, SecretsCannotBeGuessedByPath) {
  const auto asks = [](std::string_view text) { return names_secret_value(*test::schema(), *split_words(text)); };
  EXPECT_TRUE(asks("bgp peer a password x"));
  EXPECT_TRUE(asks("groups g bgp peer a password x"));
  EXPECT_TRUE(asks("bird raw x"));
  EXPECT_FALSE(asks("bgp peer a password"));
  EXPECT_FALSE(asks("bgp peer a description x"));
  EXPECT_FALSE(asks("bgp peer"));
  EXPECT_FALSE(asks(""));
  EXPECT_FALSE(asks("nonsense x"));
}

TEST(AuditEntry, WhatIsKept) {
  const auto entry = [](const char* request, const char* answer) {
    return audit_entry(*test::schema(), Json::parse(request), Json::parse(answer));
  };
  const char* good = R"({"ok":true})";
  for (const char* op : {"hello", "show", "show-config", "compare", "history", "complete", "exec-read", "status"}) {
    EXPECT_TRUE(audit_entry(*test::schema(), {{"op", op}}, {{"ok", true}}).is_null()) << op;
  }
  EXPECT_TRUE(entry(R"({"op":"commit","check":true})", good).is_null());
  EXPECT_EQ(entry(R"({"op":"edit","words":["set","bgp","peer","a","password","x"]})", good),
            Json::parse(R"({"what":"edit","ok":true,"line":"set bgp peer a password <hidden>"})"));
  EXPECT_EQ(entry(R"({"op":"commit","comment":"c","confirmed":60,"when":"ping ::1"})",
                  R"({"ok":true,"generation":4,"changed":true,"confirmed":false,"warnings":["w"]})"),
            Json::parse(R"({"what":"commit","ok":true,"comment":"c","confirm-within-s":60,"when":"ping ::1",
                            "generation":4,"changed":true})"));
  EXPECT_EQ(entry(R"({"op":"commit"})",
                  R"({"ok":false,"errors":[{"path":"bgp peer a password x","reason":"secret","remedy":"secret"}]})"),
            Json::parse(R"({"what":"commit","ok":false,"errors":["bgp peer a password <hidden>"]})"));
  EXPECT_EQ(entry(R"({"op":"load","format":"set","mode":"merge","text":"set bgp peer a password x"})", good),
            Json::parse(R"({"what":"load","ok":true,"format":"set","mode":"merge","bytes":25})"));
  EXPECT_EQ(entry(R"({"op":"rollback","to":3})", good), Json::parse(R"({"what":"rollback","ok":true,"to":3})"));
  EXPECT_EQ(entry(R"({"op":"clear","what":"counters"})", good),
            Json::parse(R"({"what":"clear","ok":true,"object":"counters"})"));
  EXPECT_EQ(entry(R"({"op":"exec-start","program":"ping","arguments":{"address":"::1"}})", good),
            Json::parse(R"({"what":"exec","ok":true,"program":"ping","arguments":{"address":"::1"}})"));
  EXPECT_EQ(entry(R"({"op":"no-such-thing"})", R"({"ok":false})")["what"], "no-such-thing");
}

TEST(Trickle, FivePassThenTheRestIsCounted) {
  Trickle trickle;
  const auto start = Trickle::Clock::now();
  for (int i = 0; i < 5; i++) {
    EXPECT_EQ(trickle.pass("a", start), 0U);
  }
  for (int i = 0; i < 7; i++) {
    EXPECT_FALSE(trickle.pass("a", start));
  }
  EXPECT_EQ(trickle.pass("b", start), 0U);
  EXPECT_EQ(trickle.pass("a", start + std::chrono::seconds(61)), 7U);
  EXPECT_EQ(trickle.pass("a", start + std::chrono::seconds(61)), 0U);
  for (int i = 0; i < 5000; i++) {
    trickle.pass(std::to_string(i), start);
  }
}

}  // namespace
}  // namespace floof::config
