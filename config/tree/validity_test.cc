// SPDX-License-Identifier: GPL-3.0-or-later
//
// Judging what changed gives what judging everything gives, for configurations at random, with rules that look across.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::tree_of;

// Every kind of rule that reaches over the border of an entry.
constexpr const char* kRules = R"(module floof-rules {
  yang-version 1.1; namespace "urn:rules"; prefix r;
  import floof-root { prefix fr; }
  augment "/fr:configuration" {
    list free { key name; leaf name { type string; } leaf a { type uint8; } leaf b { type uint8; must "../a > ."; }
      container in { leaf x { type uint8; } list deep { key id; leaf id { type uint8; } leaf needs { type uint8; mandatory true; } } } }
    list sole { key name; unique mark; leaf name { type string; } leaf mark { type uint8; } }
    list far { key name; unique "in/mark"; leaf name { type string; } container in { leaf mark { type uint8; } } }
    list few { key name; max-elements 2; leaf name { type string; } }
    list counts { key name; leaf name { type string; } leaf n { type uint8; must "count(/fr:configuration/r:counted) <= ."; } }
    list counted { key name; leaf name { type string; } }
    container total { leaf most { type uint8; must "sum(/fr:configuration/r:summed/r:v) <= ."; } }
    list summed { key name; leaf name { type string; } leaf v { type uint8; } }
    list shown { key name; leaf name { type string; } leaf also { when "/fr:configuration/r:total/r:most"; type empty; }
      leaf to { type leafref { path "/fr:configuration/r:free/r:name"; } } }
    list area { key id; leaf id { type uint8; } list port { key name; leaf name { type string; } leaf cost { type uint8; } }
      leaf first { type leafref { path "../port/name"; } }
      list use { key port; leaf port { type leafref { path "../../port/name"; } } leaf how { type string; } } }
    list pick { key name; leaf name { type string; } leaf area { type leafref { path "/fr:configuration/r:area/r:id"; } }
      leaf port { type leafref { path "/fr:configuration/r:area[r:id=current()/../r:area]/r:port/r:name"; } } }
    container box { presence "it may be absent"; list slot { key n; leaf n { type uint8; } leaf next { type leafref { path "../../slot/n"; } } }
      choice kind { mandatory true; case a { list left { key n; leaf n { type uint8; } } } case b { leaf right { type empty; } } } }
  }
})";

std::shared_ptr<const Schema> with_rules() {
  std::vector<Module> modules(embedded_modules().begin(), embedded_modules().end());
  modules.push_back({"rules", kRules});
  auto schema = Schema::load(modules);
  EXPECT_TRUE(schema.ok()) << (schema ? "" : schema.error().text());
  return *schema;
}

Node node_at(const Schema& schema, std::string_view path) {
  Node at = nullptr;
  for (const std::string& name : test::words(path)) {
    at = schema.child(at, name);
    EXPECT_NE(at, nullptr) << name;
  }
  return at;
}

TEST(Validity, KnowsFromTheSchemaWhatStandsAlone) {
  const auto schema = with_rules();
  for (const char* path : {"interface", "interface device", "bgp", "bgp peer", "ospf", "route", "free", "free in",
                           "free in deep", "box", "box slot"}) {
    EXPECT_TRUE(schema->stands_alone(node_at(*schema, path))) << path;
  }
  for (const char* path : {"sole", "far", "far in", "few", "counts", "counted", "total", "summed", "shown", "pick",
                           "area", "area port", "area use", "box left", "interface mtu"}) {
    EXPECT_FALSE(schema->stands_alone(node_at(*schema, path))) << path;
  }
  for (const char* path : {"interface parent", "bgp peer policy", "box slot next", "shown to", "pick area"}) {
    EXPECT_TRUE(schema->checked_by_value(node_at(*schema, path))) << path;
  }
  for (const char* path : {"area first", "area use port", "pick port"}) {
    EXPECT_FALSE(schema->checked_by_value(node_at(*schema, path))) << path;
  }
}

std::vector<std::string> texts_of(const std::vector<Error>& errors) {
  std::vector<std::string> out;
  for (const Error& error : errors) {
    out.push_back(error.text());
  }
  return out;
}

