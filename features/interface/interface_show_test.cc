// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"
#include "shell/text.h"

namespace floof::interface {
namespace {

using shell::Json;

const Json kInterfaces = Json::parse(R"([
  {"name":"e0","id":1,"device":{"type":"tap","name":"to-r1","netns":"h1"},"kind":"tap","admin":"up","link":"up",
   "mac":"02:00:00:00:00:01","mtu":1500,"description":"uplink",
   "addresses":[{"address":"192.0.2.1/24","origin":"config"},{"address":"fe80::1/64","origin":"kernel"}],
   "counters":{"rx-packets":7,"rx-bytes":700,"rx-drops":1,"rx-errors":0,"tx-packets":18446744073709551615,
               "tx-bytes":900,"tx-drops":0,"tx-errors":0,"punted":3}},
  {"name":"e1","device":{"type":"host","name":"veth-b","mode":"auto"},"kind":"missing","admin":"up","link":"down",
   "reason":"device veth-b was not found","mtu":1500,"addresses":[]}])");

TEST(InterfaceShow, OneLinePerInterfaceAndWhyItIsDown) {
  EXPECT_EQ(render_interfaces(kInterfaces),
            "Interface  Admin  Link  Port      MTU  MAC                Address              Description\n"
            "e0         up     up    tap      1500  02:00:00:00:00:01  192.0.2.1/24         uplink\n"
            "                                                          fe80::1/64 (kernel)\n"
            "e1         up     down  missing  1500  -                  -\n"
            "\n"
            "e1: device veth-b was not found\n");
  EXPECT_EQ(render_interfaces(Json::array()), "no interfaces; 'set interface NAME device ...' makes one\n");
}

TEST(InterfaceShow, Details) {
  EXPECT_EQ(render_details(Json::array({kInterfaces[0]})),
            "Interface e0: admin up, link up\n"
            "  Description: uplink\n"
            "  Device:      tap to-r1 in netns h1\n"
            "  Port:        tap\n"
            "  MAC:         02:00:00:00:00:01\n"
            "  MTU:         1500 bytes\n"
            "  Addresses:   192.0.2.1/24\n"
            "               fe80::1/64 (kernel)\n"
            "  Counters               packets  bytes  drops  errors\n"
            "  received                     7    700      1       0\n"
            "  sent      18446744073709551615    900      0       0\n"
            "  to Linux                     3\n");
}

TEST(InterfaceShow, Counters) {
  const std::string text = render_counters(kInterfaces);
  EXPECT_NE(text.find("e0                  7       700         1          0  18446744073709551615"), std::string::npos)
      << text;
  EXPECT_NE(text.find("e1                  0         0"), std::string::npos) << text;
}

TEST(InterfaceShow, CountersOnANarrowScreen) {
  shell::set_screen_columns(80);
  const std::string text = render_counters(kInterfaces);
  shell::set_screen_columns(0);
  EXPECT_EQ(text,
            "Interface                         Packets  Bytes  Drops  Errors\n"
            "e0         rx                           7    700      1       0\n"
            "           tx        18446744073709551615    900      0       0\n"
            "           to Linux                     3\n"
            "e1         rx                           0      0      0       0\n"
            "           tx                           0      0      0       0\n"
            "           to Linux                     0\n");
}

TEST(InterfaceShow, AReasonIsToldOnce) {
  Json three = Json::array();
  for (const char* name : {"e0", "e1", "e2"}) {
    three.push_back({{"name", name}, {"reason", name == std::string("e1") ? "no carrier" : "AF_PACKET instead"}});
  }
  const std::string text = render_interfaces(three);
  EXPECT_EQ(text.substr(text.find("\n\n")), "\n\ne0, e2: AF_PACKET instead\ne1: no carrier\n");
}

TEST(InterfaceShow, Devices) {
  EXPECT_EQ(render_devices(Json::parse(R"([
              {"name":"eth0","driver":"mlx5_core","mac":"02:00:00:00:00:01","megabits":25000,"link":"up",
               "namespace":"ports","interface":"up1"},
              {"name":"eth1","driver":"e1000e","mac":"02:00:00:00:00:02","megabits":null,"link":"unknown",
               "namespace":"router","addresses":["192.0.2.1/24"],"default-route":true},
              {"name":"eth2","driver":"","mac":"02:00:00:00:00:03","megabits":2500,"link":"down","namespace":"host",
               "addresses":[],"default-route":false}])")),
            "Device  Driver          Speed  Link     MAC                Namespace  Used by\n"
            "eth0    mlx5_core   25 Gbit/s  up       02:00:00:00:00:01  ports      interface up1\n"
            "eth1    e1000e              -  unknown  02:00:00:00:00:02  router     has 192.0.2.1/24, default route\n"
            "eth2    -          2.5 Gbit/s  down     02:00:00:00:00:03  host\n");
}

TEST(InterfaceShow, StrangeDataDoesNoHarm) {
  for (const char* text : {"null", "3", "[null]", "[[]]", R"([{"addresses":3,"counters":[],"device":"x"}])"}) {
    const Json data = Json::parse(text);
    render_interfaces(data);
    render_counters(data);
    render_details(data);
    render_devices(data);
  }
}

TEST(InterfaceShow, CommandsAskAndCheck) {
  shell::Registry registry;
  register_show(registry);
  registry.help("show ip", "of other features");
  registry.help("show ip6", "of other features");
  EXPECT_TRUE(registry.unexplained().empty());
  shell::FakeContext context;
  context.give(kInterfaces);
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  EXPECT_EQ(session.run("sh int e1 | match Port"), 0);
  EXPECT_EQ(terminal.output, "  Port:        missing\n");
  EXPECT_EQ(session.run("show interface e9"), 1);
  EXPECT_EQ(terminal.errors, "show interface e9: there is no such interface; 'show interface' lists them\n");
  EXPECT_EQ(session.run("clear counters"), 0);
  EXPECT_EQ(context.asked.back(), (Json{{"op", "clear"}, {"what", "counters"}}));
  const auto choices = session.complete("show interface e").choices;
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_EQ(choices[0].word, "<name>");
  EXPECT_EQ(choices[1].word, "e0");
}

}  // namespace
}  // namespace floof::interface
