// SPDX-License-Identifier: GPL-3.0-or-later
//
// Groups: what is inherited, by whom, and what wins.
#include <gtest/gtest.h>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::schema;
using test::tree_of;
using test::words;

std::string in_force(const Tree& tree) { return *tree.effective().set_lines({}); }

std::string error_of(std::string_view line) {
  Tree tree(schema());
  const auto done = tree.edit(words(line));
  return done ? "none" : done.error().text();
}

constexpr std::string_view kGroups = R"(set groups jumbo interface <*> description "a jumbo one"
set groups jumbo interface <*> mtu 9000
set groups west interface <e1*> mtu 4000
set groups west interface e10 description west
set groups west bgp asn 65000
set groups west bgp peer <*> hold-time 30
set groups west bgp peer reflector remote-as 65000
set interface e0 device null
set interface e1 mtu 1400
set interface e10 disabled
set bgp peer a remote-as 1
)";

TEST(Groups, DoNothingUntilTheyAreApplied) {
  const Tree tree = tree_of(kGroups);
  EXPECT_EQ(*tree.set_lines({}), kGroups);
  EXPECT_EQ(in_force(tree),
            "set interface e0 device null\nset interface e1 mtu 1400\nset interface e10 disabled\nset bgp peer a "
            "remote-as 1\n");
  EXPECT_FALSE(tree.for_features().contains("groups"));
  EXPECT_TRUE(tree.validate().empty());
}

TEST(Groups, WhatIsSetWinsThenEarlierGroups) {
  Tree tree = tree_of(kGroups);
  ASSERT_TRUE(tree.edit(words("set apply-groups [ west jumbo ]")).ok());
  EXPECT_EQ(in_force(tree), R"(set interface e0 description "a jumbo one"
set interface e0 device null
set interface e0 mtu 9000
set interface e1 description "a jumbo one"
set interface e1 mtu 1400
set interface e10 description west
set interface e10 disabled
set interface e10 mtu 4000
set bgp asn 65000
set bgp peer a remote-as 1
set bgp peer a hold-time 30
set bgp peer reflector remote-as 65000
set bgp peer reflector hold-time 30
)");
  ASSERT_TRUE(tree.edit(words("insert apply-groups jumbo before west")).ok());
  EXPECT_NE(in_force(tree).find("set interface e10 description \"a jumbo one\"\n"), std::string::npos);
  EXPECT_NE(in_force(tree).find("set interface e10 mtu 9000\n"), std::string::npos);
  const Json seen = tree.for_features();
  EXPECT_EQ(seen["interface"][2]["mtu"], 9000);
  EXPECT_FALSE(seen.contains("apply-groups"));
  EXPECT_TRUE(tree.validate().empty());
}

TEST(Groups, InnerOnesWinOverOuterOnes) {
  Tree tree = tree_of(kGroups);
  ASSERT_TRUE(tree.edit(words("set apply-groups west")).ok());
  ASSERT_TRUE(tree.edit(words("set interface e10 apply-groups jumbo")).ok());
  EXPECT_EQ(*tree.effective().set_lines(words("interface e10")),
            "set interface e10 description \"a jumbo one\"\nset interface e10 disabled\nset interface e10 mtu 9000\n");
  EXPECT_EQ(*tree.effective().set_lines(words("interface e0")), "set interface e0 device null\n")
      << "applied to e10 alone";
  Tree deeper = tree_of(
      "set groups g interface <*> device tap t0\nset groups g interface <*> mtu 2000\n"
      "set interface e0 device apply-groups g\n");
  EXPECT_EQ(in_force(deeper), "set interface e0 device tap t0\n") << "only what lies below";
}

TEST(Groups, ChoicesAndActivity) {
  Tree tree = tree_of(R"(set groups g interface <*> device tap t0
set groups g interface <*> mtu 2000
set groups g interface <*> address 10.0.0.1/24
set groups h bgp asn 1
set apply-groups g
set apply-groups h
set interface e0 device null
set interface e1 device apply-groups g
set interface e1 mtu 3000
set interface e1 address 10.0.1.1/24
)");
  EXPECT_EQ(in_force(tree), R"(set interface e0 device null
set interface e0 mtu 2000
set interface e0 address 10.0.0.1/24
set interface e1 device tap t0
set interface e1 mtu 3000
set interface e1 address 10.0.0.1/24
set interface e1 address 10.0.1.1/24
set bgp asn 1
)") << "a value that is set excludes the group's other case; lists of values are joined";
  for (const char* line :
       {"deactivate interface e1 mtu", "deactivate groups g interface <*> address", "deactivate apply-groups h"}) {
    ASSERT_TRUE(tree.edit(words(line)).ok()) << line;
  }
  EXPECT_EQ(in_force(tree), R"(set interface e0 device null
set interface e0 mtu 2000
set interface e1 device tap t0
set interface e1 mtu 2000
set interface e1 address 10.0.1.1/24
)") << "what is inactive neither wins nor gives";
  ASSERT_TRUE(tree.edit(words("deactivate groups g")).ok());
  EXPECT_EQ(tree.validate().size(), 2U) << "apply-groups names a group that does not count";
}

