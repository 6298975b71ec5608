// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/words.h"

#include <gtest/gtest.h>

#include <random>

namespace floof::shell {
namespace {

using Strings = std::vector<std::string>;

Strings words_of(std::string_view text) { return texts_of(parse_line(text).words); }

TEST(Words, SplitsAtBlanks) {
  EXPECT_EQ(words_of("  show\tip  route "), (Strings{"show", "ip", "route"}));
  EXPECT_EQ(words_of(""), Strings{});
  EXPECT_EQ(words_of("   # set nothing"), Strings{});
  EXPECT_EQ(words_of("show # the rest"), Strings{"show"});
  EXPECT_EQ(words_of("peer#1"), Strings{"peer#1"});
}

TEST(Words, QuotesAndEscapes) {
  EXPECT_EQ(words_of(R"(set description "to \"A\" \\ b\n\t\x41")"),
            (Strings{"set", "description", "to \"A\" \\ b\n\tA"}));
  EXPECT_EQ(words_of(R"(a"b c"d)"), Strings{"ab cd"});
  EXPECT_EQ(words_of(R"(a\ b \| \")"), (Strings{"a b", "|", "\""}));
  EXPECT_EQ(words_of(R"(x "")"), (Strings{"x", ""}));
}

TEST(Words, Pipes) {
  const Line line = parse_line(R"(show interface|match "a|b" | count)");
  EXPECT_EQ(texts_of(line.words), (Strings{"show", "interface"}));
  ASSERT_EQ(line.pipes.size(), 2u);
  EXPECT_EQ(texts_of(line.pipes[0]), (Strings{"match", "a|b"}));
  EXPECT_EQ(texts_of(line.pipes[1]), Strings{"count"});
}

TEST(Words, ErrorsPointAtTheColumn) {
  const Line open = parse_line(R"(set x "never)");
  ASSERT_TRUE(open.error);
  EXPECT_EQ(open.error->text(), "column 7: this quote is never closed; add a closing \"");
  EXPECT_TRUE(open.unfinished && open.in_quotes && open.in_word);
  EXPECT_EQ(open.words.back().text, "never");

  const Line escape = parse_line(R"(set x "a\q")");
  ASSERT_TRUE(escape.error);
  EXPECT_EQ(escape.error_at, 8u);
  EXPECT_FALSE(escape.unfinished);

  const Line last = parse_line("a \\");
  ASSERT_TRUE(last.error);
  EXPECT_EQ(last.error->path, "column 3");
}

TEST(Words, KnowsWhereTheEndIs) {
  EXPECT_TRUE(parse_line("sho").in_word);
  EXPECT_FALSE(parse_line("show ").in_word);
  EXPECT_FALSE(parse_line("show |").in_word);
  EXPECT_TRUE(parse_line("show | ma").in_word);
  EXPECT_TRUE(parse_line("a\\ ").in_word);
  EXPECT_EQ(parse_line("  show ip").words[1].begin, 7u);
}

TEST(Words, ArgumentsAreTakenAsTheyAre) {
  const Line line = line_of({"set", "a b", "\"x\\", "|", "json"});
  EXPECT_EQ(texts_of(line.words), (Strings{"set", "a b", "\"x\\"}));
  ASSERT_EQ(line.pipes.size(), 1u);
  EXPECT_EQ(texts_of(line.pipes[0]), Strings{"json"});
}

TEST(Words, AnArgumentMayBeWholePipes) {
  const Line line = line_of({"show", "interface", "| match \"a b\" | count", "|json"});
  EXPECT_EQ(texts_of(line.words), (Strings{"show", "interface"}));
  ASSERT_EQ(line.pipes.size(), 3u);
  EXPECT_EQ(texts_of(line.pipes[0]), (Strings{"match", "a b"}));
  EXPECT_EQ(texts_of(line.pipes[1]), Strings{"count"});
  EXPECT_EQ(texts_of(line.pipes[2]), Strings{"json"});
  for (const char* value : {"|secret", "| ", "|json x", "| match", "|json \"", "||", "a| json"}) {
    const Line set = line_of({"set", "bgp", "peer", "a", "password", value});
    EXPECT_TRUE(set.pipes.empty()) << value;
    EXPECT_EQ(set.words.back().text, value);
  }
}

TEST(Words, QuoteReadsBack) {
  std::mt19937 random(7);
  const std::string_view letters = "ab\"\\ |#\n\r\t\x01\x7f\xc3\xa9";
  for (int i = 0; i < 20000; i++) {
    std::string value;
    for (size_t length = random() % 8; length > 0; length--) {
      value += letters[random() % letters.size()];
    }
    const Line line = parse_line("set " + quote(value) + " end");
    ASSERT_FALSE(line.error) << quote(value);
    ASSERT_EQ(texts_of(line.words), (Strings{"set", value, "end"})) << quote(value);
  }
  EXPECT_EQ(quote("10.0.0.0/8"), "10.0.0.0/8");
}

}  // namespace
}  // namespace floof::shell
