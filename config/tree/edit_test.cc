// SPDX-License-Identifier: GPL-3.0-or-later
//
// The verbs beside set and delete, and what they leave in every print.
#include <gtest/gtest.h>
#include <libyang/libyang.h>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::kRich;
using test::schema;
using test::tree_of;
using test::words;

constexpr Module kTestModule = {"test", R"(module floof-test {
  yang-version 1.1; namespace "urn:floof:test"; prefix t;
  import floof-root { prefix fr; }
  augment "/fr:configuration" {
    container filter {
      list term {
        key "name"; ordered-by user;
        leaf name { type string { length "1..20"; } }
        leaf-list match { type string; ordered-by user; }
      }
      list pair {
        key "left right";
        leaf left { type string; }
        leaf right { type string; }
        leaf use { type leafref { path "/fr:configuration/t:filter/t:term/t:name"; } }
      }
      list used { key "term"; leaf term { type leafref { path "/fr:configuration/t:filter/t:term/t:name"; } }
                  leaf weight { type uint8; } }
    }
  }
})"};

/// The router's modules, and one with lists that the user orders and lists with two keys.
std::shared_ptr<const Schema> test_schema() {
  static const auto loaded = [] {
    const auto all = embedded_modules();
    std::vector<Module> modules(all.begin(), all.end());
    modules.push_back(kTestModule);
    return Schema::load(modules);
  }();
  EXPECT_TRUE(loaded.ok()) << loaded.error().text();
  return *loaded;
}

/// Does it, and gives notes, one a line, or the error.
std::string edit(Tree& tree, std::string_view line) {
  const auto done = tree.edit(words(line));
  if (!done) {
    return done.error().text();
  }
  std::string out;
  for (const std::string& note : *done) {
    out += note + "\n";
  }
  return out;
}

std::string set_lines_of(const Tree& tree) { return *tree.set_lines({}); }

/// Every print loads back to the same tree and prints the same.
void expect_round_trips(const Tree& tree) {
  const auto print = [](const Tree& t, TextFormat format) {
    switch (format) {
      case TextFormat::set:
        return *t.set_lines({}, Secrets::clear);
      case TextFormat::curly:
        return *t.curly({}, Secrets::clear);
      case TextFormat::json:
        return t.to_json(Secrets::clear).dump(2);
      default:
        return *t.xml({}, Secrets::clear);
    }
  };
  for (const TextFormat format : {TextFormat::set, TextFormat::curly, TextFormat::json, TextFormat::xml}) {
    const std::string text = print(tree, format);
    const Loaded back = load(Tree(tree.shared_schema()), text, format);
    EXPECT_TRUE(back.errors.empty()) << back.errors[0].text() << "\n" << text;
    EXPECT_TRUE(back.tree == tree) << text;
    EXPECT_EQ(print(back.tree, format), text);
    EXPECT_EQ(compare(tree, back.tree), "");
  }
}

TEST(Annotate, StandsBeforeTheNodeInEveryPrint) {
  Tree tree = tree_of(
      "set interface e0 mtu 1400\nset interface e0 address 10.0.0.1/24\nset interface e0 address 10.0.1.1/24\n");
  EXPECT_EQ(edit(tree, "annotate interface e0 \"the  first\n one \""), "");
  EXPECT_EQ(edit(tree, "annotate interface e0 mtu \"say \\\"why\\\" <&>\""), "");
  EXPECT_EQ(edit(tree, "annotate interface e0 address 10.0.1.1/24 two"), "");
  EXPECT_EQ(*tree.curly({}), R"(/* the first one */
interface e0 {
    /* say "why" <&> */
    mtu 1400;
    address 10.0.0.1/24;
    /* two */
    address 10.0.1.1/24;
}
)");
  EXPECT_EQ(set_lines_of(tree), R"(set interface e0 mtu 1400
set interface e0 address 10.0.0.1/24
set interface e0 address 10.0.1.1/24
annotate interface e0 "the first one"
annotate interface e0 mtu "say \"why\" <&>"
annotate interface e0 address 10.0.1.1/24 "two"
)");
  EXPECT_EQ(tree.to_json(Secrets::hidden)["interface"][0], Json::parse(R"({
    "@": {"comment": "the first one"}, "name": "e0", "mtu": 1400, "@mtu": {"comment": "say \"why\" <&>"},
    "address": ["10.0.0.1/24", "10.0.1.1/24"], "@address": [null, {"comment": "two"}]})"));
  expect_round_trips(tree);
  EXPECT_FALSE(tree.for_features().dump().find("comment") != std::string::npos) << "features see no comments";
  EXPECT_EQ(edit(tree, "annotate interface e0 \"\""), "");
  EXPECT_EQ(edit(tree, "annotate interface e0 mtu \" \""), "");
  EXPECT_EQ(edit(tree, "annotate interface e0 address \"\""), "") << "all values at once";
  EXPECT_EQ(set_lines_of(tree).find("annotate"), std::string::npos);
}

