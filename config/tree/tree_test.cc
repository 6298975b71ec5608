// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/tree.h"

#include <gtest/gtest.h>

#include <random>

#include "config/test_support.h"

namespace floof::config {
namespace {

using test::kRich;
using test::schema;
using test::tree_of;
using test::words;

std::string set_error(Tree& tree, std::string_view line) {
  const auto result = tree.set(words(line));
  return result ? "none" : result.error().text();
}

TEST(Schema, EveryNodeHasHelp) {
  const auto check = [](const auto& self, Node parent) -> void {
    for (const Node node : schema()->children(parent)) {
      EXPECT_FALSE(description_of(node).empty()) << name_of(node);
      for (const NamedValue& value : is_term(node) ? named_values(node) : std::vector<NamedValue>()) {
        EXPECT_FALSE(value.help.empty()) << name_of(node) << " " << value.name;
      }
      self(self, node);
    }
  };
  check(check, nullptr);
  EXPECT_EQ(name_of(schema()->children(nullptr)[0]), "groups");
  EXPECT_EQ(name_of(schema()->children(nullptr)[2]), "system");
}

TEST(Tree, PrintsAndLoadsBackInEveryForm) {
  const Tree tree = tree_of(kRich);
  EXPECT_EQ(*tree.set_lines({}), kRich);
  for (const auto& [format, text] :
       {std::pair(TextFormat::set, *tree.set_lines({}, Secrets::clear)), std::pair(TextFormat::curly, *tree.curly({})),
        std::pair(TextFormat::json, tree.to_json(Secrets::clear).dump(2))}) {
    const Loaded back = load(Tree(schema()), text, format);
    EXPECT_TRUE(back.errors.empty()) << back.errors[0].text() << "\n" << text;
    EXPECT_EQ(*back.tree.set_lines({}), kRich);
    EXPECT_EQ(compare(tree, back.tree), "");
    EXPECT_TRUE(tree == back.tree);
  }
}

TEST(Tree, CurlyForm) {
  const Tree tree = tree_of(
      "set interface e0 device tap a\nset interface e0 mtu 9000\nset interface e0 disabled\nset interface loop0");
  EXPECT_EQ(*tree.curly({}),
            "interface e0 {\n    disabled;\n    device {\n        tap a;\n    }\n    mtu 9000;\n}\ninterface loop0;\n");
  EXPECT_EQ(*tree.curly(words("interface e0 device")), "tap a;\n");
  EXPECT_EQ(*tree.curly(words("interface e0 mtu")), "mtu 9000;\n");
  EXPECT_EQ(*tree.curly(words("interface loop0")), "");
  EXPECT_EQ(*tree.set_lines(words("interface e0 device")), "set interface e0 device tap a\n");
  EXPECT_FALSE(tree.curly(words("interfaze")).ok());
}

TEST(Tree, JsonForFeatures) {
  const Json json = tree_of(kRich).for_features();
  EXPECT_EQ(json["system"]["hostname"], "edge1");
  const Json& e0 = json["interface"][0];
  EXPECT_EQ(e0["name"], "e0");
  EXPECT_EQ(e0["device"], Json::parse(R"({"tap":"to-r1","netns":"h1"})"));
  EXPECT_EQ(e0["address"], Json::parse(R"(["192.0.2.1/24","2001:db8::1/64"])"));
  EXPECT_EQ(json["interface"][1]["device"]["null"], true);
  EXPECT_EQ(json["interface"][2]["disabled"], true);
  EXPECT_EQ(json["bgp"]["asn"], 65000);
  EXPECT_EQ(json["bgp"]["graceful-restart"], false);
  EXPECT_EQ(json["bgp"]["multipath"], 16);
  EXPECT_EQ(json["bgp"]["policy"][0]["import"]["prefix"][0], Json::parse(R"({"prefix":"10.0.0.0/8","le":24})"));
  EXPECT_EQ(json["ospf"]["area"][0]["id"], "0");
  EXPECT_EQ(json["ospf"]["area"][0]["interface"][0]["hello"], 10);
  EXPECT_EQ(json["dataplane"]["polling"], "adaptive");
  EXPECT_EQ(Tree(schema()).for_features(), Json::object()) << "containers that hold only defaults are not configured";
}

TEST(Tree, MessagesNameTheWordAndTheRemedy) {
  Tree tree(schema());
  EXPECT_EQ(set_error(tree, "interfce e0 mtu 1500"), R"(unknown word "interfce"; did you mean "interface"?)");
  EXPECT_EQ(set_error(tree, "interface e0 mtuu 1500"), R"(interface e0: unknown word "mtuu"; did you mean "mtu"?)");
  EXPECT_EQ(
      set_error(tree, "interface e0 mtu 20000"),
      R"(interface e0 mtu: "20000" is not a valid mtu: The MTU is 68 to 9216 bytes; give a number from 68 to 9216 (bytes))");
  EXPECT_EQ(set_error(tree, "interface e0 mtu"),
            "interface e0 mtu: the value of mtu is missing; give a number from 68 to 9216 (bytes)");
  EXPECT_EQ(set_error(tree, "interface e0 mtu x"),
            R"(interface e0 mtu: "x" is not a valid mtu; give a number from 68 to 9216 (bytes))");
  EXPECT_EQ(set_error(tree, "dataplane polling bussy"),
            R"(dataplane polling: "bussy" is not a valid polling; did you mean "busy"? one of adaptive, busy)");
  EXPECT_EQ(set_error(tree, "interface"), "interface: a name is missing; add <interface>: an interface");
  EXPECT_EQ(
      set_error(tree, "interface e0 disabled yes"),
      R"(interface e0 disabled: unexpected "yes": disabled takes no value; leave it out, or go on with one of description, disabled, device, mtu, mac, address, bond, punt-limit, parent, vlan, inner-vlan, vlan-protocol, priority)");
  EXPECT_EQ(set_error(tree, "bgp"),
            "bgp: the path stops too early; it continues with one of asn, router-id, prefix, multipath, "
            "graceful-restart, confederation, originated-community, community, bogon, transit-asn, peer-lock, "
            "blocklist, forwarding, mrt, test, policy, peer, irr, peeringdb, rpki");
  EXPECT_NE(set_error(tree, "interface this-name-is-too-long").find("at most 15 characters"), std::string::npos);
  EXPECT_NE(set_error(tree, "route 192.0.2.1/24 blackhole").find("192.0.2.0/24"), std::string::npos);
  EXPECT_NE(set_error(tree, "interface e0 address 192.0.2.1").find("192.0.2.1/24"), std::string::npos);
  EXPECT_TRUE(tree.empty()) << "a set that fails leaves nothing behind";
}

TEST(Tree, RefusesWhatLibyangWouldNotReadBack) {
  Tree tree(schema());
  for (const std::string bad : {"a\xff", "a\x01", "\xc0\x80", "\xed\xa0\x80", "a\x7f", "\xef\xbf\xbf"}) {
    EXPECT_FALSE(tree.set(Words{"interface", "e0", "description", bad}).ok());
    EXPECT_FALSE(tree.set(Words{"bird", "raw", bad}).ok());
  }
  EXPECT_TRUE(tree.set(Words{"interface", "e0", "description", "Zürich → Köln"}).ok());
}

TEST(Tree, AsNumbersAreWrittenInSeveralWays) {
  Tree tree(schema());
  for (const char* line :
       {"bgp asn AS400668", "bgp peer a remote-as 6.7452", "bgp transit-asn as1299", "bgp bogon asn AS64512-AS65534",
        "bgp bogon asn 64496..64511", "bgp peer-lock AS174 via [ AS3356 1.0 ]", "bgp rpki aspa AS1299 provider 0"}) {
    EXPECT_TRUE(tree.edit(words(std::string("set ") + line)).ok()) << line;
  }
  EXPECT_EQ(*tree.set_lines({}), R"(set bgp asn 400668
set bgp bogon asn 64496-64511
set bgp bogon asn 64512-65534
set bgp transit-asn 1299
set bgp peer-lock 174 via 3356
set bgp peer-lock 174 via 65536
set bgp peer a remote-as 400668
set bgp rpki aspa 1299 provider 0
)");
  EXPECT_EQ(tree.for_features()["bgp"]["asn"], 400668) << "a number";
  EXPECT_EQ(set_error(tree, "bgp asn AS-FOO"),
            "bgp asn: \"AS-FOO\" is not a valid asn; give an AS number such as 64500, AS64500 or 6.100");
  EXPECT_EQ(set_error(tree, "bgp asn AS0"),
            "bgp asn: \"AS0\" is not a valid asn: An AS number is 1 to 4294967295; give an AS number such as 64500, "
            "AS64500 or 6.100");
  for (const char* bad : {"6.65536", "65536.1", "1.2.3", "AS", "ASAS1", "4294967296", "-1", "1.", ".1"}) {
    EXPECT_FALSE(tree.edit(Words{"set", "bgp", "asn", bad}).ok()) << bad;
  }
}

TEST(Tree, ValuesHaveOneSpelling) {
  const Tree tree = tree_of(R"(set interface e0 address 2001:DB8:0:0::1/64
set interface e0 mac 02:AB:00:00:00:01
set route 2001:DB8::/32 via FE80::1%e0
set ospf area 0.0.0.0 interface e0 cost 010
set ospf area 10.0.0.1 interface e0
)");
  EXPECT_EQ(*tree.set_lines({}), R"(set interface e0 mac 02:ab:00:00:00:01
set interface e0 address 2001:db8::1/64
set route 2001:db8::/32 via fe80::1%e0
set ospf area 0 interface e0 cost 10
set ospf area 10.0.0.1 interface e0
)");
}

TEST(Tree, AnotherCaseRemovesTheOldOneAndSaysSo) {
  Tree tree =
      tree_of("set interface e0 device tap a\nset interface e0 device netns h1\nset route 10.0.0.0/8 via 192.0.2.1\n");
  auto notes = tree.set(words("interface e0 device host veth0"));
  ASSERT_TRUE(notes.ok());
  EXPECT_EQ(*notes,
            (std::vector<std::string>{"removed interface e0 device tap a", "removed interface e0 device netns h1"}));
  ASSERT_TRUE(tree.set(words("route 10.0.0.0/8 blackhole")).ok());
  EXPECT_EQ(*tree.set_lines({}), "set interface e0 device host veth0\nset route 10.0.0.0/8 blackhole\n");
}

TEST(Tree, Delete) {
  Tree tree = tree_of(kRich);
  EXPECT_TRUE(tree.remove(words("interface e0 address 192.0.2.1/24")).ok());
  EXPECT_TRUE(tree.remove(words("interface e0 device")).ok());
  EXPECT_TRUE(tree.remove(words("interface e10")).ok());
  EXPECT_TRUE(tree.remove(words("bgp policy transit import prefix")).ok());
  EXPECT_TRUE(tree.remove(words("system hostname")).ok());
  EXPECT_TRUE(tree.remove(words("bird")).ok());
  EXPECT_TRUE(tree.remove(words("route")).ok());
  EXPECT_TRUE(tree.remove(words("dataplane workers 2")).ok());
  EXPECT_TRUE(tree.remove(words("ospf area")).ok());
  EXPECT_EQ(tree.to_json(Secrets::clear).count("system"), 0U);
  EXPECT_EQ(tree.to_json(Secrets::clear).count("dataplane"), 0U);
  EXPECT_EQ(tree.to_json(Secrets::clear).count("route"), 0U);
  const auto missing = tree.remove(words("interface e3"));
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().text().find("e2"), std::string::npos);
  EXPECT_FALSE(tree.remove({}).ok());
  EXPECT_FALSE(tree.remove(words("bgp asn 65001")).ok());
  for (const char* top : {"interface", "bgp", "ospf"}) {
    EXPECT_TRUE(tree.remove(words(top)).ok()) << top;
  }
  EXPECT_TRUE(tree.empty());
}

TEST(Tree, ValidateReportsEverythingAtOnce) {
  const Tree tree = tree_of(R"(set interface e0 device netns h1
set route 10.0.0.0/8 preference 5
set bgp peer a neighbor 192.0.2.1
set bgp peer b remote-as 1
set bgp peer b policy trnsit
set bgp policy transit import accept all
set ospf area 0 interface e1
)");
  std::vector<std::string> texts;
  for (const Error& error : tree.validate()) {
    texts.push_back(error.text());
  }
  EXPECT_EQ(texts,
            (std::vector<std::string>{
                "interface e0 device netns h1: A namespace is given for a tap device, but no tap device is named.; "
                "delete interface e0 device netns h1, or set what it needs",
                "route 10.0.0.0/8: via or blackhole or unreachable or prohibit is missing; "
                "set route 10.0.0.0/8 via|blackhole|unreachable|prohibit",
                "bgp peer a: remote-as is missing; set bgp peer a remote-as <as-number>",
                R"(bgp peer b policy trnsit: no policy is named "trnsit"; did you mean "transit"?)",
                R"(ospf area 0 interface e1: no interface is named "e1"; did you mean "e0"?)",
            }));
  EXPECT_TRUE(tree_of(kRich).validate().empty());
}

TEST(Tree, CompareLikeJunos) {
  Tree after = tree_of(kRich);
  const Tree before(after);
  EXPECT_EQ(compare(before, after), "");
  ASSERT_TRUE(after.set(words("interface e10 mtu 1400")).ok());
  ASSERT_TRUE(after.remove(words("interface e0 address 192.0.2.1/24")).ok());
  ASSERT_TRUE(after.set(words("interface e0 address 192.0.2.2/24")).ok());
  ASSERT_TRUE(after.set(words("bgp peer b remote-as 5")).ok());
  ASSERT_TRUE(after.remove(words("interface e2")).ok());
  EXPECT_EQ(compare(before, after), R"([edit]
-   interface e2 {
-       device {
-           null;
-       }
-   }
[edit interface e0]
-   address 192.0.2.1/24;
+   address 192.0.2.2/24;
[edit interface e10]
-   mtu 9000;
+   mtu 1400;
[edit bgp]
+   peer b {
+       remote-as 5;
+   }
)");
  const Tree one = tree_of("set bird raw a\nset bird raw b\n"), two = tree_of("set bird raw b\nset bird raw a\n");
  EXPECT_NE(compare(one, two), "");
}

TEST(Tree, SecretsAreNotPrinted) {
  Tree tree = tree_of("set bgp peer a remote-as 1\nset bgp peer a password hunter2\n");
  for (const std::string& text :
       {*tree.set_lines({}), *tree.curly({}), tree.to_json(Secrets::hidden).dump(), compare(Tree(schema()), tree)}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos);
    EXPECT_NE(text.find(kHiddenSecret), std::string::npos);
  }
  EXPECT_EQ(tree.for_features()["bgp"]["peer"][0]["password"], "hunter2");
  const Loaded back = load(tree, *tree.curly({}), TextFormat::curly);
  EXPECT_TRUE(back.errors.empty());
  EXPECT_TRUE(back.tree == tree) << "loading the print back keeps the secret";
  EXPECT_FALSE(load(Tree(schema()), *tree.curly({}), TextFormat::curly).errors.empty());
  const auto bad = tree.set(words("bgp peer a password \"a\\\"b\""));
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().text().find("a\"b"), std::string::npos);
  EXPECT_EQ(compare(tree, tree_of("set bgp peer a remote-as 1\nset bgp peer a password other\n")),
            "[edit bgp peer a]\n-   password <hidden>;\n+   password <hidden>;\n");
}

