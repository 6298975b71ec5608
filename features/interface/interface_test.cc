// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface.h"

#include <gtest/gtest.h>

#include <set>

namespace floof::interface {
namespace {

Json desired(const Json& interfaces) { return {{"interfaces", interfaces}}; }
Json entry(const std::string& name, Json more = Json::object()) {
  Json out = {{"name", name}, {"device", {{"type", "null"}}}};
  out.update(more);
  return out;
}

std::string all(const std::vector<Error>& errors) {
  std::string out;
  for (const auto& e : errors) {
    out += e.text() + "\n";
  }
  return out;
}

TEST(ParseInterfaces, ReadsEverything) {
  const auto parsed = parse_interfaces(desired(
      {{{"name", "e0"},
        {"device", {{"type", "tap"}, {"name", "to-r1"}, {"netns", "h1"}}},
        {"description", "uplink"},
        {"enabled", false},
        {"mtu", 9000},
        {"mac", "02:00:00:00:00:01"},
        {"addresses", {"192.0.2.1/24", "2001:db8::1/64"}}},
       {{"name", "e1"}, {"device", {{"type", "host"}, {"name", "eth0"}, {"mode", "af-packet"}, {"force", true}}}},
       {{"name", "loop0"}, {"device", {{"type", "loopback"}}}, {"mac", nullptr}}}));
  ASSERT_TRUE(parsed.errors.empty()) << all(parsed.errors);
  ASSERT_EQ(parsed.interfaces.size(), 3u);
  const InterfaceSpec& e0 = parsed.interfaces[0];
  EXPECT_EQ(e0.device.type, DeviceType::tap);
  EXPECT_EQ(e0.device.netns, "h1");
  EXPECT_FALSE(e0.enabled);
  EXPECT_EQ(e0.mtu, 9000u);
  EXPECT_EQ(floof::to_string(*e0.mac), "02:00:00:00:00:01");
  EXPECT_EQ(e0.addresses.size(), 2u);
  EXPECT_EQ(device_path(e0), "interface e0 device tap to-r1");
  const InterfaceSpec& e1 = parsed.interfaces[1];
  EXPECT_EQ(e1.device.access, HostAccess::af_packet);
  EXPECT_TRUE(e1.device.force);
  EXPECT_EQ(e1.mtu, 1500u);
  EXPECT_EQ(device_path(parsed.interfaces[2]), "interface loop0");
}

TEST(ParseInterfaces, NamesEveryErrorAtOnce) {
  const auto parsed = parse_interfaces(
      desired({entry("e0", {{"mtu", 67}}), entry("e1", {{"mac", "01:00:00:00:00:01"}}), entry("a-name-of-16-chr"),
               entry("lo"), entry("e/2"), entry("e3", {{"addresses", {"192.0.2.1"}}}),
               entry("e4", {{"device", Json::object()}}), entry("good", {{"addresses", {"192.0.2.9/24"}}}),
               entry("good"), entry("e5", {{"addresses", {"192.0.2.9/25"}}})}));
  EXPECT_EQ(parsed.errors.size(), 9u) << all(parsed.errors);
  for (const auto& error : parsed.errors) {
    EXPECT_TRUE(error.path.starts_with("interface")) << error.text();
    EXPECT_FALSE(error.reason.empty());
    EXPECT_FALSE(error.remedy.empty()) << error.text();
  }
  ASSERT_EQ(parsed.interfaces.size(), 1u);
  EXPECT_EQ(parsed.interfaces[0].name, "good");
}

TEST(ParseInterfaces, DevicesAreUsedOnce) {
  const Json host = {{"device", {{"type", "host"}, {"name", "eth0"}}}};
  const Json tap1 = {{"device", {{"type", "tap"}, {"name", "t"}, {"netns", "a"}}}};
  const Json tap2 = {{"device", {{"type", "tap"}, {"name", "t"}, {"netns", "b"}}}};
  EXPECT_TRUE(parse_interfaces(desired({entry("a", tap1), entry("b", tap2), entry("c"), entry("d")})).errors.empty());
  const auto twice = parse_interfaces(desired({entry("a", host), entry("b", host)}));
  ASSERT_EQ(twice.errors.size(), 1u);
  EXPECT_EQ(twice.errors[0].path, "interface b device host eth0");
  EXPECT_NE(twice.errors[0].reason.find("interface a"), std::string::npos);
}

TEST(ParseInterfaces, ForeignShapesAreErrorsOrNothing) {
  EXPECT_TRUE(parse_interfaces(Json::object()).interfaces.empty());
  EXPECT_TRUE(parse_interfaces(desired(7)).interfaces.empty());
  for (const Json& odd : {Json(7), Json("e0"), Json(nullptr), Json::array(), Json{{"name", 7}}, Json{{"name", "e0"}},
                          Json{{"name", "e0"}, {"device", "tap"}}, Json{{"name", "e0"}, {"device", {{"type", 3}}}},
                          Json{{"name", "e0"}, {"device", {{"type", "tap"}}}}, entry("e0", {{"mtu", "1500"}}),
                          entry("e0", {{"mtu", 1e30}}), entry("e0", {{"mac", 5}}), entry("e0", {{"addresses", {3}}})}) {
    const auto parsed = parse_interfaces(desired(Json::array({odd})));
    EXPECT_FALSE(parsed.errors.empty()) << odd;
    EXPECT_TRUE(parsed.interfaces.empty()) << odd;
  }
}

TEST(ParseInterfaces, Limit) {
  Json many = Json::array();
  for (size_t i = 0; i < kMaxConfigured; i++) {
    many.push_back(entry("e" + std::to_string(i)));
  }
  EXPECT_EQ(parse_interfaces(desired(many)).interfaces.size(), kMaxConfigured);
  many.push_back(entry("more"));
  EXPECT_EQ(parse_interfaces(desired(many)).errors.size(), 1u);
}

TEST(DerivedMac, IsLocalStableAndDistinct) {
  std::set<Mac> seen;
  for (int i = 0; i < 1000; i++) {
    const Mac mac = derived_mac("r1", "e" + std::to_string(i));
    EXPECT_EQ(mac.bytes[0] & 3, 2);
    EXPECT_EQ(mac, derived_mac("r1", "e" + std::to_string(i)));
    seen.insert(mac);
  }
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_NE(derived_mac("r1", "e0"), derived_mac("r2", "e0"));
  EXPECT_NE(derived_mac("r1", "e0"), derived_mac("r", "1e0"));
}

}  // namespace
}  // namespace floof::interface