TEST(Annotate, Refuses) {
  Tree tree = tree_of("set interface e0 mtu 1400\n");
  const Tree before(tree);
  EXPECT_NE(edit(tree, "annotate interface e1 x").find("nothing like this is configured"), std::string::npos);
  EXPECT_NE(edit(tree, "annotate interface e0 \"a */ b\"").find("*/"), std::string::npos);
  EXPECT_NE(edit(tree, "annotate interface").find("needs a path and a text"), std::string::npos);
  EXPECT_FALSE(tree.annotate(Words{"interface", "e0", "a\x01"}).ok());
  EXPECT_FALSE(tree.annotate(Words{"interface", "e0", "a\xff"}).ok());
  EXPECT_TRUE(tree == before);
}

TEST(Deactivate, CountsAsAbsentAndIsKept) {
  Tree tree = tree_of(kRich);
  EXPECT_EQ(edit(tree, "deactivate interface e10"), "");
  EXPECT_EQ(edit(tree, "deactivate bgp graceful-restart"), "");
  EXPECT_EQ(edit(tree, "deactivate bird raw \"# two\""), "");
  EXPECT_EQ(edit(tree, "deactivate ospf"), "");
  EXPECT_NE(tree.curly({})->find("inactive: interface e10 {\n"), std::string::npos);
  EXPECT_NE(tree.curly({})->find("    inactive: graceful-restart false;\n"), std::string::npos);
  EXPECT_NE(set_lines_of(tree).find("deactivate ospf\n"), std::string::npos);
  expect_round_trips(tree);
  const Json seen = tree.for_features();
  EXPECT_EQ(seen["interface"].size(), 3U);
  EXPECT_EQ(seen["bgp"]["graceful-restart"], true) << "the default again";
  EXPECT_EQ(seen["bird"]["raw"].size(), 1U);
  EXPECT_FALSE(seen.contains("ospf"));
  EXPECT_EQ(tree.to_json(Secrets::clear)["ospf"]["@"], Json::parse(R"({"inactive": true})"));
  EXPECT_EQ(edit(tree, "deactivate ospf"), "ospf is inactive already\n");
  for (const char* path : {"interface e10", "bgp graceful-restart", "bird raw", "ospf"}) {
    EXPECT_EQ(edit(tree, std::string("activate ") + path), "");
  }
  EXPECT_EQ(set_lines_of(tree), kRich);
}

TEST(Deactivate, ReferencesToItAreErrors) {
  Tree tree = tree_of(kRich);
  EXPECT_EQ(edit(tree, "deactivate bgp policy transit"), "");
  const auto errors = tree.validate();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].path, "bgp peer upstream-a policy transit");
  EXPECT_EQ(edit(tree, "deactivate bgp peer upstream-a"), "");
  EXPECT_TRUE(tree.validate().empty()) << "nobody in force refers to it";
}

