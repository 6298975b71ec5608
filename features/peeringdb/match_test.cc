// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/peeringdb/match.h"

#include <gtest/gtest.h>

namespace floof::peeringdb {
namespace {

TEST(Match, WhoIsUnknownIsTold) {
  MatchSide own{65000, {"us", "AS-US", 1, 1}, {}};
  MatchSide other{64500, {}, {}, false};
  EXPECT_EQ(match_networks(own, other)["unknown"], nlohmann::json({64500}));
  other.known = true;
  const auto both = match_networks(own, other);
  EXPECT_FALSE(both.contains("unknown"));
  EXPECT_TRUE(both["exchanges"].empty());
}

}  // namespace
}  // namespace floof::peeringdb