/// `%` is a digit from 0 to 3; a word behind `=` is for `set` only.
const std::vector<std::string> kPaths{"free f%",
                                      "free f% a =%",
                                      "free f% b =%",
                                      "free f% in deep %",
                                      "free f% in deep % needs =%",
                                      "sole s% mark =%",
                                      "far s% in mark =%",
                                      "few w%",
                                      "counts c% n =%",
                                      "counted d%",
                                      "total most =%",
                                      "summed s% v =%",
                                      "shown h% also",
                                      "shown h% to =f%",
                                      "area % port p%",
                                      "area % first =p%",
                                      "area % use p%",
                                      "pick k% area =%",
                                      "pick k% port =p%",
                                      "box slot %",
                                      "box slot % next =%",
                                      "box left %",
                                      "box right",
                                      "interface e% parent =e%",
                                      "interface e% device null",
                                      "interface e% device netns =x",
                                      "interface e% device tap =t%",
                                      "ospf area % interface e%",
                                      "bgp peer p% policy =q%",
                                      "bgp policy q% import accept =all",
                                      "bgp peer p% remote-as =6450%"};
const std::vector<std::string> kOthers{"delete interface e0",
                                       "delete interface e1",
                                       "rename interface e0 to e3",
                                       "rename free f0 to f3",
                                       "copy area 0 to 3",
                                       "set groups g free <*> a 3",
                                       "set groups g interface <e*> parent e1",
                                       "set apply-groups g",
                                       "delete apply-groups",
                                       "set box apply-groups g",
                                       "delete ospf",
                                       "delete area 0",
                                       "delete free",
                                       "delete box",
                                       "delete bgp policy q1"};

std::string edit_at_random(std::mt19937& dice) {
  if (dice() % 5 == 0) {
    return kOthers[dice() % kOthers.size()];
  }
  const std::vector<std::string> verbs{"set", "set", "set", "delete", "deactivate", "activate"};
  const std::string verb = verbs[dice() % verbs.size()], path = kPaths[dice() % kPaths.size()];
  std::string out = verb + ' ';
  for (const char c : path) {
    if (c == '=' && verb != "set") {
      return out.substr(0, out.size() - 1);
    }
    out += c == '=' ? "" : c == '%' ? std::to_string(dice() % 4) : std::string(1, c);
  }
  return out;
}

TEST(Validity, SaysWhatJudgingAllSays) {
  const auto schema = with_rules();
  size_t good = 0, bad = 0;
  for (unsigned seed = 0; seed < 60; seed++) {
    std::mt19937 dice(seed);
    Tree tree(schema);
    Validity validity;
    std::vector<Tree> kept{tree};
    for (int round = 0; round < 60; round++) {
      for (size_t edits = 1 + dice() % 3; edits > 0; edits--) {
        (void)tree.edit(*split_words(edit_at_random(dice)));  // many do not fit: then nothing changes
      }
      if (dice() % 8 == 0) {
        tree = kept[dice() % kept.size()];
      }
      const auto all = tree.validate();
      ASSERT_EQ(texts_of(validity.of(tree)), texts_of(all)) << "seed " << seed << "\n" << *tree.set_lines({});
      (all.empty() ? good : bad)++;
      if (all.empty()) {
        kept.push_back(tree);
      } else if (dice() % 2 == 0) {
        tree = kept.back();
      }
    }
  }
  EXPECT_GT(good, 500U);
  EXPECT_GT(bad, 500U);
}

TEST(Validity, OneMistakeAmongManyIsFound) {
  std::string lines = "set interface e0 device null\n";
  for (int i = 1; i < 300; i++) {
    lines += "set interface e0." + std::to_string(i) + " vlan " + std::to_string(i) + "\n";
    lines += "set interface e0." + std::to_string(i) + " parent e0\n";
  }
  Tree tree = tree_of(lines);
  Validity validity;
  EXPECT_TRUE(validity.of(tree).empty());
  Tree other = tree;
  ASSERT_TRUE(other.edit(test::words("set interface e0.7 device netns x")));
  EXPECT_EQ(validity.of(other).size(), 1U);
  other = tree;
  ASSERT_TRUE(other.edit(test::words("delete interface e0")));
  EXPECT_EQ(texts_of(validity.of(other)), texts_of(other.validate())) << "all the others refer to it";
  EXPECT_FALSE(validity.of(other).empty());
  ASSERT_TRUE(other.edit(test::words("set interface e0 device null")));
  EXPECT_TRUE(validity.of(other).empty());
}

}  // namespace
}  // namespace floof::config
