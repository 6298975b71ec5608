// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/text.h"

#include <gtest/gtest.h>

namespace floof::shell {
namespace {

TEST(Text, DisplayWidth) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("Zürich"), 6u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);  // e and a combining accent
  EXPECT_EQ(display_width("東京"), 4u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
  EXPECT_EQ(display_width("\xc3"), 1u);
}

TEST(Text, PrintableDisarms) {
  EXPECT_EQ(printable("a\x1b[31mb\x7f\n\tc"), "a\\x1b[31mb\\x7f\n    c");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");        // C1 control sequence introducer
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u202e");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate is no character
  EXPECT_EQ(printable("Zürich 東京"), "Zürich 東京");
}

TEST(Text, JsonStaysJson) {
  const Json data{{"text",
                   "\x1b[0m\x7f\xc2\x9b\xe2\x80\xae\xff"
                   "é"}};
  const std::string text = json_text(data);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x7f'), std::string::npos);
  const Json again = Json::parse(text, nullptr, false);
  ASSERT_FALSE(again.is_discarded()) << text;
  EXPECT_EQ(again["text"],
            "\x1b[0m\x7f\xc2\x9b\xe2\x80\xae\xef\xbf\xbd"
            "é");
}

TEST(Text, Times) {
  EXPECT_EQ(duration_text(std::chrono::seconds(0)), "00:00:00");
  EXPECT_EQ(duration_text(std::chrono::seconds(86399)), "23:59:59");
  EXPECT_EQ(duration_text(std::chrono::seconds(86400 * 12 + 3661)), "12d01:01:01");
  EXPECT_EQ(duration_text(std::chrono::seconds(-5)), "00:00:00");
}

TEST(Text, FieldsOfAnything) {
  const Json data = Json::parse(R"({"s":"x","e":"","n":5,"f":1.26,"b":true,"z":null,"neg":-3,"big":1e300,"a":[1]})");
  EXPECT_EQ(field(data, "s"), "x");
  EXPECT_EQ(field(data, "e"), "-");
  EXPECT_EQ(field(data, "z", "?"), "?");
  EXPECT_EQ(field(data, "f"), "1.3");
  EXPECT_EQ(field(data, "b"), "yes");
  EXPECT_EQ(field(data, "missing", ""), "");
  EXPECT_EQ(field(Json(3), "s"), "-");
  EXPECT_EQ(number(data, "n"), 5u);
  EXPECT_EQ(number(data, "neg"), 0u);
  EXPECT_EQ(number(data, "big"), 0u);
  EXPECT_EQ(number(data, "s"), 0u);
  EXPECT_TRUE(flag(data, "b"));
  EXPECT_FALSE(flag(data, "n"));
  EXPECT_EQ(list(data, "a").size(), 1u);
  EXPECT_TRUE(list(data, "n").empty());
  EXPECT_TRUE(without(Json::array(), {"a"}).empty());
}

TEST(Text, PlainText) {
  EXPECT_EQ(plain_text(Json::parse(R"({"b-c":1,"a":"x","d":{"e":[1,2]},"f":[],"g":null,"long-but-empty":""})")),
            "a:   x\nb c: 1\nd:\n  e:\n    1\n    2\n");
}

TEST(Text, FoldsAtBlanks) {
  EXPECT_EQ(fold("a line\n", 0), "a line\n");
  EXPECT_EQ(fold("one two three four\n\n  five\n", 10), "one two\n  three\n  four\n\n  five\n");
  EXPECT_EQ(fold("  key   value that goes on", 16, 8), "  key   value\n        that\n        goes on");
  EXPECT_EQ(fold("a word 2001:db8:1:2:3:4:5:6 y", 10), "a word\n  2001:db8:1:2:3:4:5:6\n  y") << "a long word is whole";
  EXPECT_EQ(fold("東京 東京 東京", 10), "東京 東京\n  東京");
}

}  // namespace
}  // namespace floof::shell
