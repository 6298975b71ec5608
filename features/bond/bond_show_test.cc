// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/bond_show.h"

#include <gtest/gtest.h>

#include "features/bond/bond_control.h"
#include "shell/fake_context.h"

namespace floof::bond {
namespace {

using namespace std::chrono_literals;
using shell::Json;

/// What the dataplane tells of a bond with one partner heard and one silent.
Json bonds() {
  BondSpec spec;
  spec.members = {"e2", "e3"};
  BondControl bond;
  bond.configure({"bond0", Mac{{2, 0, 0, 0, 0, 1}}, 4}, spec, {{5, "e2"}, {6, "e3"}}, 0ms);
  bond.set_link(5, true, 0ms);
  bond.set_link(6, true, 0ms);
  Lacpdu pdu;
  pdu.actor = {32768, Mac{{2, 0, 0, 0, 0, 2}}, 9, 255, 1, 0x3d};
  for (const Time now : {100ms, 2200ms}) {
    pdu.partner = {32768, Mac{{2, 0, 0, 0, 0, 1}}, 4, 255, 5, 0x3d};
    bond.receive(5, build_frame(pdu, Mac{{2, 0, 0, 0, 0, 2}}), now);
    bond.advance(now);
  }
  BondSpec other;
  other.mode = Mode::active_backup;
  other.members = {"e4"};
  BondControl backup;
  backup.configure({"b1", Mac{{2, 0, 0, 0, 0, 3}}, 5}, other, {{7, "e4"}}, 0ms);
  return Json::array({bond.view(5200ms), backup.view(5200ms)});
}

TEST(BondShow, Tables) {
  EXPECT_EQ(render_bonds(bonds()),
            "Bond   Mode           State  Balance  Member  Link  Status      Flows\n"
            "bond0  lacp           up     l34      e2      up    carries     100 %\n"
            "                                      e3      up    no-partner\n"
            "b1     active-backup  down            e4      down  link-down\n");
  EXPECT_EQ(render_lacp(bonds()),
            "Bond   Member  Status      Partner            Key  Port  Receive  Mux           Heard\n"
            "bond0  e2      carries     02:00:00:00:00:02    9     1  current  distributing  00:00:03 ago\n"
            "bond0  e3      no-partner  00:00:00:00:00:00    0     0  expired  detached      never\n");
  EXPECT_EQ(render_lacp_counters(bonds()),
            "Bond   Member  Sent  Received  Markers  Refused  Looped  Partners  Timeouts  Churns  Partner's\n"
            "bond0  e2         3         2        0        0       0         1         0       0          0\n"
            "bond0  e3         2         0        0        0       0         0         0       0          0\n");
}

TEST(BondShow, Details) {
  const std::string text = render_lacp_details(bonds());
  EXPECT_NE(text.find("bond0 member e2: carries\n"
                      "  actor:   system 32768 02:00:00:00:00:01, key 4, port 255 5\n"
                      "           active aggregation in-sync collecting distributing\n"
                      "  partner: system 32768 02:00:00:00:00:02, key 9, port 255 1\n"),
            std::string::npos)
      << text;
}

TEST(BondShow, CommandsAndStrangeData) {
  shell::Registry registry;
  register_show(registry);
  EXPECT_TRUE(registry.unexplained().empty());
  shell::FakeContext context;
  context.give(bonds());
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  EXPECT_EQ(session.run("show lacp | count"), 0);
  EXPECT_EQ(context.asked.back()["what"], "bond");
  for (const char* strange : {"null", "[null,3]", R"([{"members":[{"lacp":{}},{"lacp":3},null]}])"}) {
    const Json data = Json::parse(strange);
    render_bonds(data);
    render_lacp(data);
    render_lacp_details(data);
    render_lacp_counters(data);
  }
  EXPECT_EQ(render_bonds(Json::array()), "no bonds; 'set interface NAME bond member ...' makes one\n");
  EXPECT_EQ(render_lacp(Json::array()), "no bond speaks LACP\n");
}

}  // namespace
}  // namespace floof::bond
