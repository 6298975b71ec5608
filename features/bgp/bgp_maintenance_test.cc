// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bgp/bgp_maintenance.h"

#include <gtest/gtest.h>

namespace floof::bgp {
namespace {

using Json = nlohmann::json;
using Edits = std::vector<std::vector<std::string>>;

const Json kConfig = Json::parse(R"({"bgp":{"peer":[{"name":"a"},
    {"name":"b","maintenance":"down","shutdown-message":"gone"}]}})");

TEST(BgpMaintenance, Edits) {
  const auto drain = maintenance_of(kConfig, {{"peer", "a"}, {"mode", "drain"}});
  ASSERT_TRUE(drain.ok());
  EXPECT_EQ(drain->edits, (Edits{{"set", "bgp", "peer", "a", "maintenance", "drain"}}));
  EXPECT_EQ(drain->comment, "bgp maintenance a drain");
  const auto down = maintenance_of(kConfig, {{"peer", "a"}, {"mode", "down"}, {"message", "fibre works"}});
  EXPECT_EQ(down->edits, (Edits{{"set", "bgp", "peer", "a", "maintenance", "down"},
                                {"set", "bgp", "peer", "a", "shutdown-message", "fibre works"}}));
  EXPECT_EQ(maintenance_of(kConfig, {{"peer", "all"}, {"mode", "off"}})->edits,
            (Edits{{"delete", "bgp", "peer", "b", "maintenance"}}));
  EXPECT_EQ(maintenance_of(kConfig, {{"peer", "a"}, {"mode", "off"}})->edits, Edits{});
  EXPECT_EQ(maintenance_of(kConfig, {{"peer", "all"}, {"mode", "down"}})->edits.size(), 2u);
}

TEST(BgpMaintenance, Errors) {
  EXPECT_FALSE(maintenance_of(kConfig, {{"peer", "x"}, {"mode", "down"}}).ok());
  EXPECT_FALSE(maintenance_of(kConfig, {{"peer", "a"}, {"mode", "up"}}).ok());
  EXPECT_FALSE(maintenance_of(kConfig, {{"peer", "a"}, {"mode", "off"}, {"message", "x"}}).ok());
  EXPECT_FALSE(maintenance_of(Json::object(), {{"peer", "all"}, {"mode", "off"}}).ok());
}

}  // namespace
}  // namespace floof::bgp
