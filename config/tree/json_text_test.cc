// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/json_text.h"

#include <gtest/gtest.h>

namespace floof::config {
namespace {

using nlohmann::json;

TEST(JsonText, ReadsAsWhatWasPrinted) {
  const json value = {{"a", {1, -2, 2.5, true, nullptr, "x\n\"\u00e9", json::object(), json::array()}},
                      {"b", {{"c", {{"d", 18446744073709551615U}}}}},
                      {"positive", 5}};
  for (const int indent : {-1, 1, 4}) {
    EXPECT_TRUE(reads_as(value.dump(indent), value));
    EXPECT_TRUE(reads_as(value.dump(indent) + "\n", value));
  }
  EXPECT_TRUE(reads_as("7", 7));
}

TEST(JsonText, AnyDifferenceCounts) {
  const json value = {{"a", {1, 2}}, {"b", "x"}, {"c", nullptr}};
  for (const char* text :
       {"", "{", "null", "[]", "{}", R"({"a":[1,2],"b":"x"})", R"({"a":[1,2],"b":"x","c":null,"d":1})",
        R"({"a":[1],"b":"x","c":null})", R"({"a":[1,2,3],"b":"x","c":null})", R"({"a":[1,3],"b":"x","c":null})",
        R"({"a":[1,2],"b":"y","c":null})", R"({"a":[1,2],"b":"x","c":0})", R"({"a":{"1":2},"b":"x","c":null})",
        R"({"a":[1,2],"a":[1,2],"b":"x","c":null})", R"({"a":[1,2],"b":"x","c":null} 7)",
        R"({"a":[1,2],"b":"x","c":null)", R"({"a":[1,2],"x":"x","c":null})"}) {
    EXPECT_FALSE(reads_as(text, value)) << text;
  }
  EXPECT_TRUE(reads_as(R"({"a":[1,2],"b":"x","c":null})", value));
}

TEST(JsonText, ReplacedBytesAreADifference) {
  const json value = {{"a", "\xff"}};
  EXPECT_FALSE(reads_as(value.dump(-1, ' ', false, json::error_handler_t::replace), value));
}

}  // namespace
}  // namespace floof::config
