// SPDX-License-Identifier: GPL-3.0-or-later
//
// Load modes, and texts that nobody should load.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::kRich;
using test::schema;
using test::tree_of;
using test::words;

std::string lines_of(const Tree& tree) { return *tree.set_lines({}); }

/// The first error of loading a text into `base`, which must not change.
std::string refusal(std::string_view text, TextFormat format, LoadMode mode = LoadMode::merge,
                    const Tree& base = Tree(schema())) {
  const Tree before(base);
  const Loaded loaded = load(base, text, format, mode);
  EXPECT_TRUE(base == before);
  return loaded.errors.empty() ? "none" : loaded.errors[0].text();
}

constexpr std::string_view kSmall =
    "set system hostname a\nset interface e0 mtu 1400\nset interface e1 mtu 1400\n"
    "set interface e1 device tap t\n";

TEST(LoadMode, MergeAndOverride) {
  const Tree tree = tree_of(kSmall);
  for (const auto& [format, text] : {std::pair(TextFormat::set, "set interface e0 mtu 1300\n"),
                                     std::pair(TextFormat::curly, "interface e0 { mtu 1300; }"),
                                     std::pair(TextFormat::json, R"({"interface": [{"name": "e0", "mtu": 1300}]})"),
                                     std::pair(TextFormat::xml,
                                               "<configuration><interface><name>e0</name><mtu>1300</mtu>"
                                               "</interface></configuration>")}) {
    const Loaded merged = load(tree, text, format);
    EXPECT_TRUE(merged.errors.empty()) << merged.errors[0].text();
    EXPECT_EQ(lines_of(merged.tree),
              "set system hostname a\nset interface e0 mtu 1300\nset interface e1 device tap t\n"
              "set interface e1 mtu 1400\n");
    EXPECT_EQ(lines_of(load(tree, text, format, LoadMode::override).tree), "set interface e0 mtu 1300\n");
  }
}

TEST(LoadMode, SetTextKnowsSentences) {
  const Loaded loaded =
      load(Tree(schema()), "set interface e0 device null mtu 1300 address 192.0.2.1/24\n", TextFormat::set);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors[0].text();
  EXPECT_EQ(lines_of(loaded.tree),
            "set interface e0 device null\nset interface e0 mtu 1300\nset interface e0 address 192.0.2.1/24\n");
  EXPECT_NE(refusal("set interface e0 device null colour red\n", TextFormat::set).find("\"colour\""),
            std::string::npos);
}

TEST(LoadMode, ReplaceTakesWhatIsTagged) {
  const Tree tree = tree_of(kSmall);
  const auto curly = "system { hostname b; } replace: interface e1 { mtu 1300; } interface e0 { disabled; }";
  const auto json = R"({"system": {"hostname": "b"}, "interface": [{"name": "e1", "@": {"operation": "replace"},
                        "mtu": 1300}, {"name": "e0", "disabled": true}]})";
  const auto xml =
      "<configuration><system><hostname>b</hostname></system><interface operation=\"replace\"><name>e1</name>"
      "<mtu>1300</mtu></interface><interface><name>e0</name><disabled/></interface></configuration>";
  for (const auto& [format, text] :
       {std::pair(TextFormat::curly, curly), std::pair(TextFormat::json, json), std::pair(TextFormat::xml, xml)}) {
    const Loaded replaced = load(tree, text, format, LoadMode::replace);
    EXPECT_TRUE(replaced.errors.empty()) << replaced.errors[0].text();
    EXPECT_EQ(lines_of(replaced.tree),
              "set system hostname b\nset interface e0 disabled\nset interface e0 mtu 1400\n"
              "set interface e1 mtu 1300\n");
    EXPECT_NE(lines_of(load(tree, text, format).tree).find("e1 device tap t"), std::string::npos)
        << "merge ignores the tag";
  }
  const Loaded whole = load(tree, "replace: interface e0 { device { null; } } replace: interface e9 { mtu 1300; }",
                            TextFormat::curly, LoadMode::replace);
  EXPECT_EQ(lines_of(whole.tree),
            "set system hostname a\nset interface e0 device null\nset interface e1 device tap t\n"
            "set interface e1 mtu 1400\nset interface e9 mtu 1300\n");
}

TEST(LoadMode, DeleteTag) {
  const Loaded loaded =
      load(tree_of(kSmall), "delete: interface e0; interface e1 { delete: mtu; delete: mac; }", TextFormat::curly);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors[0].text();
  EXPECT_EQ(lines_of(loaded.tree), "set system hostname a\nset interface e1 device tap t\n");
  EXPECT_EQ(loaded.notes, (Notes{"interface e1 mac: there was nothing to delete"}));
}

