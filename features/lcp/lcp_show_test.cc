// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/lcp_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

namespace floof::lcp {
namespace {

using shell::Json;

TEST(PuntShow, LeavesOutWhatCountedNothing) {
  shell::Registry registry;
  register_show(registry);
  EXPECT_TRUE(registry.unexplained().empty());
  shell::FakeContext context;
  context.give(Json::parse(R"([
    {"interface":"e1","class":"neighbor","rate":1000,"burst":512,"packets":6000,"dropped":17},
    {"interface":"e1","class":"bgp","rate":20000,"burst":8192,"packets":0,"dropped":0}])"));
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  EXPECT_EQ(session.run("show dataplane punt"), 0);
  EXPECT_EQ(terminal.output,
            "Interface  Class     Packets  Dropped  Rate  Burst\n"
            "e1         neighbor     6000       17  1000    512\n");
  terminal.output.clear();
  EXPECT_EQ(session.run("show dataplane punt all | match bgp"), 0);
  EXPECT_EQ(terminal.output, "e1         bgp             0        0  20000   8192\n");
  EXPECT_EQ(render_punt(Json::parse("[null,3]"), false), "nothing was for the router itself\n");
  render_punt(Json::parse("{}"), true);
}

}  // namespace
}  // namespace floof::lcp
