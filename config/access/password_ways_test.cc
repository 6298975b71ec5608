// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whatever way a login password takes into the configuration, it is a hash there.
#include <crypt.h>
#include <gtest/gtest.h>

#include <memory>

#include "config/access/password.h"
#include "config/candidate.h"
#include "config/test_support.h"

namespace floof::config {
namespace {

constexpr std::string_view kClear = "tunafish";
const Words kAnn{"system", "login", "user", "ann", "password"};

bool fits(std::string_view password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* again = crypt_rn(std::string(password).c_str(), hash.c_str(), work.get(), sizeof *work);
  return again != nullptr && hash == again;
}

std::string password_of(const Tree& tree) {
  const auto path = parse_path(tree.schema(), kAnn, PathMode::any);
  const Item* item = path ? tree.find(*path) : nullptr;
  return item != nullptr ? item->value : "";
}

/// It is a hash of the password, and the password is in no print, stored or shown.
void expect_hashed(const Tree& tree, const Tree& before, const std::string& way) {
  EXPECT_TRUE(fits(kClear, password_of(tree))) << way << ": " << password_of(tree);
  std::string all = stored_form(tree).dump() + tree.for_features().dump();
  for (const Secrets secrets : {Secrets::clear, Secrets::hidden, Secrets::encrypted, Secrets::withheld}) {
    for (const auto& text : {tree.set_lines({}, secrets), tree.curly({}, secrets), tree.xml({}, secrets)}) {
      all += *text;
    }
    all += tree.to_json(secrets).dump() + compare(before, tree, secrets);
  }
  EXPECT_EQ(all.find(kClear), std::string::npos) << way << ": " << all;
  for (const Secrets secrets : {Secrets::hidden, Secrets::withheld}) {
    const std::string seen = *tree.set_lines({}, secrets) + *tree.curly({}, secrets) + *tree.xml({}, secrets) +
                             tree.to_json(secrets).dump() + compare(before, tree, secrets);
    EXPECT_EQ(seen.find("$y$"), std::string::npos) << way;
    EXPECT_NE(seen.find(kHiddenSecret), std::string::npos) << way;
  }
}

struct Way {
  const char* name;
  TextFormat format;
  LoadMode mode;
  const char* text;
};

TEST(PasswordWays, EveryTextIsHashed) {
  const Tree before = test::tree_of("set system login user ann class operator\n");
  const Way ways[] = {
      {"set", TextFormat::set, LoadMode::merge, "set system login user ann password tunafish\n"},
      {"curly", TextFormat::curly, LoadMode::merge, "system { login { user ann { password tunafish; } } }"},
      {"override", TextFormat::curly, LoadMode::override,
       "system { login { user ann { class operator; password tunafish; } } }"},
      {"replace", TextFormat::curly, LoadMode::replace,
       "system { login { replace: user ann { class operator; password \"tunafish\"; } } }"},
      {"patch", TextFormat::curly, LoadMode::patch, "[edit system login user ann]\n+   password tunafish;\n"},
      {"json", TextFormat::json, LoadMode::merge,
       R"({"system":{"login":{"user":[{"name":"ann","class":"operator","password":"tunafish"}]}}})"},
      {"xml", TextFormat::xml, LoadMode::merge,
       R"(<configuration xmlns="urn:floof:root"><system xmlns="urn:floof:system"><login><user><name>ann</name>)"
       R"(<password>tunafish</password></user></login></system></configuration>)"},
      {"netconf", TextFormat::xml, LoadMode::netconf,
       R"(<configuration xmlns="urn:floof:root"><system xmlns="urn:floof:system"><login>)"
       R"(<user xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="replace"><name>ann</name>)"
       R"(<class>operator</class><password>tunafish</password></user></login></system></configuration>)"},
  };
  for (const Way& way : ways) {
    const Loaded loaded = load(before, way.text, way.format, way.mode);
    ASSERT_TRUE(loaded.errors.empty()) << way.name << ": " << loaded.errors[0].text();
    expect_hashed(loaded.tree, before, way.name);
  }
}

TEST(PasswordWays, EveryEditIsHashedAndAHashStaysOne) {
  const Tree before = test::tree_of("set system login user ann class operator\n");
  Tree tree = before;
  Words words{"set"};
  words.insert(words.end(), kAnn.begin(), kAnn.end());
  words.emplace_back(kClear);
  ASSERT_TRUE(tree.edit(words).ok());
  expect_hashed(tree, before, "edit");
  const std::string hash = password_of(tree);
  Tree copied = tree;
  ASSERT_TRUE(copied.edit(test::words("copy system login user ann to bob")).ok());
  ASSERT_TRUE(copied.edit(test::words("rename system login user bob to eve")).ok());
  EXPECT_EQ(password_of(copied), hash);
  const auto rebased = rebase({tree, before, 1, ""}, test::tree_of("set system hostname x\n"), "bob");
  ASSERT_TRUE(rebased.ok());
  EXPECT_EQ(password_of(rebased->tree), hash) << "another's commit hashes it no second time";
  const Loaded back = load_json(Tree(test::schema()), stored_form(tree));
  EXPECT_EQ(password_of(back.tree), hash);
}

TEST(PasswordWays, AlsoInGroups) {
  Tree tree = test::tree_of(
      "set groups staff system login user <*> password tunafish\n"
      "set system login user ann class operator\n"
      "set apply-groups staff\n");
  EXPECT_EQ(stored_form(tree).dump().find(kClear), std::string::npos);
  EXPECT_EQ(tree.set_lines({}, Secrets::hidden)->find("$y$"), std::string::npos);
  EXPECT_EQ(tree.curly_inherited({}, Secrets::hidden)->find("$y$"), std::string::npos);
  const Json login = tree.for_features()["system"]["login"];
  EXPECT_TRUE(fits(kClear, login["user"][0]["password"])) << login.dump();
}

TEST(PasswordWays, WhatIsTooLongIsRefusedWithoutItsText) {
  Tree tree(test::schema());
  const std::string longest(600, 'x');
  Words words{"set"};
  words.insert(words.end(), kAnn.begin(), kAnn.end());
  words.push_back(longest);
  const auto done = tree.edit(words);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text().find("xxxx"), std::string::npos) << done.error().text();
}

}  // namespace
}  // namespace floof::config
