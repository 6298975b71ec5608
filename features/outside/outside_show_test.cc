// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_show.h"

#include <gtest/gtest.h>

namespace floof::outside {
namespace {

using shell::Json;

TEST(OutsideShow, Blocklist) {
  EXPECT_EQ(render_blocklist(Json::parse(R"({"prefixes":2,"asns":1,"lists":[]})")),
            "configured: 2 prefixes, 1 AS number\n");
  EXPECT_NE(render_blocklist(Json::parse(R"({"prefixes":0,"asns":0,"lists":[]})")).find("no lists"), std::string::npos);
}

}  // namespace
}  // namespace floof::outside
