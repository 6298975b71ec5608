// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/neighbor_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

namespace floof::neighbor {
namespace {

using shell::Json;

const Json kNeighbors = Json::parse(R"([
  {"address":"192.0.2.254","interface":"e0","mac":"02:00:00:00:00:fe","state":"reachable","origin":"kernel"},
  {"address":"192.0.2.9","interface":"e0","mac":null,"state":"incomplete","origin":"kernel"},
  {"address":"fe80::1","interface":"e10","mac":"02:00:00:00:00:fd","state":"stale","origin":"kernel"}])");

TEST(NeighborShow, SplitsFamiliesAndAligns) {
  shell::Registry registry;
  register_show(registry);
  EXPECT_TRUE(registry.unexplained().empty());
  shell::FakeContext context;
  context.give(kNeighbors);
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  EXPECT_EQ(session.run("show ip neighbor"), 0);
  EXPECT_EQ(terminal.output,
            "Address      MAC                Interface  State       Origin\n"
            "192.0.2.254  02:00:00:00:00:fe  e0         reachable   kernel\n"
            "192.0.2.9    -                  e0         incomplete  kernel\n");
  terminal.output.clear();
  EXPECT_EQ(session.run("show ip6 neigh | match fe80"), 0);
  EXPECT_EQ(terminal.output, "fe80::1  02:00:00:00:00:fd  e10        stale  kernel\n");
  EXPECT_EQ(context.asked.back()["arguments"]["family"], 6);
}

TEST(NeighborShow, EmptyAndStrangeData) {
  EXPECT_EQ(render_neighbors(Json::array()), "no neighbors\n");
  EXPECT_TRUE(of_family(Json::parse(R"([null,{"address":3},{"address":"x"}])"), Family::ip4).empty());
  render_neighbors(Json::parse("[null,[],3]"));
}

}  // namespace
}  // namespace floof::neighbor