TEST(Copy, MakesAnotherEntry) {
  Tree tree = tree_of(kRich);
  EXPECT_EQ(edit(tree, "annotate interface e0 x"), "");
  EXPECT_EQ(edit(tree, "copy interface e0 to e1"), "");
  EXPECT_EQ(edit(tree, "copy interface e1 to interface to"), "");
  EXPECT_EQ(edit(tree, "copy interface to to t2"), "");
  EXPECT_EQ(*tree.curly(words("interface t2")), *tree.curly(words("interface e0")));
  ASSERT_TRUE(tree.set(words("interface e1 mtu 1300")).ok());
  EXPECT_EQ(tree.curly(words("interface e0 mtu"))->size(), 0U) << "copies are independent";
  EXPECT_NE(edit(tree, "copy interface e0 to e2").find("e2 exists already"), std::string::npos);
  EXPECT_NE(edit(tree, "copy interface e7 to e8").find("nothing like this"), std::string::npos);
  EXPECT_NE(edit(tree, "copy interface e0 mtu to 4").find("only an entry of a list"), std::string::npos);
  EXPECT_NE(edit(tree, "copy bgp to rip").find("only an entry of a list"), std::string::npos);
  EXPECT_NE(edit(tree, "copy interface e0").find("to is missing"), std::string::npos);
  EXPECT_NE(edit(tree, "copy interface e0 to this-name-is-too-long").find("at most 15"), std::string::npos);
  Tree pairs = tree_of("set filter pair a b\n", test_schema());
  EXPECT_EQ(edit(pairs, "copy filter pair a b to c d"), "");
  EXPECT_EQ(set_lines_of(pairs), "set filter pair a b\nset filter pair c d\n");
  EXPECT_NE(edit(pairs, "copy filter pair a b to c").find("a right is missing"), std::string::npos);
}

TEST(Rename, ReferencesFollow) {
  Tree tree = tree_of(kRich);
  ASSERT_TRUE(tree.set(words("bgp peer upstream-a interface e0")).ok());
  EXPECT_EQ(edit(tree, "rename interface e0 to e9"),
            "bgp peer upstream-a interface e0 now names e9\nospf area 0 interface e0 now names e9\n");
  EXPECT_EQ(edit(tree, "set route 2001:db8:9::/48 via [ fe80::1%e9 fe80::1%e90 ]"), "");
  EXPECT_EQ(edit(tree, "rename interface e9 to up1"),
            "route 2001:db8:9::/48 via fe80::1%e9 now names up1\n"
            "bgp peer upstream-a interface e9 now names up1\nospf area 0 interface e9 now names up1\n");
  EXPECT_EQ(*tree.set_lines(words("route 2001:db8:9::/48")),
            "set route 2001:db8:9::/48 via fe80::1%e90\nset route 2001:db8:9::/48 via fe80::1%up1\n");
  EXPECT_EQ(edit(tree, "rename interface up1 to e9"),
            "route 2001:db8:9::/48 via fe80::1%up1 now names e9\n"
            "bgp peer upstream-a interface up1 now names e9\nospf area 0 interface up1 now names e9\n");
  EXPECT_EQ(edit(tree, "rename bgp policy transit to carrier"),
            "bgp peer upstream-a policy transit now names carrier\n");
  EXPECT_TRUE(tree.validate().empty());
  EXPECT_EQ(*tree.set_lines(words("ospf area 0")), "set ospf area 0 interface e9 cost 5\n");
  EXPECT_EQ(*tree.set_lines(words("bgp peer upstream-a interface")), "set bgp peer upstream-a interface e9\n");
  EXPECT_EQ(edit(tree, "rename route 0.0.0.0/0 to 10.0.0.0/8"), "");
  EXPECT_NE(edit(tree, "rename interface e2 to e9").find("exists already"), std::string::npos);
}

TEST(Rename, SubinterfacesFollowTheirPort) {
  Tree tree = tree_of(
      "set interface e0 device null\nset interface e0.100 vlan 100\nset interface e0.100.7 vlan 100\n"
      "set interface e0.100.7 inner-vlan 7\nset interface e0.9 parent e1\nset interface e0.9 vlan 9\n"
      "set interface e01 device null\nset interface e1 device null\nset ospf area 0 interface e0.100\n");
  EXPECT_EQ(edit(tree, "rename interface e0 to e7"),
            "interface e0.100 is now e7.100\nospf area 0 interface e0.100 now names e7.100\n"
            "interface e0.100.7 is now e7.100.7\n");
  EXPECT_EQ(set_lines_of(tree),
            "set interface e0.9 parent e1\nset interface e0.9 vlan 9\nset interface e01 device null\n"
            "set interface e1 device null\nset interface e7 device null\nset interface e7.100 vlan 100\n"
            "set interface e7.100.7 vlan 100\nset interface e7.100.7 inner-vlan 7\nset ospf area 0 interface e7.100\n");
  EXPECT_NE(edit(tree, "rename interface e7 to a2345678901").find("interface e7.100.7 keeps its name: "),
            std::string::npos)
      << "16 characters";
  EXPECT_TRUE(tree.validate().empty());
}

