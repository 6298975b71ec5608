// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/dataplane_show.h"

#include <gtest/gtest.h>

#include "shell/fake_context.h"

namespace floof::dataplane {
namespace {

using shell::Json;

TEST(DataplaneShow, Drops) {
  const Json drops = Json::parse(R"([{"reason":"ip4-ttl","help":"time to live expired","packets":12},
    {"reason":"ip4-version","help":"not version 4","packets":0}])");
  EXPECT_EQ(render_drops(drops),
            "Packets  Reason   Meaning\n"
            "     12  ip4-ttl  time to live expired\n");
  EXPECT_NE(render_drops(drops, true).find("ip4-version"), std::string::npos);
  EXPECT_EQ(render_drops(Json::array()), "no packet was dropped\n");
}

TEST(DataplaneShow, NodesAndWorkers) {
  EXPECT_EQ(render_nodes(Json::parse(
                R"([{"node":"ip4-lookup","calls":10,"packets":2560,"vector-size":256.0,"cycles-per-packet":31.25}])")),
            "Node        Calls  Packets  Packets/call  Cycles/packet\n"
            "ip4-lookup     10     2560         256.0           31.2\n");
  EXPECT_EQ(render_nodes(Json::parse(R"([{"node":"ip4-lookup","calls":0}])")), "no node has seen a packet\n");
  EXPECT_EQ(
      render_workers(Json::parse(
          R"([{"worker":1,"core":1,"state":"sleeping","loops":5,"packets":9,"interfaces":["e0/1","e1"],"linux":["e0","floof0"]},
                    {"worker":2,"core":0,"state":"busy","loops":6,"packets":0,"interfaces":[],"linux":[]}])")),
      "Worker  Core  State     Loops  Packets  Interfaces  From Linux\n"
      "     1     1  sleeping      5        9  e0/1 e1     e0 floof0\n"
      "     2     0  busy          6        0  -           -\n");
}

TEST(DataplaneShow, Memory) {
  EXPECT_EQ(render_memory(Json::parse(R"({"machine-bytes":4294967296,"resources":[
              {"name":"routes","unit":"number","used":1000,"limit":1000,"percent":100,"level":"full","refused":3,
               "latest-refused":"192.0.2.0/24","observed-s":3600,"growth-per-hour":0,"full-in-s":null},
              {"name":"route table memory","unit":"bytes","used":47185920,"limit":67108864,"percent":70,"level":"fine",
               "refused":0,"latest-refused":null,"observed-s":200,"growth-per-hour":1048576,"full-in-s":68400},
              {"name":"interfaces","unit":"number","used":4,"limit":8192,"percent":0,"level":"fine","refused":0,
               "latest-refused":null,"observed-s":20,"growth-per-hour":0,"full-in-s":null}]})")),
            "Resource                Used     Limit    Use  Level  Growth/hour   Full in  Refused  Last refused\n"
            "routes                  1000      1000  100 %  full             -         -        3  192.0.2.0/24\n"
            "route table memory  45.0 MiB  64.0 MiB   70 %  fine       1.0 MiB  19:00:00        0\n"
            "interfaces                 4      8192    0 %  fine             -         ?        0\n"
            "\n"
            "Memory of this machine: 4096 MiB\n");
}

TEST(DataplaneShow, Samples) {
  EXPECT_EQ(
      render_samples(Json::parse(
          R"([{"reason":"ip4-checksum","interface":"e0","length":60,"age-ms":1250,"data":"4500002a0102030405060708090a0b0c0d"}])")),
      "ip4-checksum: on e0, 60 bytes from the IPv4 header on, 1.2 s ago\n"
      "    0000  45 00 00 2a 01 02 03 04 05 06 07 08 09 0a 0b 0c\n"
      "    0010  0d\n");
}

TEST(DataplaneShow, StrangeDataDoesNoHarm) {
  for (const char* text : {"null", "{}", "[null,1,[]]", R"([{"interfaces":{"a":[]},"data":3}])"}) {
    const Json data = Json::parse(text);
    render_drops(data, true);
    render_nodes(data, true);
    render_workers(data);
    render_memory(data);
    render_memory({{"resources", data}});
    render_samples(data);
  }
}

TEST(DataplaneShow, Commands) {
  shell::Registry registry;
  register_show(registry);
  EXPECT_TRUE(registry.unexplained().empty());
  shell::FakeContext context;
  context.give(Json::array());
  shell::FakeTerminal terminal;
  shell::Session session(context, terminal, std::move(registry), shell::Session::Kind::script);
  for (const char* line :
       {"show dataplane drops", "show data drops all", "sh d nodes", "sh d w", "sh d samples | json"}) {
    EXPECT_EQ(session.run(line), 0) << line << terminal.errors;
  }
  EXPECT_EQ(context.asked.back()["what"], "drop-samples");
}

}  // namespace
}  // namespace floof::dataplane
