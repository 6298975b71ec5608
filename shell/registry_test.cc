// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/registry.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"
#include "shell/words.h"

namespace floof::shell {
namespace {

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    const auto handler = [](Context&, const Invocation&) { return Reply{}; };
    const auto is_number = [](std::string_view text) {
      return text.find_first_not_of("0123456789") == std::string::npos;
    };
    registry.help("show", "Show");
    registry.add({.path = "show interface", .help = "All", .handler = handler});
    registry.add(
        {.path = "show interface <name>",
         .help = "One",
         .handler = handler,
         .arguments = {
             {"name", {.help = "Name", .values = [](Context&, const std::vector<std::string>&, const std::string&) {
                         return std::vector<Choice>{{"e0", ""}, {"e10", ""}};
                       }}}}});
    registry.add({.path = "show interface counters", .help = "Counters", .handler = handler});
    registry.add({.path = "show inventory", .help = "Parts", .handler = handler});
    registry.add({.path = "show vlan <n>",
                  .help = "One",
                  .handler = handler,
                  .arguments = {{"n", {.help = "a number", .accepts = is_number}}}});
    registry.add({.path = "show vlan summary", .help = "Counts", .handler = handler});
    registry.add({.path = "ping <address>",
                  .help = "Ping",
                  .handler = handler,
                  .arguments = {{"address", {.help = "Address"}}},
                  .options = {{"count", "n", "How many"}, {"fast", "", "Hurry"}}});
    registry.add({.path = "set <path...>", .help = "Set", .handler = handler});
  }
  Resolution resolve(const std::string& text) { return registry.resolve(texts_of(parse_line(text).words)); }
  std::string path(const std::string& text) {
    const Resolution found = resolve(text);
    return found.error ? found.error->text() : found.command->path;
  }
  std::string words(const std::string& before, const std::string& partial) {
    std::string out;
    for (const Choice& choice : registry.complete(context, texts_of(parse_line(before).words), partial).choices) {
      out += choice.word + " ";
    }
    return out;
  }
  Registry registry;
  FakeContext context;
};

TEST_F(RegistryTest, ResolvesAndAbbreviates) {
  EXPECT_EQ(path("show interface"), "show interface");
  EXPECT_EQ(path("sh inte"), "show interface");
  EXPECT_EQ(path("show interface e0"), "show interface <name>");
  EXPECT_EQ(resolve("show interface e0").invocation.get("name"), "e0");
  EXPECT_EQ(path("show interface counters"), "show interface counters");
}

TEST_F(RegistryTest, WordsOfOtherRouters) {
  registry.also("show interfaces", "show interface");
  registry.also("parts", "show inventory");
  registry.also("show later", "show latest");
  registry.add({.path = "show latest", .help = "Comes behind it", .handler = {}});
  registry.connect();
  EXPECT_EQ(path("show later"), "show latest");
  EXPECT_EQ(path("show interfaces"), "show interface");
  EXPECT_EQ(resolve("show interfaces e0").invocation.get("name"), "e0");
  EXPECT_EQ(path("parts"), "show inventory");
  EXPECT_EQ(path("par"), "par: unknown word; use one of ping, set, show") << "only in full";
  EXPECT_EQ(words("show", "int"), "interface ") << "not offered";
}

TEST_F(RegistryTest, AnArgumentIsNotAnAbbreviation) {
  EXPECT_EQ(path("show interface co"), "show interface <name>");
  EXPECT_EQ(path("show vlan 7"), "show vlan <n>");
  EXPECT_EQ(path("show vlan sum"), "show vlan summary");
  EXPECT_EQ(path("show vlan x"), "show vlan x: unknown word; expected a number");
}

TEST_F(RegistryTest, OptionsInAnyOrder) {
  const Resolution found = resolve("ping 192.0.2.1 fast count 3");
  ASSERT_FALSE(found.error) << found.error->text();
  EXPECT_EQ(found.invocation.get("address"), "192.0.2.1");
  EXPECT_EQ(found.invocation.get("count"), "3");
  EXPECT_TRUE(found.invocation.has("fast"));
  EXPECT_EQ(path("ping a c 3 fa"), "ping <address>");
  EXPECT_EQ(path("ping a count"), "ping a count: incomplete; add n: How many");
  EXPECT_EQ(path("ping a fast fast"), "ping a fast fast: is there twice; leave one out");
}

TEST_F(RegistryTest, TheRestIsLeftAlone) {
  EXPECT_EQ(resolve("set show interface x").invocation.rest, (std::vector<std::string>{"show", "interface", "x"}));
  EXPECT_EQ(path("set"), "set <path...>");
}

TEST_F(RegistryTest, ErrorsSayWhatWouldBeRight) {
  EXPECT_EQ(path("show"), "show: incomplete; add one of interface, inventory, vlan");
  EXPECT_EQ(path("show in"), "show in: ambiguous: interface, inventory; type more letters");
  EXPECT_EQ(path("show intrface"), "show intrface: unknown word; did you mean 'interface'?");
  EXPECT_EQ(path("show zebra"), "show zebra: unknown word; use one of interface, inventory, vlan");
  EXPECT_EQ(path("show inventory x"), "show inventory x: unknown word; nothing may follow here");
  EXPECT_EQ(path("show vlan"), "show vlan: incomplete; add one of summary, <n> (a number)");
  EXPECT_EQ(path(R"(show "")"), "show \"\": an empty word; use one of interface, inventory, vlan");
  EXPECT_EQ(resolve("show zebra").error_word, 1u);
  EXPECT_EQ(resolve("show").error_word, 1u);
}

TEST_F(RegistryTest, Completes) {
  EXPECT_EQ(words("", ""), "ping set show ");
  EXPECT_EQ(words("", "s"), "set show ");
  EXPECT_EQ(words("show", "int"), "interface ");
  EXPECT_EQ(words("show interface", ""), "<name> counters e0 e10 ");
  EXPECT_EQ(words("show interface", "e1"), "<name> e10 ");
  EXPECT_EQ(words("ping a count", ""), "<n> ");
  EXPECT_EQ(words("ping a count 3", ""), "fast ");
  EXPECT_EQ(words("nonsense", ""), "");
  EXPECT_TRUE(registry.complete(context, {"show", "inventory"}, "").executable);
  EXPECT_FALSE(registry.complete(context, {"show"}, "").executable);
  EXPECT_FALSE(registry.complete(context, {"ping", "a", "count"}, "").executable);
}

TEST_F(RegistryTest, KnowsFirstWordsAndUnexplainedOnes) {
  EXPECT_TRUE(registry.knows("sh"));
  EXPECT_FALSE(registry.knows("s"));
  EXPECT_FALSE(registry.knows("zebra"));
  EXPECT_TRUE(registry.unexplained().empty());
  registry.add({.path = "clear all <what>", .help = "Clear", .handler = {}});
  EXPECT_EQ(registry.unexplained(), (std::vector<std::string>{"clear", "clear all <what>"}));
}

TEST_F(RegistryTest, TwiceTheSamePathAborts) {
  EXPECT_DEATH(registry.add({.path = "show inventory", .help = "", .handler = {}}), "registered twice");
}

}  // namespace
}  // namespace floof::shell