TEST(Rename, KeysThatAreReferencesFollowTooOrSaySo) {
  Tree tree = tree_of(
      "set filter term a\nset filter term b\nset filter used a weight 1\nset filter used c\n"
      "set filter pair l r use a\n",
      test_schema());
  EXPECT_EQ(edit(tree, "rename filter term a to c"),
            "filter used a still names a, because there is one for c already\nfilter pair l r use a now names c\n");
  EXPECT_EQ(set_lines_of(tree),
            "set filter term c\nset filter term b\nset filter pair l r use c\n"
            "set filter used a weight 1\nset filter used c\n");
}

TEST(Insert, MovesWhatTheUserOrders) {
  Tree tree = tree_of("set filter term a match x\nset filter term a match y\nset filter term b\nset filter term c\n",
                      test_schema());
  EXPECT_EQ(edit(tree, "insert filter term c before a"), "");
  EXPECT_EQ(edit(tree, "insert filter term a after term b"), "");
  EXPECT_EQ(edit(tree, "insert filter term a match y before x"), "");
  EXPECT_EQ(set_lines_of(tree),
            "set filter term c\nset filter term b\nset filter term a match y\nset filter term a match x\n");
  expect_round_trips(tree);
  EXPECT_NE(edit(tree, "insert filter term a before a").find("beside itself"), std::string::npos);
  EXPECT_NE(edit(tree, "insert filter term a before z").find("nothing like this"), std::string::npos);
  EXPECT_NE(edit(tree, "insert filter term before z").find("missing"), std::string::npos);
  Tree rich = tree_of(kRich);
  EXPECT_NE(edit(rich, "insert interface e2 before e0").find("order of interface has no meaning"), std::string::npos);
  EXPECT_EQ(edit(rich, "insert bird raw \"# two\" before \"protocol device x {\\n\\tscan time 5;\\n}\""), "");
  EXPECT_EQ(rich.to_json(Secrets::clear)["bird"]["raw"][0], "# two");
}

TEST(Edit, DispatchesAndIsAllOrNothing) {
  Tree tree(schema());
  EXPECT_EQ(edit(tree, "set interface e0 address [ 10.0.0.1/24 10.0.1.1/24 ]"), "");
  EXPECT_EQ(set_lines_of(tree), "set interface e0 address 10.0.0.1/24\nset interface e0 address 10.0.1.1/24\n");
  const Tree before(tree);
  EXPECT_NE(edit(tree, "set interface e0 address [ 10.0.2.1/24 nonsense ]"), "");
  EXPECT_NE(edit(tree, "delete interface e0 address [ 10.0.0.1/24 10.9.9.9/24 ]"), "");
  EXPECT_NE(edit(tree, "set interface e0 mtu [ 1400 1500 ]"), "");
  EXPECT_TRUE(tree == before);
  EXPECT_EQ(edit(tree, "delete interface e0 address [ 10.0.0.1/24 10.0.1.1/24 ]"), "");
  EXPECT_EQ(edit(tree, "delete interface e0"), "");
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(edit(tree, "deactivte interface"),
            "an edit does not start with \"deactivte\"; did you mean \"deactivate\"?");
  EXPECT_FALSE(tree.edit({}).ok());
}