constexpr Module kPitfalls = {"pitfalls", R"(module floof-pitfalls {
  yang-version 1.1; namespace "urn:floof:pitfalls"; prefix p;
  import floof-root { prefix fr; }
  identity kind; identity trunk { base kind; }
  augment "/fr:configuration" {
    container pit {
      leaf mode { type enumeration { enum lacp; enum xor; } }
      leaf rate { when "../mode = 'lacp'"; type uint8; }
      leaf kind { type identityref { base kind; } }
      leaf size { type union { type uint8; type enumeration { enum auto; } } }
      list named { key "name"; leaf name { type string; } leaf size { type int32 { range "-5..5"; } } }
    }
  }
})"};

/// What reference/management-lab.md found about libyang 2, as far as the tests above do not show it.
TEST(Tree, LibyangsPitfalls) {
  const auto all = embedded_modules();
  std::vector<Module> modules(all.begin(), all.end());
  modules.push_back(kPitfalls);
  const auto loaded = Schema::load(modules);
  ASSERT_TRUE(loaded.ok()) << loaded.error().text();
  // A value whose `when` became false is not silently deleted: it is an error, and the tree stays as it is.
  Tree tree(*loaded);
  ASSERT_TRUE(tree.set(words("pit mode lacp")).ok());
  ASSERT_TRUE(tree.set(words("pit rate 3")).ok());
  EXPECT_TRUE(tree.validate().empty());
  ASSERT_TRUE(tree.set(words("pit mode xor")).ok());
  const auto errors = tree.validate();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].path.find("rate"), std::string::npos) << errors[0].text();
  EXPECT_EQ(*tree.set_lines({}), "set pit mode xor\nset pit rate 3\n");
  // A key with both kinds of quotes cannot stand in a predicate.
  Tree quotes(*loaded);
  const Words entry = {"pit", "named", "a'b\"c"};
  ASSERT_TRUE(quotes.set(entry).ok());
  EXPECT_TRUE(quotes.validate().empty());
  for (const auto& [format, text] :
       {std::pair(TextFormat::set, *quotes.set_lines({})), std::pair(TextFormat::curly, *quotes.curly({})),
        std::pair(TextFormat::xml, *quotes.xml({}))}) {
    EXPECT_TRUE(load(Tree(*loaded), text, format).tree == quotes) << text;
  }
  EXPECT_TRUE(quotes.remove(entry).ok());
  EXPECT_TRUE(quotes.empty());
  // Identities print without their module, and are valid so.
  Tree identity(*loaded);
  ASSERT_TRUE(identity.set(words("pit kind trunk")).ok());
  EXPECT_EQ(*identity.set_lines({}), "set pit kind trunk\n");
  EXPECT_TRUE(identity.validate().empty());
  EXPECT_FALSE(identity.set(words("pit kind branch")).ok());
  EXPECT_FALSE(identity.set(words("pit size 300")).ok());
  // Defaults are filled in without XPath, so a schema that would need it is refused.
  modules.back().text = R"(module floof-pitfalls {
    yang-version 1.1; namespace "urn:floof:pitfalls"; prefix p; import floof-root { prefix fr; }
    augment "/fr:configuration" { container pit { leaf a { type uint8; } leaf b { when "../a"; type uint8; default 1; } } } })";
  EXPECT_FALSE(Schema::load(modules).ok());
}

