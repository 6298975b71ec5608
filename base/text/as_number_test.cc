// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text/as_number.h"

#include <gtest/gtest.h>

namespace floof {
namespace {

TEST(AsNumber, ReadsEverySpelling) {
  EXPECT_EQ(parse_as_number("64500"), 64500U);
  EXPECT_EQ(parse_as_number("AS400668"), 400668U);
  EXPECT_EQ(parse_as_number("as1"), 1U);
  EXPECT_EQ(parse_as_number("6.7452"), 400668U);
  EXPECT_EQ(parse_as_number("AS0.65535"), 65535U);
  EXPECT_EQ(parse_as_number("65535.65535"), 4294967295U);
  EXPECT_EQ(parse_as_number("0"), 0U);
  for (const char* bad :
       {"", "AS", "a", "ASx", "1x", "4294967296", "65536.0", "0.65536", "1.", ".1", "1.2.3", "+1", " 1", "-1"}) {
    EXPECT_EQ(parse_as_number(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace floof