TEST(ChangedPaths, NameLeafs) {
  Tree after = tree_of(kRich);
  const Tree before(after);
  for (const char* line :
       {"set interface e10 mtu 1400", "delete interface e0 address 192.0.2.1/24",
        "set interface e0 address 192.0.2.9/24", "set bgp peer b remote-as 5", "delete interface loop0",
        "deactivate ospf", "annotate system hostname x", "set interface e7",
        "insert bird raw \"# two\" before \"protocol device x {\\n\\tscan time 5;\\n}\""}) {
    EXPECT_EQ(edit(after, line), "") << line;
  }
  const auto joined = [](const std::vector<Words>& paths) {
    std::string out;
    for (const Words& path : paths) {
      out += join_words(path) + "\n";
    }
    return out;
  };
  const auto changes = Tree::changed_paths(before, after);
  EXPECT_EQ(joined(changes.added), "interface e0 address 192.0.2.9/24\nbgp peer b remote-as\ninterface e7\n");
  EXPECT_EQ(joined(changes.removed), "interface e0 address 192.0.2.1/24\ninterface loop0 address 198.51.100.1/32\n");
  EXPECT_EQ(joined(changes.changed), "system hostname\ninterface e10 mtu\nospf\nbird raw\n");
}

std::string options(const Tree& tree, std::string_view line, std::string_view partial = "") {
  const Words all = words(line);
  const auto mode = completion_mode(all[0]);
  EXPECT_TRUE(mode.has_value()) << line;
  std::string out;
  for (const Option& option : complete(tree, std::span(all).subspan(1), partial, *mode).options) {
    out += (out.empty() ? "" : " ") + option.word;
  }
  return out;
}

TEST(CompleteEdits, OfferWhatFits) {
  const Tree tree = tree_of(kRich);
  EXPECT_EQ(options(tree, "copy interface"), "e0 e2 e10 loop0");
  EXPECT_EQ(options(tree, "copy interface e2", "t"), "to");
  EXPECT_EQ(options(tree, "copy interface e2 to"), "<interface>");
  EXPECT_EQ(options(tree, "rename bgp policy transit to"), "<name>");
  EXPECT_EQ(options(tree, "rename bgp peer upstream-a"), "to") << "leafs have no name to change";
  EXPECT_EQ(options(tree, "insert bird"), "raw");
  EXPECT_EQ(options(tree, "insert bgp peer upstream-a"), "neighbor");
  EXPECT_EQ(options(tree, "annotate interface e2"), "device <text>");
  EXPECT_EQ(options(tree, "deactivate interface e10 d"), "");
  EXPECT_EQ(options(tree, "deactivate interface e10", "d"), "disabled device");
  EXPECT_EQ(options(tree, "insert bird raw \"# two\""), "before after");
  EXPECT_EQ(options(tree, "insert bird raw \"# two\" before"), "protocol device x {\n\tscan time 5;\n}");
  const Words whole = words("interface e0 to e1");
  EXPECT_TRUE(complete(tree, whole, "", CompletionMode::copy).complete);
  EXPECT_FALSE(complete(tree, std::span(whole).first(3), "", CompletionMode::copy).complete);
  EXPECT_FALSE(completion_mode("commit").has_value());
}

TEST(Xml, IsWhatLibyangReads) {
  Tree tree = tree_of(kRich);
  EXPECT_EQ(edit(tree, "annotate interface e0 \"a <b> & \\\"c\\\"\""), "");
  EXPECT_EQ(edit(tree, "deactivate bgp"), "");
  const std::string text = *tree.xml({});
  EXPECT_NE(text.find("<interface xmlns=\"urn:floof:interface\" fc:comment=\"a &lt;b&gt; &amp; &quot;c&quot;\">\n    "
                      "<name>e0</name>"),
            std::string::npos)
      << text;
  lyd_node* data = nullptr;
  const LY_ERR read =
      lyd_parse_data_mem(schema()->context(), text.c_str(), LYD_XML, LYD_PARSE_STRICT | LYD_PARSE_ONLY, 0, &data);
  EXPECT_EQ(read, LY_SUCCESS) << ly_errmsg(schema()->context());
  char* back = nullptr;
  ASSERT_EQ(lyd_print_mem(&back, data, LYD_XML, LYD_PRINT_SHRINK), LY_SUCCESS);
  const Loaded again = load(Tree(schema()), back, TextFormat::xml);
  EXPECT_TRUE(again.errors.empty()) << again.errors[0].text();
  EXPECT_TRUE(again.tree == tree) << back;
  free(back);
  lyd_free_all(data);
  const Loaded part = load(Tree(schema()), *tree.xml(words("interface e0 device")), TextFormat::xml);
  EXPECT_EQ(set_lines_of(part.tree),
            "set interface e0 device tap to-r1\nset interface e0 device netns h1\nannotate interface e0 \"a <b> & "
            "\\\"c\\\"\"\n");
}