TEST(LoadMode, SetTextKnowsEveryVerb) {
  const Loaded loaded = load(tree_of(kSmall), R"(# a script
delete interface e0
set interface e2 address [ 10.0.0.1/24 10.0.1.1/24 ]
copy interface e1 to e3
rename interface e1 to e4
annotate interface e4 "the fourth"
deactivate interface e3
set bird raw a
set bird raw b
insert bird raw b before a
)",
                             TextFormat::set);
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors[0].text();
  EXPECT_EQ(lines_of(loaded.tree), R"(set system hostname a
set interface e2 address 10.0.0.1/24
set interface e2 address 10.0.1.1/24
set interface e3 device tap t
set interface e3 mtu 1400
set interface e4 device tap t
set interface e4 mtu 1400
set bird raw b
set bird raw a
annotate interface e4 "the fourth"
deactivate interface e3
)");
  EXPECT_EQ(refusal("set system hostname a\ncopy interface e0 to e1\n", TextFormat::set),
            "line 2: interface e0: nothing like this is configured");
}

TEST(Curly, CommentsInOddPlaces) {
  const Loaded loaded = load(Tree(schema()), R"(/* the
   head */ # not this
/* and more */
interface /* odd */ e0 { # odd
    mtu /* odd */ 1400 /* odd */ ; /* of the device */ device { tap t; /* odd */ } /* odd */
}
inactive: system { hostname "a /* b"; } /* end */ # end)",
                             TextFormat::curly);
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_EQ(loaded.errors[0].path, "line 7: system hostname");
  EXPECT_EQ(*loaded.tree.curly({}),
            "/* the head and more */\ninterface e0 {\n    /* of the device */\n    device {\n"
            "        tap t;\n    }\n    mtu 1400;\n}\n");
}

std::string random_edit(std::mt19937& random) {
  const auto pick = [&](std::initializer_list<const char*> from) { return *(from.begin() + random() % from.size()); };
  const std::string entry = pick({"interface e0", "interface e1", "interface e2", "bgp peer a", "bgp peer b"});
  switch (random() % 9) {
    case 0:
      return std::string("set ") + pick({"interface e0 ", "interface e1 ", "interface e2 "}) +
             pick({"mtu 1400", "mtu 1500", "disabled", "device tap a", "device host b", "device null",
                   "address 10.0.0.1/24", "address 10.0.1.1/24", "description \"x y\""});
    case 1:
      return std::string("set ") + pick({"bgp peer a ", "bgp peer b "}) +
             pick({"remote-as 1", "remote-as 2", "password p", "password q", "policy t", "passive"});
    case 2:
      return std::string("set bird raw ") + pick({"a", "b", "c", "\"d;{\""});
    case 3:
      return std::string("insert bird raw ") + pick({"a", "b", "c"}) + pick({" before ", " after "}) +
             pick({"a", "b", "c"});
    case 4:
      return "delete " + entry + pick({"", " mtu", " device", " address", " remote-as"});
    case 5:
      return std::string(pick({"deactivate ", "activate "})) + entry + pick({"", " mtu", " device", " remote-as"});
    case 6:
      return "annotate " + entry + pick({"", " mtu", " device", " password"}) + pick({" \"\"", " x", " \"y z\""});
    case 7:
      return std::string("set groups g interface <*> ") + pick({"mtu 1400", "mtu 1500", "device tap q"});
    default:
      return std::string(pick({"set ", "delete ", "deactivate "})) + pick({"", "interface e0 ", "bgp "}) +
             "apply-groups g";
  }
}

TEST(Patch, IsWhatCompareSays) {
  std::mt19937 random(11);
  Tree tree(schema());
  for (int round = 0; round < 300; round++) {
    const Tree before(tree);
    for (unsigned i = 0; i < 1 + random() % 6; i++) {
      (void)tree.edit(words(random_edit(random)));
    }
    const std::string text = compare(before, tree, Secrets::clear);
    const Loaded patched = load(before, text, TextFormat::curly, LoadMode::patch);
    ASSERT_TRUE(patched.errors.empty()) << patched.errors[0].text() << "\n" << text << "\n" << *before.curly({});
    ASSERT_TRUE(patched.tree == tree) << text << "\n" << compare(patched.tree, tree);
    ASSERT_EQ(text.empty(), before == tree);
    const auto changes = Tree::changed_paths(before, tree);
    ASSERT_EQ(text.empty(), changes.added.empty() && changes.removed.empty() && changes.changed.empty());
    // Secrets that a patch hides stay, unless they are what it changes.
    const Loaded hidden = load(tree, *tree.curly({}), TextFormat::curly, LoadMode::override);
    ASSERT_TRUE(hidden.errors.empty() && hidden.tree == tree) << *tree.curly({});
  }
}

