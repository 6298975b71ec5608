// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/table.h"

#include <gtest/gtest.h>

namespace floof::shell {
namespace {

constexpr auto kRight = Table::Align::right;

TEST(Table, AlignsWithoutBlanksAtTheEnd) {
  Table table({{"Name"}, {"Count", kRight}, {"Text"}});
  table.add({"a", "5", "x"});
  table.add({"longer", "12345678", ""});
  EXPECT_EQ(table.text(),
            "Name       Count  Text\n"
            "a              5  x\n"
            "longer  12345678\n");
}

TEST(Table, CountsColumnsNotBytes) {
  Table table({{"City"}, {"N", kRight}});
  table.add({"Zürich", "1"});
  table.add({"東京", "22"});
  EXPECT_EQ(table.text(),
            "City     N\n"
            "Zürich   1\n"
            "東京    22\n");
}

TEST(Table, WideValuesAreNeverCut) {
  Table table({{"A", Table::Align::left, 4}, {"B"}, {"C", kRight}});
  table.add({"abcdefgh", "x", "1"});
  table.add({"ab", "y", "2"});
  EXPECT_EQ(table.text(),
            "A     B  C\n"
            "abcdefgh  x  1\n"
            "ab    y  2\n");
}

TEST(Table, LeavesOutEmptyColumnsAndStrangeCells) {
  Table table({{"A"}, {"Empty"}, {"B"}});
  table.add({"line\nend\x1b", "", "b", "too many"});
  table.add({});
  EXPECT_EQ(table.text(), "A              B\nline\\nend\\x1b  b\n\n");
}

}  // namespace
}  // namespace floof::shell
