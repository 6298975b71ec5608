// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"
#include "features/interface/subnets.h"

namespace floof::interface {

const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::config_of;
using config::test::Strings;

Strings judge(std::string_view lines) { return complaints(config_feature(), lines); }

constexpr std::string_view kE0 = "set interface e0 device null\n", kE1 = "set interface e1 device null\n";

TEST(InterfaceConfig, AcceptsWhatIsRight) {
  EXPECT_EQ(judge(R"(set interface e0 device tap to-r1
set interface e0 device netns h1
set interface e0 address 192.0.2.1/24
set interface e0 address 192.0.2.129/24
set interface e0 address 2001:db8::1/64
set interface e0 address fe80::1/64
set interface e1 device tap to-r1
set interface e1 device netns h2
set interface e1 address 198.51.100.0/31
set interface e1 address 2001:db8:1::/127
set interface e1 address fe80::1/64
set interface loop0 address 192.0.2.200/32
set interface loop0 address 2001:db8::200/128
)"),
            Strings{});
}

TEST(InterfaceConfig, Names) {
  EXPECT_EQ(judge("set interface lo device null"), Strings{"interface lo: Linux or FloofOS uses this name itself"});
  EXPECT_EQ(judge("set interface floof0 device null"),
            Strings{"interface floof0: Linux or FloofOS uses this name itself"});
}

TEST(InterfaceConfig, Devices) {
  EXPECT_EQ(judge("set interface e0"), Strings{"interface e0: no device carries its packets"});
  EXPECT_EQ(judge("set interface loop0 device null"), Strings{"interface loop0 device: a loopback has no device"});
  EXPECT_EQ(judge("set interface loop device null"), Strings{});
  EXPECT_EQ(judge("set interface e0 device host veth0\nset interface e1 device host veth0"),
            Strings{"interface e1 device host veth0: the Linux device veth0 is already used by interface e0"});
  EXPECT_EQ(judge("set interface e0 device tap t\nset interface e1 device tap t"),
            Strings{"interface e1 device tap t: the TAP device t is already used by interface e0"});
}

struct Case {
  std::string_view address;
  std::string_view reason;
};

TEST(InterfaceConfig, Addresses) {
  const Case cases[] = {
      {"224.0.0.1/24", "is a multicast address"},
      {"0.0.0.1/24", "is in 0.0.0.0/8, which names no host"},
      {"127.0.0.1/8", "is in 127.0.0.0/8, which Linux keeps for itself"},
      {"240.0.0.1/24", "is in 240.0.0.0/4, which is reserved"},
      {"192.0.2.0/24", "192.0.2.0 is the network address of 192.0.2.0/24"},
      {"192.0.2.255/24", "192.0.2.255 is the broadcast address of 192.0.2.0/24"},
      {"ff02::1/64", "is a multicast address"},
      {"::1/128", "is the loopback address, which Linux keeps for itself"},
      {"::/64", "is the unspecified address"},
      {"::ffff:192.0.2.1/96", "is an IPv4-mapped address"},
      {"2001:db8::/64", "2001:db8:: is the anycast address of all routers on 2001:db8::/64"},
      {"fe80::1/10", "a link-local address has length 64 (RFC 4291)"},
  };
  for (const Case& c : cases) {
    const auto found = judge(std::string(kE0) + "set interface e0 address " + std::string(c.address));
    ASSERT_EQ(found.size(), 1U) << c.address;
    EXPECT_TRUE(found[0].ends_with(": " + std::string(c.reason))) << found[0];
  }
  EXPECT_EQ(judge(std::string(kE0) + "set interface e0 mtu 1000\nset interface e0 address 2001:db8::1/64"),
            Strings{"interface e0 address 2001:db8::1/64: IPv6 needs an MTU of at least 1280 (RFC 8200), this "
                    "interface has 1000"});
  EXPECT_EQ(judge(std::string(kE0) + "set interface e0 mac 01:00:00:00:00:01"),
            Strings{"interface e0 mac 01:00:00:00:00:01: is a multicast address"});
}

TEST(InterfaceConfig, DuplicatesAndOverlaps) {
  const std::string both = std::string(kE0) + std::string(kE1);
  EXPECT_EQ(judge(both + "set interface e0 address 192.0.2.1/24\nset interface e1 address 192.0.2.1/24"),
            Strings{"interface e1 address 192.0.2.1/24: 192.0.2.1 is also on interface e0 as 192.0.2.1/24"});
  EXPECT_EQ(judge(both + "set interface e0 address 192.0.2.1/24\nset interface e0 address 192.0.2.1/25"),
            Strings{"interface e0 address 192.0.2.1/25: 192.0.2.1 is also on interface e0 as 192.0.2.1/24"});
  EXPECT_EQ(
      judge(both + "set interface e0 address 192.0.2.1/24\nset interface e1 address 192.0.2.130/25"),
      Strings{"interface e1 address 192.0.2.130/25: its subnet 192.0.2.128/25 overlaps 192.0.2.0/24 of interface e0"});
  EXPECT_EQ(
      judge(both + "set interface e0 address 192.0.2.1/24\nset interface e0 address 192.0.2.9/29\nset interface e1 "
                   "address 192.0.2.10/29"),
      Strings{"interface e1 address 192.0.2.10/29: its subnet 192.0.2.8/29 overlaps 192.0.2.0/24 of interface e0"});
}

TEST(InterfaceConfig, Desired) {
  nlohmann::json desired;
  config_feature().desired(config_of(R"(set interface e0 device tap to-r1
set interface e0 device netns h1
set interface e0 description "the first"
set interface e0 address 192.0.2.1/24
set interface e1 device host veth-b
set interface e1 device force
set interface e1 disabled
set interface e1 mac 02:00:00:00:00:01
set interface e1 mtu 9000
set interface loop0 address 198.51.100.1/32
set interface n0 device null
)"),
                           desired);
  EXPECT_EQ(desired["interfaces"], nlohmann::json::parse(R"([
{"name":"e0","device":{"type":"tap","name":"to-r1","netns":"h1"},"description":"the first","enabled":true,"mtu":1500,"addresses":["192.0.2.1/24"]},
{"name":"e1","device":{"type":"host","name":"veth-b","mode":"auto","force":true},"enabled":false,"mtu":9000,"mac":"02:00:00:00:00:01","addresses":[]},
{"name":"loop0","device":{"type":"loopback"},"enabled":true,"mtu":1500,"addresses":["198.51.100.1/32"]},
{"name":"n0","device":{"type":"null"},"enabled":true,"mtu":1500,"addresses":[]}])"));
}

}  // namespace
}  // namespace floof::interface
