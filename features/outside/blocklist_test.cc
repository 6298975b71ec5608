// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/blocklist.h"

#include <gtest/gtest.h>

namespace floof::outside {
namespace {

TEST(Blocklist, ReadsPrefixesAddressesAndAsNumbers) {
  const auto list =
      parse_plain_list("# comment\n\n203.0.113.0/24 ; SBL1\r\n2001:db8::/32\n192.0.2.1\nAS64501\n64500\tx#\n");
  EXPECT_FALSE(list.ok()) << "a word behind a number";
  const auto good =
      parse_plain_list("# comment\n\n203.0.113.0/24 ; SBL1\r\n2001:db8::/32\n192.0.2.1\nAS64501\n64500 # x");
  ASSERT_TRUE(good.ok()) << good.error().text();
  EXPECT_EQ(good->prefixes, (std::vector{*parse_prefix("203.0.113.0/24"), *parse_prefix("2001:db8::/32"),
                                         *parse_prefix("192.0.2.1/32")}));
  EXPECT_EQ(good->asns, (NamedAsns::Ranges{{64500, 64501}}));
}

TEST(Blocklist, RefusesTheWholeListForOneLine) {
  for (const char* bad :
       {"<html>", "0.0.0.0/0", "::/0", "10.0.0.1/8", "AS", "AS4294967296", "-1", "10.0.0.0/8 10.1.0.0/16"}) {
    EXPECT_FALSE(parse_plain_list(std::string("10.0.0.0/8\n") + bad + "\n").ok()) << bad;
  }
  const auto secret = parse_plain_list("10.0.0.0/8\nroot:$6$hash\n");
  EXPECT_EQ(secret.error().reason, "line 2 is neither a prefix nor an AS number");
}

TEST(Blocklist, JoinsNumbersIntoRanges) {
  EXPECT_EQ(joined_ranges({3, 1, 2, 2, 9, 0, UINT32_MAX}),
            (NamedAsns::Ranges{{0, 3}, {9, 9}, {UINT32_MAX, UINT32_MAX}}));
}

}  // namespace
}  // namespace floof::outside