TEST(Secrets, CanBeSealed) {
  SecretCodec codec;
  codec.seal = [](std::string_view clear) { return "$F1$" + std::string(clear.rbegin(), clear.rend()); };
  codec.open = [](std::string_view sealed) -> Result<std::string> {
    if (sealed.size() < 8) {
      return Error{"", "it was sealed with another key", ""};
    }
    return std::string(sealed.rbegin(), sealed.rend() - 4);
  };
  const auto sealing = Schema::load(embedded_modules(), codec);
  ASSERT_TRUE(sealing.ok());
  const Tree tree = tree_of("set bgp peer a remote-as 1\nset bgp peer a password hunter2\n", *sealing);
  for (const auto& [format, text] : {std::pair(TextFormat::set, *tree.set_lines({}, Secrets::encrypted)),
                                     std::pair(TextFormat::curly, *tree.curly({}, Secrets::encrypted)),
                                     std::pair(TextFormat::json, tree.to_json(Secrets::encrypted).dump()),
                                     std::pair(TextFormat::xml, *tree.xml({}, Secrets::encrypted))}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_NE(text.find("$F1$2retnuh"), std::string::npos) << text;
    const Loaded back = load(Tree(*sealing), text, format);
    EXPECT_TRUE(back.errors.empty()) << back.errors[0].text();
    EXPECT_TRUE(back.tree == tree);
  }
  Tree other(*sealing);
  EXPECT_NE(edit(other, "set bgp peer a password $F1$x").find("another key"), std::string::npos);
  Tree plain(schema());
  EXPECT_NE(edit(plain, "set bgp peer a password $F1$2retnuh").find("no key"), std::string::npos);
  EXPECT_EQ(tree_of("set bgp peer a password x\n").set_lines({}, Secrets::encrypted)->find("password <hidden>"), 15U);
}

TEST(Secrets, AreInNoMessage) {
  Tree tree = tree_of("set bgp peer a remote-as 1\nset bgp peer a password hunter2\n");
  for (const char* line : {"set bgp peer a password hunter3 hunter4", "delete bgp peer a password hunter3",
                           "set bgp peer a password [ hunter3 hunter4 ]", "annotate bgp peer a password hunter3 x",
                           "set bgp peer a password \"hunter3\\\\\"", "deactivate bgp peer a password hunter3"}) {
    const std::string text = edit(tree, line);
    EXPECT_FALSE(text.empty()) << line;
    EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
  }
}

TEST(Secrets, HiddenKeepsWhatIsThere) {
  Tree tree = tree_of("set bgp peer a remote-as 1\nset bgp peer a password hunter2\n");
  for (const auto mode : {LoadMode::merge, LoadMode::override, LoadMode::replace}) {
    for (const auto& [format, text] :
         {std::pair(TextFormat::set, *tree.set_lines({})), std::pair(TextFormat::curly, "replace: " + *tree.curly({})),
          std::pair(TextFormat::json, tree.to_json(Secrets::hidden).dump()),
          std::pair(TextFormat::xml, *tree.xml({}))}) {
      EXPECT_EQ(text.find("hunter2"), std::string::npos);
      const Loaded back = load(tree, text, format, mode);
      EXPECT_TRUE(back.errors.empty()) << back.errors[0].text();
      EXPECT_TRUE(back.tree == tree);
    }
  }
  const std::string error = edit(tree, "set bgp peer b password <hidden>");
  EXPECT_EQ(error.find("bgp peer b password: <hidden> stands for a secret"), 0U) << error;
}

}  // namespace
}  // namespace floof::config
