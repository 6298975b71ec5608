// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "config/test_support.h"
#include "features/system/login_daemon.h"

namespace floof::system {

const config::Feature& config_feature();

namespace {

using config::Tree;
using config::UserClass;

Tree tree_of(std::string_view lines) {
  static const auto schema = config::Schema::load(config::embedded_modules());
  auto loaded = config::load(Tree(*schema), lines, config::TextFormat::set);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors.front().text();
  return std::move(loaded.tree);
}

TEST(SystemConfig, WarnsAboutUsersWithoutEffect) {
  const auto warnings = config_feature().warnings(config::test::config_of(
      "set system login user root class read-only\nset system login user nobody class operator\n"
      "set system login user no-such-user class operator\n"));
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0],
            "system login user no-such-user: this machine has no such account yet ('adduser no-such-user')");
  EXPECT_EQ(warnings[1], "system login user root: root is a super-user whatever its class says");
  EXPECT_TRUE(config_feature().warnings(config::test::config_of("")).empty());
}

TEST(SystemConfig, AUserNeedsAClass) {
  const auto errors = tree_of("set system login user ann password secret\n").validate();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].path, "system login user ann");
}

TEST(SystemConfig, PasswordsAreHashedWhenSet) {
  Tree tree = tree_of("set system login user ann class operator\nset system login user ann password swordfish\n");
  const auto shown = *tree.set_lines({}, config::Secrets::encrypted);
  EXPECT_NE(shown.find("password $y$"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("swordfish"), std::string::npos);
  EXPECT_EQ(tree.set_lines({}, config::Secrets::hidden)->find("$y$"), std::string::npos);
  const auto again = config::load(tree, shown, config::TextFormat::set);
  EXPECT_TRUE(again.errors.empty());
  EXPECT_TRUE(again.tree == tree) << "a hash is not hashed again";
  const auto hidden = config::load(tree, *tree.curly({}), config::TextFormat::curly);
  EXPECT_TRUE(hidden.tree == tree) << "<hidden> keeps it";
  EXPECT_EQ(config::stored_form(tree).dump().find("swordfish"), std::string::npos);
}

TEST(SystemConfig, ClassesInForce) {
  const auto class_in = [](const char* lines, const char* user) {
    return login_class(config::test::config_of(lines), user);
  };
  const char* const lines =
      "set system login user ann class operator\nset system login user bob class super-user\n"
      "deactivate system login user bob\n";
  EXPECT_EQ(class_in(lines, "ann"), UserClass::operate);
  EXPECT_FALSE(class_in(lines, "bob")) << "inactive";
  EXPECT_FALSE(class_in(lines, "eve"));
  EXPECT_EQ(class_in("set system login user eve class read-only\n", "eve"), UserClass::read_only);
  EXPECT_FALSE(class_in("", "eve"));
}

}  // namespace
}  // namespace floof::system
