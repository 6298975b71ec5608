// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace floof::vlan {

namespace {

std::string complaint(const char* json) {
  const auto parsed = parse_vlan(nlohmann::json::parse(json));
  return parsed ? "" : parsed.error().text();
}

VlanSpec parsed(const char* json) {
  const auto out = parse_vlan(nlohmann::json::parse(json));
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().text());
  return out ? *out : VlanSpec{};
}

TEST(Vlan, Kinds) {
  VlanSpec expected{"e0", Match::one, 100, 0, OuterProtocol::dot1q, {}};
  EXPECT_EQ(parsed(R"({"type":"vlan","parent":"e0","outer":100})"), expected);
  EXPECT_EQ(expected.overhead(), 4u);
  expected = {"e0", Match::two, 100, 7, OuterProtocol::dot1ad, {}};
  EXPECT_EQ(parsed(R"({"type":"vlan","parent":"e0","outer":100,"inner":7,"protocol":"802.1ad"})"), expected);
  EXPECT_EQ(expected.overhead(), 8u);
  EXPECT_EQ(parsed(R"({"parent":"e0","outer":4094,"inner":"any"})").match, Match::outer_and_any);
  EXPECT_EQ(parsed(R"({"parent":"e0","outer":"any"})").match, Match::any);
  EXPECT_EQ(parsed(R"({"parent":"e0","outer":"default"})").match, Match::rest);
  const VlanSpec untagged = parsed(R"({"parent":"e0","outer":"untagged"})");
  EXPECT_EQ(untagged.match, Match::untagged);
  EXPECT_TRUE(untagged.sends());
  EXPECT_EQ(untagged.overhead(), 0u);
  EXPECT_FALSE(parsed(R"({"parent":"e0","outer":"any"})").sends());
}

TEST(Vlan, Priorities) {
  const VlanSpec spec =
      parsed(R"({"parent":"e0","outer":1,"priority":{"fixed":3,"dscp":{"46":5,"0":0},"pcp":{"7":48}}})");
  EXPECT_EQ(spec.priority.fixed, 3);
  EXPECT_EQ(spec.priority.to_pcp[46], 5);
  EXPECT_EQ(spec.priority.to_pcp[0], 0);
  EXPECT_EQ(spec.priority.to_pcp[1], std::nullopt);
  EXPECT_EQ(spec.priority.to_dscp[7], 48);
}

TEST(Vlan, Refused) {
  EXPECT_EQ(complaint("[]"), "vlan: is no object");
  EXPECT_EQ(complaint(R"({"outer":1})"), "vlan parent: cannot be null; name an interface");
  EXPECT_EQ(complaint(R"({"parent":"e0"})"), "vlan outer: cannot be null; use 1 to 4094, any, untagged or default");
  for (const char* outer : {"0", "4095", "-1", "1.5", "\"100\"", "[]"}) {
    const std::string json = std::string(R"({"parent":"e0","outer":)") + outer + "}";
    EXPECT_EQ(complaint(json.c_str()).substr(0, 11), "vlan outer:") << outer;
  }
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":"any","inner":5})"),
            "vlan inner: cannot be 5; an inner tag needs the number of an outer one");
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":5,"inner":4095})"), "vlan inner: cannot be 4095; use 1 to 4094 or any");
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":5,"protocol":"isl"})"),
            "vlan protocol: cannot be \"isl\"; use 802.1q or 802.1ad");
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":5,"priority":{"fixed":8}})"),
            "vlan priority fixed: cannot be 8; use 0 to 7");
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":5,"priority":{"dscp":{"64":1}}})"),
            "vlan priority dscp: cannot be {\"64\":1}; map 0 to 63 to 0 to 7");
  EXPECT_EQ(complaint(R"({"parent":"e0","outer":5,"priority":{"pcp":{"07":1}}})"),
            "vlan priority pcp: cannot be {\"07\":1}; map 0 to 7 to 0 to 63");
}

TEST(Vlan, Dscp) {
  EXPECT_EQ(parse_dscp("0"), 0);
  EXPECT_EQ(parse_dscp("63"), 63);
  EXPECT_EQ(parse_dscp("cs5"), 40);
  EXPECT_EQ(parse_dscp("af41"), 34);
  EXPECT_EQ(parse_dscp("af13"), 14);
  EXPECT_EQ(parse_dscp("ef"), 46);
  EXPECT_EQ(parse_dscp("va"), 44);
  EXPECT_EQ(parse_dscp("le"), 1);
  for (const char* bad : {"", "64", "-1", "00", "cs8", "af44", "af51", "efx", "4 "}) {
    EXPECT_EQ(parse_dscp(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace floof::vlan