TEST(Patch, RefusesWhatDoesNotFit) {
  const Tree tree = tree_of(kSmall);
  const auto patch = [&](std::string_view text) { return refusal(text, TextFormat::curly, LoadMode::patch, tree); };
  EXPECT_EQ(patch("[edit interface e0]\n-   mtu 1300;\n+   mtu 1200;\n"),
            "line 2: interface e0 mtu 1300: nothing like this is configured; did you mean \"1400\"?");
  EXPECT_EQ(patch("[edit]\n-   interface e1 {\n-       mtu 1400;\n-   }\n"),
            "line 2: interface e1: has more than the patch removes; bring the patch up to date");
  EXPECT_EQ(patch("[edit]\n-   interface e7 {\n-       mtu 1400;\n-   }\n").substr(0, 29),
            "line 3: interface e7 mtu 1400");
  EXPECT_EQ(patch("+   mtu 1300;\n").substr(0, 38), "line 1: a patch starts with [edit]; lo");
  EXPECT_EQ(patch("[edit interface e0]\nmtu 1300;\n").substr(0, 46), "line 2: a line of a patch starts with +, - or ");
  EXPECT_EQ(patch("[edit interface e0\n+ mtu 1300;\n"), "line 1: a heading is [edit PATH]");
  EXPECT_EQ(patch("[edit interface e0]\n\n+   mtu 1300\n+   }\n"), "line 4, column 5: a ; is missing before }");
  EXPECT_EQ(patch("[edit interface e0]\n!   inactive: mac 02:00:00:00:00:01;\n"),
            "line 2: interface e0 mac: is not there with this value");
  EXPECT_NE(refusal("[edit]\n", TextFormat::set, LoadMode::patch).find("curly"), std::string::npos);
}

/// What NETCONF's operations leave of kSmall, or the first error.
std::string edited(std::string_view inside, LoadMode mode = LoadMode::netconf, std::string_view root = "") {
  const Loaded done =
      load(tree_of(kSmall), fmt::format("<configuration{}>{}</configuration>", root, inside), TextFormat::xml, mode);
  return done.errors.empty() ? lines_of(done.tree) : done.errors[0].text();
}

TEST(LoadMode, NetconfOperations) {
  using enum LoadMode;
  const std::string small = lines_of(tree_of(kSmall));
  const auto e1 = [](std::string_view operation, std::string_view inside) {
    return fmt::format("<interface operation=\"{}\"><name>e1</name>{}</interface>", operation, inside);
  };
  EXPECT_EQ(edited(e1("create", "")), "line 1: interface e1: is there already");
  EXPECT_EQ(edited("<interface operation=\"delete\"><name>e9</name></interface>"),
            "line 1: interface e9: is not there");
  EXPECT_EQ(edited("<interface operation=\"remove\"><name>e9</name></interface>"), small);
  EXPECT_EQ(edited(e1("delete", "")), "set system hostname a\nset interface e0 mtu 1400\n");
  EXPECT_EQ(edited(e1("replace", "<mtu>1300</mtu>")),
            "set system hostname a\nset interface e0 mtu 1400\nset interface e1 mtu 1300\n");
  EXPECT_EQ(edited(e1("merge", "<mtu operation=\"delete\"/>")),
            "set system hostname a\nset interface e0 mtu 1400\nset interface e1 device tap t\n");
  EXPECT_EQ(edited(e1("merge", "<mtu operation=\"create\">1300</mtu>")), "line 1: interface e1 mtu: is there already");
  EXPECT_EQ(edited(e1("none", "")), "line 1: interface e1: \"none\" is no operation");
  EXPECT_EQ(edited("<interface><name>e1</name><mtu>1300</mtu></interface>", netconf_none), small) << "only a place";
  EXPECT_EQ(edited("<interface><name>e9</name></interface>", netconf_none), "line 1: interface e9: is not there");
  EXPECT_EQ(edited("<system><hostname operation=\"replace\">b</hostname></system>", netconf_none),
            "set system hostname b\nset interface e0 mtu 1400\nset interface e1 device tap t\n"
            "set interface e1 mtu 1400\n");
  EXPECT_EQ(edited("<system><hostname>b</hostname></system>", netconf, " operation=\"replace\""),
            "set system hostname b\n");
  EXPECT_EQ(edited("", netconf, " operation=\"delete\""), "");
  EXPECT_FALSE(load(tree_of(kSmall), "set system hostname b", TextFormat::set, netconf).errors.empty());
}