TEST(Groups, InheritancePrintSaysWhence) {
  Tree tree = tree_of(kGroups);
  ASSERT_TRUE(tree.edit(words("set apply-groups west")).ok());
  EXPECT_EQ(
      *tree.curly_inherited(words("interface e10")),
      "## inherited from group \"west\"\ndescription west;\ndisabled;\n## inherited from group \"west\"\nmtu 4000;\n");
  EXPECT_EQ(*tree.curly_inherited(words("bgp")), R"(## inherited from group "west"
asn 65000;
peer a {
    remote-as 1;
    ## inherited from group "west"
    hold-time 30;
}
## inherited from group "west"
peer reflector {
    remote-as 65000;
    hold-time 30;
}
)");
  const Loaded back = load(Tree(schema()), *tree.curly_inherited({}), TextFormat::curly);
  EXPECT_TRUE(back.errors.empty());
  EXPECT_EQ(*back.tree.set_lines({}), in_force(tree));
}

TEST(Groups, RoundTripAndCompare) {
  Tree tree = tree_of(kGroups);
  for (const char* line : {"set apply-groups [ west jumbo ]", "set interface e0 apply-groups jumbo",
                           "deactivate groups west interface <e1*>", "annotate groups west \"the west\"",
                           "annotate apply-groups jumbo big", "deactivate apply-groups west"}) {
    ASSERT_TRUE(tree.edit(words(line)).ok()) << line;
  }
  for (const auto& [format, text] :
       {std::pair(TextFormat::set, *tree.set_lines({})), std::pair(TextFormat::curly, *tree.curly({})),
        std::pair(TextFormat::json, tree.to_json(Secrets::hidden).dump()), std::pair(TextFormat::xml, *tree.xml({}))}) {
    const Loaded back = load(Tree(schema()), text, format);
    EXPECT_TRUE(back.errors.empty()) << back.errors[0].text() << "\n" << text;
    EXPECT_TRUE(back.tree == tree) << text;
  }
  const Tree before = tree_of(kGroups);
  const Loaded patched = load(before, compare(before, tree), TextFormat::curly, LoadMode::patch);
  EXPECT_TRUE(patched.errors.empty()) << patched.errors[0].text();
  EXPECT_TRUE(patched.tree == tree) << compare(before, tree);
}

TEST(Groups, ErrorsNameTheGroup) {
  EXPECT_EQ(error_of("set groups g apply-groups h"),
            "groups g: groups cannot use groups; name both groups where they are to apply");
  EXPECT_NE(error_of("set groups g interface <*> apply-groups h").find("groups cannot use groups"), std::string::npos);
  EXPECT_NE(error_of("set groups g groups h bgp asn 1").find("unknown word \"groups\""), std::string::npos);
  EXPECT_NE(error_of("set groups g interface <*> mtu 1").find("68 to 9216"), std::string::npos);
  EXPECT_NE(error_of("set interface <*> mtu 1500").find("interface name"), std::string::npos);
  EXPECT_NE(error_of("set groups <*> bgp asn 1").find("name"), std::string::npos);
  EXPECT_EQ(error_of("set groups g"), "none");
  Tree tree =
      tree_of("set groups good bgp peer p neighbor 10.0.0.1\nset apply-groups good\nset bgp apply-groups god\n");
  const auto errors = tree.validate();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].text(), "bgp apply-groups god: no group is named \"god\"; did you mean \"good\"?");
  EXPECT_EQ(errors[1].text().find("bgp peer p: remote-as is missing (inherited from group \"good\")"), 0U)
      << errors[1].text();
}

TEST(Groups, RenameIsFollowed) {
  Tree tree = tree_of(kGroups);
  ASSERT_TRUE(tree.edit(words("set apply-groups [ west jumbo ]")).ok());
  ASSERT_TRUE(tree.edit(words("set bgp apply-groups west")).ok());
  const auto notes = tree.edit(words("rename groups west to east"));
  ASSERT_TRUE(notes.ok());
  EXPECT_EQ(*notes, (Notes{"apply-groups west now names east", "bgp apply-groups west now names east"}));
  EXPECT_TRUE(tree.validate().empty());
  EXPECT_EQ(tree.to_json(Secrets::hidden)["apply-groups"], Json::parse(R"(["east", "jumbo"])"));
  ASSERT_TRUE(tree.edit(words("copy groups east to north")).ok());
  EXPECT_EQ(*tree.curly(words("groups north")), *tree.curly(words("groups east")));
}

TEST(Groups, AreCompleted) {
  const Tree tree = tree_of(kGroups);
  const auto options = [&](std::string_view line) {
    std::string out;
    for (const Option& option : complete(tree, words(line), "", CompletionMode::set).options) {
      out += (out.empty() ? "" : " ") + option.word;
    }
    return out;
  };
  EXPECT_EQ(options("groups"), "jumbo west <group>");
  EXPECT_EQ(options("groups west"), "system dataplane interface route bgp ospf bird");
  EXPECT_EQ(options("groups west interface"), "<e1*> e10 <interface>");
  EXPECT_EQ(
      options("groups west interface <e1*>"),
      "description disabled device mtu mac address bond punt-limit parent vlan inner-vlan vlan-protocol priority");
  EXPECT_EQ(options("interface e0 device apply-groups"), "jumbo west");
}

}  // namespace
}  // namespace floof::config
