// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "features/dataplane/dataplane_plan.h"

namespace floof::dataplane {
namespace {

using config::Json;

std::string plan(const char* before, const char* after, const std::vector<std::string>& restart_for = {}) {
  std::string out;
  for (const auto& step : dataplane_plan(Json::parse(before), Json::parse(after), restart_for)) {
    EXPECT_EQ(step.who, "dataplane");
    out += step.what + (step.interrupts.empty() ? "" : " [" + step.interrupts + "]") + "\n";
  }
  return out;
}

TEST(DataplanePlan, TellsWhatChanges) {
  const char* before =
      R"({"generation":1,"interfaces":[{"name":"e0","mtu":1500,"device":{"name":"x"}},{"name":"e1"},{"name":"e2"}],
          "route":[{"vrf":0,"name":"default","statics":[]},{"vrf":1,"name":"red"},{"vrf":2,"name":"old"}],"x":{"y":1}})";
  EXPECT_EQ(plan(before, before), "");
  EXPECT_EQ(
      plan(before,
           R"({"generation":2,"interfaces":[{"name":"e0","mtu":1400,"device":{"name":"x"}},{"name":"e1","device":1},
               {"name":"e3"}],"route":[{"vrf":0,"name":"default","statics":[1]},{"vrf":1,"name":"red","a":1},
               {"vrf":3,"name":"new"}],"x":{"y":2}})"),
      "interface e0 changes: mtu\n"
      "interface e1 changes: device [all packets of e1]\n"
      "interface e3 is added\n"
      "interface e2 is removed [all packets of e2]\n"
      "route changes: statics\n"
      "route new is added\n"
      "route red changes: a\n"
      "route old is removed\n"
      "x changes: y\n");
  const char* up = R"({"interfaces":[{"name":"e0","enabled":true,"addresses":["192.0.2.1/24","198.51.100.1/24"]}]})";
  const char* down = R"({"interfaces":[{"name":"e0","enabled":false,"addresses":["192.0.2.1/24","198.51.100.1/24"]}]})";
  EXPECT_EQ(plan(up, down), "interface e0 is disabled [all packets of e0]\n");
  EXPECT_EQ(plan(down, up), "interface e0 is enabled\n");
  EXPECT_EQ(plan(up, R"({"interfaces":[{"name":"e0","enabled":true,"addresses":["192.0.2.1/23","198.51.100.1/24"]}]})"),
            "interface e0 changes: addresses [packets from and to 192.0.2.0/24]\n");
  EXPECT_EQ(plan("null", R"({"interfaces":[{"name":"e0"}]})"), "interface e0 is added\n");
  EXPECT_EQ(plan("{}", "{}", {"dataplane workers"}),
            "floof-dataplane restarts for dataplane workers [all forwarding, for about a second; BGP sessions stay]\n");
}

}  // namespace
}  // namespace floof::dataplane