TEST(BadInput, NamesLineAndColumn) {
  using enum TextFormat;
  EXPECT_EQ(refusal("set system hostname a\nset system hostname \xff\n", set),
            "line 2, column 21: byte 0xff is not UTF-8; write the text in UTF-8");
  EXPECT_EQ(refusal("interface e0 {\n  mtu \x01 1;\n}", curly), "line 2, column 7: control character 0x01; remove it");
  EXPECT_EQ(refusal(std::string_view("\x7f"
                                     "ELF\0\0",
                                     6),
                    json),
            "line 1, column 1: control character 0x7f; remove it");
  EXPECT_EQ(refusal("set system hostname \"a\n", set).substr(0, 42), "line 1, column 21: a quoted word does not ");
  EXPECT_EQ(refusal("interface e0 {\n  description \"a;\n}\n", curly).substr(0, 40),
            "line 2, column 15: a quoted word does no");
  EXPECT_EQ(refusal("interface e0 { /* x", curly).substr(0, 39), "line 1, column 16: a comment does not e");
  EXPECT_EQ(refusal("<configuration>\n <system>\n</configuration>", xml),
            "line 3, column 17: not XML: </system> is missing");
  EXPECT_EQ(refusal("<!DOCTYPE a [<!ENTITY b \"c\">]><configuration/>", xml),
            "line 1, column 1: not XML: document types are not read");
  EXPECT_EQ(refusal("<configuration>&b;</configuration>", xml),
            "line 1, column 16: not XML: an entity that is not known");
  EXPECT_EQ(refusal("<config/>", xml), "line 1: the outermost element is <config>; it is to be <configuration>");
  EXPECT_EQ(refusal("<configuration xmlns:a=\"urn:x\"><a:system/></configuration>", xml),
            "line 1: system is not in the namespace urn:x; write xmlns=\"urn:floof:system\"");
  EXPECT_EQ(refusal("<configuration><bgp>\n<asn>x</asn></bgp></configuration>", xml).substr(0, 16), "line 2: bgp asn:");
  EXPECT_EQ(refusal("<configuration><interface><mtu>1</mtu></interface></configuration>", xml),
            "line 1: interface: an entry without its name");
}

TEST(BadInput, HugeAndDeepTextsAreRefusedQuickly) {
  using enum TextFormat;
  const auto started = std::chrono::steady_clock::now();
  const std::string huge(10 << 20, 'a'), levels_curly = [] {
    std::string text;
    for (int i = 0; i < 10000; i++) {
      text += "a {\n";
    }
    return text;
  }();
  EXPECT_NE(refusal("set system hostname " + huge, set).find("line 1, column 1048577: the line does not end"),
            std::string::npos);
  EXPECT_NE(refusal("system { hostname " + huge + "; }", curly).find("the line does not end"), std::string::npos);
  EXPECT_EQ(refusal("{\"" + huge + "\": 1}", json).substr(0, 20), "line 1: unknown word");
  EXPECT_EQ(refusal(levels_curly, curly), "line 64, column 3: nested too deeply");
  EXPECT_NE(refusal(std::string(10000, '['), json).find("nested too deeply"), std::string::npos);
  std::string elements;
  for (int i = 0; i < 10000; i++) {
    elements += "<a>";
  }
  EXPECT_NE(refusal(elements, xml).find("nested too deeply"), std::string::npos);
  EXPECT_NE(refusal(huge, xml).find("an element <configuration> belongs here"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20)) << "also under sanitizers";
}

TEST(BadInput, TenThousandLinesLoad) {
  std::string text;
  for (int i = 0; i < 1250; i++) {
    for (const char* line : {"mtu 1400", "device tap t", "description x", "disabled", "mac 02:00:00:00:00:01",
                             "address 10.0.0.1/24", "address 10.0.1.1/24", "address 2001:db8::1/64"}) {
      text += fmt::format("set interface e{} {}\n", (i * 7919) % 1250, line);
    }
  }
  const auto started = std::chrono::steady_clock::now();
  const Loaded loaded = load(Tree(schema()), text, TextFormat::set);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10)) << "also under sanitizers";
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.tree.to_json(Secrets::clear)["interface"].size(), 1250U);
}

}  // namespace
}  // namespace floof::config
