// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/access.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

namespace floof::config {
namespace {

using Json = nlohmann::json;

/// Every request of config/server/server.h: the least class, written down a second time on purpose.
const std::map<std::string, UserClass> kEveryOp = {
    {"hello", UserClass::read_only},
    {"configure", UserClass::super_user},
    {"leave", UserClass::super_user},
    {"edit", UserClass::super_user},
    {"show-config", UserClass::read_only},
    {"compare", UserClass::read_only},
    {"commit", UserClass::super_user},
    {"commit-at", UserClass::super_user},
    {"commit-plan", UserClass::super_user},
    {"cancel-commit-at", UserClass::super_user},
    {"revert", UserClass::super_user},
    {"rollback", UserClass::super_user},
    {"rescue-save", UserClass::super_user},
    {"load-factory", UserClass::super_user},
    {"discard", UserClass::super_user},
    {"update", UserClass::super_user},
    {"load", UserClass::super_user},
    {"place", UserClass::super_user},
    {"history", UserClass::read_only},
    {"complete", UserClass::read_only},
    {"show", UserClass::read_only},
    {"clear", UserClass::operate},
    {"request", UserClass::operate},
    {"exec-start", UserClass::read_only},
    {"exec-read", UserClass::read_only},
    {"exec-stop", UserClass::read_only},
    {"status", UserClass::read_only},
    {"", UserClass::super_user},
    {"no-such-request", UserClass::super_user},
    {"Show", UserClass::super_user},
    {"show ", UserClass::super_user},
};

TEST(Access, EveryRequestAndEachClass) {
  for (const auto& [op, least] : kEveryOp) {
    EXPECT_EQ(least_class({{"op", op}}), least) << op;
    for (const UserClass who : {UserClass::none, UserClass::read_only, UserClass::operate, UserClass::super_user}) {
      const auto allowed = Access::allow({"ann", who}, {{"op", op}});
      EXPECT_EQ(allowed.ok(), who >= least) << op << " by " << name_of(who);
      if (!allowed) {
        EXPECT_FALSE(allowed.error().reason.empty() || allowed.error().remedy.empty());
      }
    }
  }
  for (const OpRule& rule : op_rules()) {
    const std::string op(rule.op.substr(0, rule.op.find(' ')));
    EXPECT_TRUE(kEveryOp.contains(op)) << rule.op << " is allowed to some but not listed here";
  }
}

TEST(Access, WhatIsAskedForCounts) {
  EXPECT_EQ(least_class(Json::parse(R"({"op":"show","what":"audit"})")), UserClass::operate);
  EXPECT_EQ(least_class(Json::parse(R"({"op":"show","what":"interface"})")), UserClass::read_only);
  EXPECT_EQ(least_class(Json::parse(R"({"op":"show audit"})")), UserClass::operate) << "known to nobody, harmless";
  EXPECT_EQ(least_class(Json::parse(R"({"op":"show","what":"interface","as":"exclusive"})")), UserClass::super_user);
  for (const char* odd : {"{}", "[]", "null", R"({"op":7})", R"({"op":["show"]})"}) {
    EXPECT_EQ(least_class(Json::parse(odd)), UserClass::super_user) << odd;
  }
}

TEST(Access, NamesOfClasses) {
  for (const char* name : {"none", "read-only", "operator", "super-user"}) {
    EXPECT_EQ(name_of(*user_class(name)), name);
  }
  EXPECT_FALSE(user_class("root"));
  EXPECT_FALSE(user_class(""));
}

TEST(Access, WhoHasWhichClass) {
  const std::map<uid_t, Account> accounts = {{0, {"root", {}}},
                                             {geteuid(), {"self", {}}},
                                             {70001, {"ann", {"floof-admin", "floof-read"}}},
                                             {70002, {"bob", {"floof-read", "floof-operator"}}},
                                             {70003, {"cid", {"floof-admin"}}},
                                             {70004, {"dan", {}}},
                                             {70005, {"uid 70005", {}}}};
  std::map<std::string, UserClass> configured = {{"cid", UserClass::read_only}, {"root", UserClass::read_only}};
  int asked = 0;
  Access access(
      [&](const std::string& name) {
        const auto found = configured.find(name);
        return found == configured.end() ? std::nullopt : std::optional(found->second);
      },
      [&](uid_t uid) {
        asked++;
        return accounts.at(uid);
      });
  EXPECT_EQ(access.user(0).user_class, UserClass::super_user) << "whatever the configuration says";
  EXPECT_EQ(access.user(geteuid()).user_class, UserClass::super_user);
  EXPECT_EQ(access.user(70001).user_class, UserClass::super_user);
  EXPECT_EQ(access.user(70002).user_class, UserClass::operate) << "the highest of his groups";
  EXPECT_EQ(access.user(70003).user_class, UserClass::read_only) << "the configuration wins over groups";
  EXPECT_EQ(access.user(70004).user_class, UserClass::none);
  EXPECT_EQ(access.user(70005).user_class, UserClass::none);
  const int before = asked;
  configured["dan"] = UserClass::operate;
  configured.erase("cid");
  EXPECT_EQ(access.user(70004).user_class, UserClass::operate) << "a commit counts at once";
  EXPECT_EQ(access.user(70003).user_class, UserClass::super_user);
  EXPECT_EQ(asked, before) << "Linux is not asked for each request";
}

TEST(Access, AccountsOfThisMachine) {
  EXPECT_EQ(account_of(0).name, "root");
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(account_of(4000000000U).name, "uid 4000000000");
  EXPECT_TRUE(account_of(4000000000U).groups.empty());
  EXPECT_TRUE(account_of(65534).groups.empty());
}

}  // namespace
}  // namespace floof::config