/// Three hundred rounds of copying, editing, validating and failing leave nothing behind; ASan looks for leaks.
TEST(Tree, CopiesAreIndependent) {
  const Tree first = tree_of(kRich);
  Tree last(first);
  for (int i = 0; i < 300; i++) {
    Tree copy(last);
    ASSERT_TRUE(copy.edit(words("set interface e0 mtu " + std::to_string(1300 + i))).ok());
    ASSERT_FALSE(copy.edit(words("set interface e0 mtu 1")).ok());
    ASSERT_FALSE(copy == last);
    ASSERT_EQ(compare(last, copy).substr(0, 19), "[edit interface e0]");
    last = copy;
  }
  EXPECT_TRUE(last.validate().empty());
  EXPECT_EQ(*first.set_lines({}), kRich);
}

std::string options(const Tree& tree, std::string_view line, std::string_view partial, CompletionMode mode) {
  std::string out;
  for (const Option& option : complete(tree, words(line), partial, mode).options) {
    out += (out.empty() ? "" : " ") + option.word;
  }
  return out;
}

TEST(Complete, Set) {
  const Tree tree = tree_of(kRich);
  const auto set = CompletionMode::set;
  EXPECT_EQ(options(tree, "", "", set), "groups apply-groups system dataplane interface route bgp ospf bird");
  EXPECT_EQ(options(tree, "", "b", set), "bgp bird");
  EXPECT_EQ(options(tree, "interface", "", set), "e0 e2 e10 loop0 <interface>");
  EXPECT_EQ(options(tree, "interface", "e1", set), "e10");
  EXPECT_EQ(options(tree, "interface new", "d", set), "description disabled device");
  EXPECT_EQ(options(tree, "interface e10 device mode", "", set), "auto af-xdp af-packet");
  EXPECT_EQ(options(tree, "interface e0 mtu", "", set), "<68..9216>");
  EXPECT_EQ(options(tree, "bgp peer upstream-a policy", "", set), "transit");
  EXPECT_EQ(options(tree, "ospf area 0 interface", "", set), "e0 e2 e10 loop0 <name>");
  EXPECT_EQ(options(tree, "bgp graceful-restart", "", set), "true false");
  EXPECT_EQ(options(tree, "nonsense", "", set), "");
  EXPECT_TRUE(complete(tree, words("interface e0 mtu 1500"), "", set).complete);
  EXPECT_FALSE(complete(tree, words("interface e0 mtu"), "", set).complete);
  EXPECT_TRUE(complete(tree, words("interface e0"), "", set).complete);
  EXPECT_FALSE(complete(tree, words("bgp"), "", set).complete);
}

