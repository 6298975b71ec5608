// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

namespace floof::bird {
namespace {

using shell::Json;

const Json kRoutes = Json::parse(R"([
  {"prefix":"10.0.0.0/8","protocol":"p_a","peer":"peer_a","name":"peer_a","preference":100,"metric":"100","med":7,"age-s":62,"best":true,"type":"unicast","as-path":[64501,64510],
   "next-hops":[{"gateway":"192.0.2.254","interface":"e0","weight":1}],"local-pref":100,"communities":["65535:666"]},
  {"prefix":"10.0.0.0/8","protocol":"floof_ospf2","name":"ospf","preference":150,"metric":"150/20/10000","best":false,
   "type":"blackhole","next-hops":[]}])");

TEST(BirdShow, Routes) {
  shell::Table::Flow flow, details_flow;
  EXPECT_EQ(render_bird_routes(kRoutes, flow),
            "   Prefix      Protocol  Pref  Local pref  Metric  Age       Next hop               AS path\n"
            "*  10.0.0.0/8  peer_a     100         100       7  00:01:02  via 192.0.2.254 on e0  64501 64510\n"
            "               ospf       150               10000            blackhole\n");
  const std::string details = render_bird_route_details(kRoutes, details_flow);
  EXPECT_NE(details.find("10.0.0.0/8 from peer_a, best\n  next hop:          via 192.0.2.254 on e0\n"),
            std::string::npos)
      << details;
  EXPECT_NE(details.find("  communities:       65535:666\n"), std::string::npos) << details;
}

TEST(BirdShow, Protocols) {
  const Json protocols = Json::parse(R"([{"name":"device1","protocol":"Device","table":null,"state":"up",
    "since":"12:00:00","state-s":90,"info":"","channels":[]},{"name":"bgp_a","called":"a","protocol":"BGP","state":"up","since":"12:00:01",
    "info":"Established","channels":[{"name":"ipv4","state":"UP","imported":3}]}])");
  EXPECT_EQ(render_protocols(protocols),
            "Name     Protocol  Table  State  Since     Info\n"
            "device1  Device    -      up     00:01:30\n"
            "a        BGP       -      up     -         Established\n");
  EXPECT_NE(render_protocol_details(protocols).find(
                "a (bgp_a in BIRD): BGP, up for -, Established\n  Channel  State  Imported"),
            std::string::npos)
      << render_protocol_details(protocols);
}

TEST(BirdShow, Bfd) {
  const Json sessions = Json::parse(R"([{"neighbor":"172.30.0.2","interface":"d0","peer":"a","state":"Up","state-s":62,
    "interval-ms":300,"timeout-ms":900},{"neighbor":"172.30.9.3","interface":"","state":"Down","interval-ms":1000,
    "timeout-ms":0}])");
  EXPECT_EQ(render_bfd(sessions),
            "Neighbor    Interface  Peer  State  Since     Interval  Timeout\n"
            "172.30.0.2  d0         a     Up     00:01:02    300 ms   900 ms\n"
            "172.30.9.3                   Down   -          1000 ms     0 ms\n");
  EXPECT_EQ(render_bfd(Json::array()), "no BFD sessions\n");
}

TEST(BirdShow, StrangeDataDoesNoHarm) {
  for (const char* text : {"null", "{}", "[null,1,[]]", R"([{"next-hops":[3],"as-path":{"x":[]}}])"}) {
    const Json data = Json::parse(text);
    shell::Table::Flow flow;
    render_bird_routes(data, flow);
    render_bird_route_details(data, flow);
    render_protocols(data);
    render_bfd(data);
    render_protocol_details(data);
  }
}

TEST(BirdShow, Commands) {
  shell::Registry registry;
  register_show(registry);
  registry.help("show bgp", "of other features");
  registry.help("show bgp peer", "of other features");
  EXPECT_EQ(registry.unexplained(), std::vector<std::string>());
  shell::FakeContext context;
  context.give(kRoutes);
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  const auto asked = [&] {
    Json out = context.asked.back()["arguments"];
    EXPECT_EQ(out["pieces"], true);
    out.erase("pieces");
    if (out.value("limit", 0) == 1000) {
      out.erase("limit");
    }
    return out;
  };
  EXPECT_EQ(session.run("show route for 10.0.0.1"), 0);
  EXPECT_EQ(asked(), (Json{{"address", "10.0.0.1"}}));
  EXPECT_EQ(session.run("show route 10.0.0.0/8 all"), 0);
  EXPECT_EQ(asked(), (Json{{"prefix", "10.0.0.0/8"}, {"exact", true}}));
  EXPECT_EQ(session.run("show route protocol a filtered limit 9"), 0);
  EXPECT_EQ(asked(), (Json{{"protocol", "a"}, {"filtered", true}, {"limit", 9}}));
  EXPECT_EQ(session.run("show route origin-as 64999 rpki invalid in 10.0.0.0/8"), 0);
  EXPECT_EQ(asked(), Json::parse(R"({"where":["origin-as","64999","rpki","invalid"],
      "prefix":"10.0.0.0/8","in":true})"));
  EXPECT_EQ(session.run("show route where not source bgp local-pref >= 200"), 0);
  EXPECT_EQ(asked(), Json::parse(R"({"where":["not","source","bgp","local-pref",">=","200"]})"));
  EXPECT_EQ(session.run("show route export a"), 0);
  EXPECT_EQ(asked(), (Json{{"export", "a"}}));
  EXPECT_EQ(session.run("show route stats"), 0) << terminal.errors;
  EXPECT_EQ(asked(), (Json{{"count", true}}));
  EXPECT_EQ(session.run("show route limit 0"), 1);
  EXPECT_NE(terminal.errors.find("limit 0: is neither"), std::string::npos) << terminal.errors;
  EXPECT_EQ(session.run("show route limit all"), 0);
  EXPECT_EQ(asked(), Json::object());
  terminal.errors.clear();
  EXPECT_EQ(session.run("show route limit 2"), 0);
  EXPECT_EQ(terminal.errors, "") << "these are all";
  EXPECT_EQ(session.run("show route limit 1 | json"), 0);
  EXPECT_NE(terminal.errors.find("only 1 of the routes are shown; 'limit N' shows more, 'limit all' all"),
            std::string::npos)
      << terminal.errors;
  EXPECT_EQ(session.run("show route for 10.0.0.1/8"), 1);
  EXPECT_NE(terminal.errors.find("10.0.0.0/8"), std::string::npos) << terminal.errors;
}

}  // namespace
}  // namespace floof::bird
