// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"
#include "features/vlan/vlan.h"

namespace floof {

namespace interface {
const config::Feature& config_feature();
}
namespace vlan {
const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::config_of;
using config::test::Strings;
using config::test::typed;

constexpr std::string_view kPorts = "set interface e0 device null\nset interface e1 device null\n";

Strings judge(std::string_view lines) {
  return complaints(config_feature(), typed(std::string(kPorts) + std::string(lines)));
}

Strings judge_interfaces(std::string_view lines) {
  config_feature();
  return complaints(interface::config_feature(), typed(std::string(kPorts) + std::string(lines)));
}

TEST(VlanConfig, AcceptsWhatIsRight) {
  constexpr std::string_view kLines = R"(set interface e0.100 vlan 100
set interface e0.100 address 192.0.2.1/24
set interface e0.100.7 vlan 100 inner-vlan 7
set interface e0.100.7 address 192.0.3.1/24
set interface e0.100.8 vlan 100 inner-vlan 7
set interface e0.100.8 vlan-protocol 802.1ad
set interface cust7 parent e0 vlan 4094
set interface cust7 mtu 1400
set interface e1.100 vlan 100
set interface e0.q vlan 100 inner-vlan any
set interface e0.any vlan any
set interface e0.u vlan untagged
set interface e0.u address 192.0.4.1/24
set interface e0.d vlan default
set interface e0.100 priority fixed 3
set interface e0.100 priority dscp ef pcp 5
set interface e0.100 priority dscp 0 pcp 0
set interface e0.100 priority pcp 5 dscp ef
)";
  EXPECT_EQ(judge(kLines), Strings{});
  EXPECT_EQ(judge_interfaces(kLines), Strings{});
}

TEST(VlanConfig, TheSameTwiceOnOneParent) {
  EXPECT_EQ(judge("set interface e0.100 vlan 100\nset interface other parent e0 vlan 100"),
            Strings{"interface other vlan 100: interface e0.100 has it of e0 already"});
  EXPECT_EQ(judge("set interface e0.1 vlan 9 inner-vlan 7\nset interface e0.2 vlan 9 inner-vlan 7"),
            Strings{"interface e0.2 vlan 9 inner-vlan 7: interface e0.1 has it of e0 already"});
  EXPECT_EQ(judge("set interface e0.1 vlan default\nset interface e0.2 vlan default"),
            Strings{"interface e0.2 vlan default: interface e0.1 has it of e0 already"});
}

TEST(VlanConfig, Tags) {
  EXPECT_EQ(judge("set interface e0.7 inner-vlan 7"),
            Strings{"interface e0.7 inner-vlan 7: an inner VLAN needs an outer one"});
  EXPECT_EQ(judge("set interface e0.7 vlan any inner-vlan 7"),
            Strings{"interface e0.7 inner-vlan 7: an inner VLAN needs the number of an outer one, not \"any\""});
  EXPECT_EQ(judge("set interface e0.7 parent e0"),
            Strings{"interface e0.7: it is not said which VLAN of its parent it has"});
  EXPECT_EQ(judge("set interface e0.7 vlan untagged vlan-protocol 802.1ad"),
            Strings{"interface e0.7 vlan-protocol 802.1ad: an untagged interface looks at no tag"});
  EXPECT_EQ(judge("set interface e0.7 vlan default\nset interface e0.7 priority fixed 1"),
            Strings{"interface e0.7 priority: a default interface sends no tag of its own"});
  EXPECT_EQ(judge("set interface e0.7 vlan 7\nset interface e0.7 priority dscp 46 pcp 1\n"
                  "set interface e0.7 priority dscp ef pcp 2"),
            Strings{"interface e0.7 priority dscp ef: is the same as dscp 46, which has a priority already"});
}

TEST(VlanConfig, Values) {
  config::Tree tree = config::test::tree_of("");
  for (const char* bad : {"0", "4095", "10000", "01", "-1", "all"}) {
    const auto set = tree.set(config::test::words(std::string("interface e0.1 vlan ") + bad));
    ASSERT_FALSE(set.ok()) << bad;
    EXPECT_NE(set.error().text().find("A VLAN is 1 to 4094"), std::string::npos) << set.error().text();
  }
  EXPECT_TRUE(tree.set(config::test::words("interface e0.1 vlan 4094")).ok());
  EXPECT_FALSE(tree.set(config::test::words("interface a234567890123456 vlan 4094")).ok()) << "Linux's names";
}

TEST(VlanConfig, Parents) {
  EXPECT_EQ(judge("set interface e9.7 vlan 7"), Strings{"interface e9.7: there is no interface e9 to carry it"});
  EXPECT_EQ(judge("set interface cust vlan 7"), Strings{"interface cust: which port or bond carries it is not said"});
  EXPECT_EQ(judge("set interface e0.1 vlan 1\nset interface x parent e0.1 vlan 7"),
            Strings{"interface x parent e0.1: e0.1 is a VLAN itself"});
  EXPECT_EQ(judge("set interface x parent x vlan 7"), Strings{"interface x parent x: it cannot carry itself"});
  EXPECT_EQ(judge("set interface loop0\nset interface loop0.7 vlan 7"),
            Strings{"interface loop0.7: loop0 is a loopback, which has no VLANs"});
  // The parent that is named wins over the name, and a port may have a dot in its name.
  const auto both =
      config_of(typed(std::string(kPorts) + "set interface e0.b device null\nset interface e0.b.5 vlan 5\n"
                                            "set interface e0.6 parent e1 vlan 6\n"));
  nlohmann::json desired;
  config_feature();
  interface::config_feature().desired(both, desired);
  EXPECT_EQ(desired["interfaces"][1]["device"]["parent"], "e1");
  EXPECT_EQ(desired["interfaces"][3]["device"]["parent"], "e0.b");
}

TEST(VlanConfig, DeletingAParentWithChildren) {
  // By name nothing in the schema refers to it; by `parent` the schema says so.
  EXPECT_EQ(complaints(config_feature(), "set interface e5.7 vlan 7"),
            Strings{"interface e5.7: there is no interface e5 to carry it"});
  config::Tree tree =
      config::test::tree_of("set interface e0 device null\nset interface c parent e0\nset interface c vlan 7\n");
  ASSERT_TRUE(tree.edit(config::test::words("delete interface e0")).ok());
  const auto errors = tree.validate();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].path, "interface c parent e0");
  EXPECT_NE(errors[0].remedy, "");
}