TEST(Complete, EditOffersPlaces) {
  const Tree tree = tree_of(kRich);
  const auto place = CompletionMode::place;
  EXPECT_EQ(options(tree, "bgp peer", "", place), "upstream-a <name>");
  EXPECT_EQ(options(tree, "interface e0", "", place), "device bond punt-limit priority");
  EXPECT_EQ(options(tree, "interface e0 mtu", "", place), "");
  EXPECT_TRUE(complete(tree, words("interface e0"), "", place).complete);
  EXPECT_FALSE(complete(tree, words("interface"), "", place).complete);
}

TEST(Complete, DeleteAndShowOfferWhatIsThere) {
  const Tree tree = tree_of(kRich);
  const auto remove = CompletionMode::remove;
  EXPECT_EQ(options(tree, "interface e0", "", remove), "description device address");
  EXPECT_EQ(options(tree, "interface e0 address", "", remove), "192.0.2.1/24 2001:db8::1/64");
  EXPECT_EQ(options(tree, "interface", "", remove), "e0 e2 e10 loop0");
  EXPECT_EQ(options(tree, "interface e9", "", remove), "");
  EXPECT_EQ(options(tree, "bgp peer upstream-a", "re", CompletionMode::show), "remote-as");
  EXPECT_TRUE(complete(tree, {}, "", CompletionMode::show).complete);
  EXPECT_FALSE(complete(tree, {}, "", remove).complete);
}

