// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"
#include "features/route/desired_vrf.h"

namespace floof::ospf {

const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::Strings;

constexpr std::string_view kE0 = "set interface e0 device null\nset interface e0 address 192.0.2.1/24\n";

TEST(OspfConfig, Rules) {
  const std::string base(kE0);
  EXPECT_EQ(
      complaints(config_feature(), base + "set ospf area 0 interface e0 hello 1\nset ospf area 0 interface e0 dead 4"),
      Strings{});
  EXPECT_EQ(complaints(config_feature(), base + "set ospf area 0 interface e0\nset ospf area 1 interface e0"),
            Strings{"ospf area 1 interface e0: the interface is already in area 0"});
  EXPECT_EQ(complaints(config_feature(), base + "set ospf area 0 interface e0 dead 10"),
            Strings{"ospf area 0 interface e0 dead: neighbours would be lost: the dead interval 10 s is not longer "
                    "than the hello interval 10 s"});
  EXPECT_EQ(complaints(config_feature(), "set interface e0 device null\nset ospf area 0 interface e0"),
            Strings{"ospf router-id: is missing, and no interface has an IPv4 address to take it from"});
  EXPECT_EQ(complaints(config_feature(), base + "set ospf router-id 0.0.0.0"),
            Strings{"ospf router-id 0.0.0.0: is not the address of a host"});
}

TEST(OspfConfig, HowLongItTakesToComeUp) {
  const auto settles = [](std::string_view lines) {
    config::Json desired;
    config_feature().desired(config::test::config_of(std::string(kE0) + std::string(lines)), desired);
    return route::vrf_of(desired, kDefaultVrf).value("igp-settles-s", 0);
  };
  EXPECT_EQ(settles(""), 0);
  EXPECT_EQ(settles("set ospf area 0 interface e0 passive"), 0) << "it looks for nobody";
  EXPECT_EQ(settles("set ospf area 0 interface e0 hello 1"), 13);
  EXPECT_EQ(settles("set ospf area 0 interface e0"), 22);
  EXPECT_EQ(settles("set ospf area 0 interface e0 hello 100"), 40);
}

}  // namespace
}  // namespace floof::ospf
