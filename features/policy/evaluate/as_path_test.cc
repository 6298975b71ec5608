// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/as_path.h"

#include <gtest/gtest.h>

namespace floof::policy {
namespace {

TEST(AsPath, ReadsWhatBirdPrints) {
  for (const char* text : {"", "64500", "64500 64501", "64500 {64501 64502}", "(65001 65002) 64500", "({65001}) 1",
                           "1 {2} {3} 4", "(1) (2) 3"}) {
    const auto path = parse_as_path(text);
    ASSERT_TRUE(path) << text;
    EXPECT_EQ(to_string(*path), text);
  }
  EXPECT_EQ(to_string(*parse_as_path("1 {2,3}")), "1 {2 3}");
  for (const char* text : {"x", "1,2", "1 {2", "1 }", "((1))", "{(1)}", "{{1}}", "4294967296", "-1", "1a", "1{2}x"}) {
    EXPECT_FALSE(parse_as_path(text)) << text;
  }
}

TEST(AsPath, LengthFirstAndOrigin) {
  struct Row {
    const char* path;
    size_t length;
    uint32_t first, origin;
    bool set;
  };
  const Row rows[] = {{"", 0, 0, 0, false},       {"1 2 3", 3, 1, 3, false},     {"1 {2 3}", 2, 1, 1, true},
                      {"{2 3} 1", 2, 0, 0, true}, {"(9 8) 1 2", 2, 1, 2, false}, {"({9 8}) 1 2", 2, 1, 0, true}};
  for (const Row& row : rows) {
    const auto path = parse_as_path(row.path);
    ASSERT_TRUE(path) << row.path;
    EXPECT_EQ(path->length(), row.length) << row.path;
    EXPECT_EQ(path->first(), row.first) << row.path;
    EXPECT_EQ(path->origin(), row.origin) << row.path;
    EXPECT_EQ(path->has_set(), row.set) << row.path;
  }
}

TEST(AsPath, Prepend) {
  AsPath path = *parse_as_path("{2 3}");
  path.prepend(1);
  path.prepend(1);
  EXPECT_EQ(to_string(path), "1 1 {2 3}");
  EXPECT_EQ(path.count(1), 2u);
}

}  // namespace
}  // namespace floof::policy