TEST(Load, ErrorsCarryLines) {
  const auto first = [](std::string_view text, TextFormat format) {
    const Loaded loaded = load(Tree(schema()), text, format);
    return loaded.errors.empty() ? std::string("none") : loaded.errors[0].text();
  };
  EXPECT_EQ(first("set system hostname a\n# note\nset sytem hostname b\n", TextFormat::set),
            R"(line 3: unknown word "sytem"; did you mean "system"?)");
  EXPECT_EQ(first("sett x", TextFormat::set),
            R"(line 1: a line starts with set or delete, not with "sett"; did you mean "set"?)");
  EXPECT_EQ(first("interface e0 {\n  mtu 1;\n}\n", TextFormat::curly).substr(0, 25), "line 2: interface e0 mtu:");
  EXPECT_EQ(first("interface e0 {\n  mtu 1500;\n", TextFormat::curly), "line 3, column 1: a } is missing at the end");
  EXPECT_EQ(first("interface e0 {\n  mtu 1500\n}", TextFormat::curly), "line 3, column 1: a ; is missing before }");
  EXPECT_EQ(first("}", TextFormat::curly), "line 1, column 1: a } closes nothing");
  EXPECT_EQ(first("{\"interface\":[\n {\"name\":\"e0\",\n  \"mtu\": 1}]}", TextFormat::json).substr(0, 25),
            "line 3: interface e0 mtu:");
  EXPECT_EQ(first("{\n\"bgp\": {\"asnn\": 1}}", TextFormat::json),
            R"(line 2: bgp: unknown word "asnn"; did you mean "asn"?)");
  EXPECT_EQ(first("{\n\"bgp\": ", TextFormat::json).substr(0, 26), "line 2, column 8: not JSON");
  EXPECT_EQ(first("{\"interface\":{}}", TextFormat::json), "line 1: interface: an array [ ... ] belongs here");
  EXPECT_EQ(first("{\"interface\":[{}]}", TextFormat::json), "line 1: interface: an entry without its name");
  const Loaded many = load(Tree(schema()), "set a\nset b\nset c\n", TextFormat::set);
  EXPECT_EQ(many.errors.size(), 3U);
}

