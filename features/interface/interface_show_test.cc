// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/interface_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

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

TEST(InterfaceShow, StrangeDataDoesNoHarm) {
  for (const char* text : {"null", "3", "[null]", "[[]]", R"([{"addresses":3,"counters":[],"device":"x"}])"}) {
    const Json data = Json::parse(text);
    render_interfaces(data);
    render_counters(data);
    render_details(data);
  }
}

TEST(InterfaceShow, CommandsAskAndCheck) {
  shell::Registry registry;
  register_show(registry);
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
