// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/table.h"

#include <gtest/gtest.h>

#include "shell/text.h"

namespace floof::shell {
namespace {

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
  Table table({{"A"}, {"B", Table::kLeft, 0, false, 4}, {"C", kRight}});
  table.add({"longer", "abcdefgh", "1"});
  table.add({"ab", "y", "2"});
  EXPECT_EQ(table.text(),
            "A       B     C\n"
            "longer  abcdefgh  1\n"
            "ab      y     2\n");
}

/// A screen of so many columns for one test.
struct Screen {
  explicit Screen(size_t columns) { set_screen_columns(columns); }
  ~Screen() { set_screen_columns(0); }
};

Table interfaces() {
  Table table(
      {{"Interface"}, {"MAC", Table::kLeft, 3}, {"MTU", kRight, 2}, {"Address"}, {"Text", Table::kLeft, 1, true}});
  table.add({"e0", "02:00:00:00:00:01", "1500", "192.0.2.1/24", "to the provider in the other town"});
  table.add({"", "", "", "2001:db8:1:2:3:4:5:6/64", ""});
  return table;
}

TEST(Table, AWideScreenShowsAll) {
  const Screen screen(120);
  EXPECT_EQ(interfaces().text(),
            "Interface  MAC                 MTU  Address                  Text\n"
            "e0         02:00:00:00:00:01  1500  192.0.2.1/24             to the provider in the other town\n"
            "                                    2001:db8:1:2:3:4:5:6/64\n");
}

TEST(Table, TextFoldsBeforeAColumnGoes) {
  const Screen screen(84);
  EXPECT_EQ(interfaces().text(),
            "Interface  MAC                 MTU  Address                  Text\n"
            "e0         02:00:00:00:00:01  1500  192.0.2.1/24             to the provider in the\n"
            "                                                             other town\n"
            "                                    2001:db8:1:2:3:4:5:6/64\n");
}

TEST(Table, ColumnsGoByTheirRank) {
  const Screen screen(64);
  EXPECT_EQ(interfaces().text(),
            "Interface   MTU  Address                  Text\n"
            "e0         1500  192.0.2.1/24             to the provider in the\n"
            "                                          other town\n"
            "                 2001:db8:1:2:3:4:5:6/64\n");
}

TEST(Table, WhatMustStayStaysOnANarrowScreen) {
  const Screen screen(40);
  EXPECT_EQ(interfaces().text(),
            "Interface  Address\n"
            "e0         192.0.2.1/24\n"
            "           2001:db8:1:2:3:4:5:6/64\n");
}

TEST(Table, TheRestOfARowStandsBelowAWideCell) {
  const Screen screen(40);
  Table table({{"Neighbor"}, {"AS", kRight}, {"State"}});
  table.add({"2001:db8:1111:2222:3333:4444:5555:6666", "64500", "Established"});
  table.add({"192.0.2.1", "64501", "Active"});
  EXPECT_EQ(table.text(),
            "Neighbor                 AS  State\n"
            "2001:db8:1111:2222:3333:4444:5555:6666\n"
            "                      64500  Established\n"
            "192.0.2.1             64501  Active\n");
}

TEST(Table, LeavesOutEmptyColumnsAndStrangeCells) {
  Table table({{"A"}, {"Empty"}, {"B"}});
  table.add({"line\nend\x1b", "", "b", "too many"});
  table.add({});
  EXPECT_EQ(table.text(), "A              B\nline\\nend\\x1b  b\n\n");
}

}  // namespace
}  // namespace floof::shell