TEST(VlanConfig, MtuAndAddresses) {
  EXPECT_EQ(judge("set interface e0.7 vlan 7 mtu 1501"),
            Strings{"interface e0.7 mtu 1501: its parent e0 carries packets of at most 1500 bytes"});
  EXPECT_EQ(judge("set interface e0 mtu 9000\nset interface e0.7 vlan 7 mtu 9000"), Strings{});
  EXPECT_EQ(judge("set interface e0 mtu 1000\nset interface e0.7 vlan 7\nset interface e0.7 address 2001:db8::1/64"),
            Strings{"interface e0.7 address 2001:db8::1/64: IPv6 needs an MTU of at least 1280 (RFC 8200), the parent "
                    "e0 has 1000"});
  EXPECT_EQ(judge("set interface e0.7 vlan any\nset interface e0.7 address 192.0.2.1/24"),
            Strings{"interface e0.7 address 192.0.2.1/24: an interface with vlan any does not know by which tag to "
                    "send"});
  EXPECT_EQ(judge("set interface e0.7 vlan 7 inner-vlan any\nset interface e0.7 address 192.0.2.1/24"),
            Strings{"interface e0.7 address 192.0.2.1/24: an interface with inner-vlan any does not know by which tag "
                    "to send"});
  EXPECT_EQ(judge("set interface e0 address 192.0.2.1/24\nset interface e0.7 vlan untagged"),
            Strings{"interface e0.7 vlan untagged: untagged frames belong to e0 itself, which has addresses"});
}

TEST(VlanConfig, OneKindOnly) {
  EXPECT_EQ(judge_interfaces("set interface e0 vlan 7\nset interface e0 parent e1"),
            Strings{"interface e0: it is a port with a device and a vlan at once"});
  EXPECT_EQ(judge_interfaces("set interface loop3 vlan 7"),
            Strings{"interface loop3: it is a loopback and a vlan at once"});
}

TEST(VlanConfig, Desired) {
  nlohmann::json desired;
  config_feature();
  interface::config_feature().desired(config_of(typed(std::string(kPorts) + R"(set interface e0 mtu 9000
set interface e0.100 vlan 100
set interface e0.100 address 192.0.2.1/24
set interface e0.100 priority dscp ef pcp 5
set interface e0.100 priority pcp 5 dscp af41
set interface e0.100 priority fixed 2
set interface e0.7 vlan 100 inner-vlan 7 vlan-protocol 802.1ad mtu 1500
set interface e0.any vlan any
)")),
                                      desired);
  const auto& list = desired["interfaces"];
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0]["name"], "e0");
  EXPECT_EQ(list[0]["device"], nlohmann::json::parse(R"({"type":"null"})"));
  EXPECT_EQ(list[1]["name"], "e0.7");
  EXPECT_EQ(list[1]["device"],
            nlohmann::json::parse(R"({"type":"vlan","parent":"e0","outer":100,"inner":7,"protocol":"802.1ad"})"));
  EXPECT_EQ(list[1]["mtu"], 1500);
  EXPECT_EQ(list[2], nlohmann::json::parse(R"({"name":"e0.100","device":{"type":"vlan","parent":"e0","outer":100,
    "protocol":"802.1q","priority":{"fixed":2,"dscp":{"46":5},"pcp":{"5":34}}},"enabled":true,
    "mtu":9000,"addresses":["192.0.2.1/24"]})"));
  EXPECT_EQ(list[3]["device"]["outer"], "any");
  for (const auto& entry : list) {
    if (entry["device"]["type"] == "vlan") {
      EXPECT_TRUE(parse_vlan(entry["device"]).ok()) << entry.dump();
    }
  }
}

}  // namespace
}  // namespace vlan
}  // namespace floof