TEST(Words, SplitAndQuoteAreInverse) {
  std::mt19937 random(7);
  const std::string alphabet = "ab \t\n\r\"\\#{};0|/*[]";
  for (int round = 0; round < 2000; round++) {
    Words in;
    for (unsigned i = 0; i < random() % 5; i++) {
      std::string word;
      for (unsigned j = 0; j < random() % 6; j++) {
        word += alphabet[random() % alphabet.size()];
      }
      in.push_back(word);
    }
    const auto out = split_words(join_words(in));
    ASSERT_TRUE(out.ok());
    EXPECT_EQ(*out, in);
  }
  EXPECT_EQ(quote_word("a/*b"), "\"a/*b\"") << "else curly text would begin a comment";
  EXPECT_EQ(split_words("a \"b").error().path, "column 3");
  EXPECT_FALSE(split_words("a\"b\"").ok());
  EXPECT_EQ(*split_words("  a  b # c"), (Words{"a", "b"}));
}

TEST(Words, NaturalOrder) {
  EXPECT_TRUE(natural_less("e2", "e10"));
  EXPECT_FALSE(natural_less("e10", "e2"));
  EXPECT_TRUE(natural_less("10.0.0.2/24", "10.0.0.10/24"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_FALSE(natural_less("a1", "a1"));
  EXPECT_NE(natural_less("a01", "a1"), natural_less("a1", "a01"));
}

}  // namespace
}  // namespace floof::config
