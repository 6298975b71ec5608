// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"
#include "features/bond/bond.h"

namespace floof {

namespace interface {
const config::Feature& config_feature();
}
namespace vlan {
const config::Feature& config_feature();
}
namespace bond {
const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::config_of;
using config::test::Strings;
using config::test::typed;

constexpr std::string_view kPorts =
    "set interface e2 device null\nset interface e3 device null\nset interface e4 device null\n";

Strings judge(std::string_view lines) {
  vlan::config_feature();
  return complaints(config_feature(), typed(std::string(kPorts) + std::string(lines)));
}

TEST(BondConfig, AcceptsWhatIsRight) {
  for (const char* lines : {
           "set interface bond0 bond member e2\nset interface bond0 address 192.0.2.1/24",
           "set interface bond0 bond mode lacp\nset interface bond0 bond member [ e2 e3 ]\n"
           "set interface bond0 bond min-links 2\nset interface bond0 bond load-balance l23\n"
           "set interface bond0 bond lacp rate fast\nset interface bond0 bond lacp activity passive\n"
           "set interface bond0 bond lacp system-priority 1\nset interface bond0.7 vlan 7",
           "set interface b bond mode active-backup member e2\nset interface b bond member e3 primary e3\n"
           "set interface c bond mode balance-xor member e4 load-balance l2",
           "set interface b bond mode broadcast member e2\nset interface c bond mode round-robin member e3 min-links 1",
       }) {
    EXPECT_EQ(judge(lines), Strings{}) << lines;
    EXPECT_EQ(complaints(interface::config_feature(), typed(std::string(kPorts) + lines)), Strings{}) << lines;
  }
}

TEST(BondConfig, Members) {
  EXPECT_EQ(judge("set interface b bond mode lacp"), Strings{"interface b bond: it has no members"});
  EXPECT_EQ(judge("set interface b bond member e2\nset interface c bond member e2"),
            Strings{"interface c bond member e2: e2 is a member of b already"});
  EXPECT_EQ(
      judge("set interface b bond member e2\nset interface e2 address 192.0.2.1/24"),
      Strings{"interface b bond member e2: e2 has the address 192.0.2.1/24, and the bond speaks for its members"});
  EXPECT_EQ(judge("set interface b bond member e2\nset interface e2.7 vlan 7"),
            Strings{"interface b bond member e2: e2 carries the interface e2.7"});
  EXPECT_EQ(judge("set interface b bond member e2\nset interface e2 mac 02:00:00:00:00:02"),
            Strings{"interface b bond member e2: e2 has the MAC 02:00:00:00:00:02, and members have their bond's"});
  EXPECT_EQ(judge("set interface b bond member e2\nset interface e2 mtu 9000"),
            Strings{"interface b bond member e2: e2 has the MTU 9000, the bond 1500"});
  EXPECT_EQ(judge("set interface b mtu 9000\nset interface b bond member e2\nset interface e2 mtu 9000"), Strings{});
  EXPECT_EQ(judge("set interface b bond member b"),
            Strings{"interface b bond member b: a bond cannot be its own member"});
  EXPECT_EQ(judge("set interface b bond member e2\nset interface c bond member b"),
            Strings{"interface c bond member b: b is a bond, not a port"});
  EXPECT_EQ(judge("set interface e3.7 vlan 7\nset interface b bond member e3.7"),
            Strings{"interface b bond member e3.7: e3.7 is a vlan, not a port"});
  EXPECT_EQ(judge("set interface loop0\nset interface b bond member loop0"),
            Strings{"interface b bond member loop0: loop0 is a loopback, not a port"});
  std::string many, ports;
  for (int i = 10; i < 43; i++) {
    ports += "set interface p" + std::to_string(i) + " device null\n";
    many += "set interface b bond member p" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(judge(ports + many), Strings{"interface b bond member: there are 33 members"});
}

TEST(BondConfig, AMemberThatGoes) {
  config::Tree tree = config::test::tree_of(std::string(kPorts) + "set interface b bond member e2\n");
  ASSERT_TRUE(tree.edit(config::test::words("delete interface e2")).ok());
  const auto errors = tree.validate();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].path, "interface b bond member e2");
  EXPECT_NE(errors[0].remedy, "");
}

TEST(BondConfig, SettingsThatMeanNothing) {
  EXPECT_EQ(judge("set interface b bond mode round-robin member e2 load-balance l2"),
            Strings{"interface b bond load-balance l2: means nothing in mode round-robin"});
  EXPECT_EQ(judge("set interface b bond mode balance-xor member e2\nset interface b bond lacp rate fast"),
            Strings{"interface b bond lacp: means nothing in mode balance-xor"});
  EXPECT_EQ(judge("set interface b bond member e2 primary e2"),
            Strings{"interface b bond primary e2: means nothing in mode lacp"});
  EXPECT_EQ(judge("set interface b bond mode active-backup member e2 min-links 1"),
            Strings{"interface b bond min-links 1: means nothing in mode active-backup"});
  EXPECT_EQ(judge("set interface b bond member e2 min-links 2"),
            Strings{"interface b bond min-links 2: the bond has 1 member and would stay down"});
  EXPECT_EQ(judge("set interface b bond mode active-backup member e2 primary e3"),
            Strings{"interface b bond primary e3: e3 is no member"});
}

TEST(BondConfig, OneKindOnly) {
  vlan::config_feature();
  config_feature();
  const auto lines = std::string(kPorts) + "set interface e2.9 vlan 9\nset interface e2.9 bond member e3\n" +
                     "set interface e4 bond member e3";
  const auto found = complaints(interface::config_feature(), lines);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1], "interface e4: it is a port with a device and a bond at once");
}

TEST(BondConfig, Desired) {
  nlohmann::json desired;
  config_feature();
  interface::config_feature().desired(config_of(typed(std::string(kPorts) + R"(set interface b bond member [ e2 e3 ]
set interface b mtu 9000
set interface b bond lacp rate fast
set interface c bond mode active-backup member e4 primary e4
)")),
                                      desired);
  const auto& list = desired["interfaces"];
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0]["device"], nlohmann::json::parse(R"({"type":"bond","mode":"lacp","members":["e2","e3"],
    "load-balance":"l34","min-links":1,"rate":"fast","activity":"active","system-priority":32768})"));
  EXPECT_EQ(list[1]["device"],
            nlohmann::json::parse(R"({"type":"bond","mode":"active-backup","members":["e4"],"primary":"e4"})"));
  EXPECT_EQ(list[2]["mtu"], 9000) << "members have their bond's";
  EXPECT_EQ(list[4]["mtu"], 1500);
  for (const auto& entry : {list[0], list[1]}) {
    EXPECT_TRUE(parse_bond(entry["device"]).ok());
  }
}

}  // namespace
}  // namespace bond
}  // namespace floof
