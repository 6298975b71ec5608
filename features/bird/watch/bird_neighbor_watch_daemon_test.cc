// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_neighbor_watch_daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "features/bird/watch/bird_neighbor_watch_daemon.h"

namespace floof::bird {
namespace {

const Json kWatchedConfig = Json::parse(R"({"interface":[{"name":"e1","address":["172.20.1.1/24"]}],
  "ospf":{"area":[{"id":"0","interface":[{"name":"e1","hello":1}]}]},
  "bgp":{"asn":65000,"peer":[{"name":"i","remote-as":65000,"neighbor":["172.20.1.2"],"bfd":true}]}})");

std::string told(std::string_view line) {
  const auto refusal = parse_ospf_refusal(line);
  return refusal ? refusal_alarm(*refusal, kWatchedConfig) : "";
}

TEST(NeighborWatch, OspfRefusals) {
  const std::string start = "2026-11-30 08:00:00.000 <RMT> floof_ospf3: ";
  EXPECT_EQ(
      told(start + "Bad HELLO packet from nbr 192.0.2.7 on e1 - dead interval mismatch (40)"),
      "OSPFv3 on e1: 192.0.2.7 does not become a neighbour: its dead interval is 40 s and ours 4 s; set ospf area 0 "
      "interface e1 dead 40, or change it there");
  EXPECT_EQ(
      told("floof_ospf2: Bad HELLO packet from nbr 192.0.2.7 on e1 - hello interval mismatch (10)"),
      "OSPFv2 on e1: 192.0.2.7 does not become a neighbour: its hello interval is 10 s and ours 1 s; set ospf area "
      "0 interface e1 hello 10, or change it there");
  EXPECT_NE(told(start + "MTU mismatch with nbr 192.0.2.7 on e1 (remote 9000, local 1500)").find("its MTU is 9000"),
            std::string::npos);
  EXPECT_NE(told("floof_ospf2: Bad packet from 172.20.1.2 via e1 - area mismatch (5)").find("in area 5 and we in 0"),
            std::string::npos);
  for (const char* other : {"", "floof_ospf2", "floof_ospf2: ", "floof_ospf2: Bad HELLO packet from nbr x on y",
                            "floof_ospf2: Bad packet from 172.20.1.2 via e1 - packet length mismatch (5)",
                            "bgp_n: Bad HELLO packet from nbr 192.0.2.7 on e1 - dead interval mismatch (40)",
                            "floof_ospf2: MTU mismatch with nbr 1 on e1 (remote 9"}) {
    EXPECT_EQ(told(other), "") << other;
  }
}

TEST(NeighborWatch, BfdThatDoesNotComeUp) {
  Protocol session;
  session.name = "bgp_i";
  session.type = "BGP";
  session.state = "up";
  session.since = "2026-11-30 08:00:00.000";
  session.details = {{"Neighbor address", "172.20.1.2"}};
  const auto alarms = [&](const char* state, const char* now) {
    return bfd_alarms(Json::array({{{"neighbor", "172.20.1.2"}, {"interface", "e1"}, {"state", state}}}), {session},
                      now, kWatchedConfig);
  };
  EXPECT_TRUE(alarms("Up", "2026-11-30 08:10:00.000").empty());
  EXPECT_TRUE(alarms("Down", "2026-11-30 08:00:05.000").empty()) << "it may be on its way";
  ASSERT_EQ(alarms("Down", "2026-11-30 08:10:00.000").size(), 1u);
  EXPECT_NE(alarms("Down", "2026-11-30 08:10:00.000")[0].find("we watch over one hop (UDP 3784)"), std::string::npos);
  session.state = "start";
  EXPECT_TRUE(alarms("Down", "2026-11-30 08:10:00.000").empty());
}

TEST(NeighborWatch, FollowsTheLog) {
  char path[] = "/tmp/bird_neighbor_watch_test.XXXXXX";
  close(mkstemp(path));
  EventLoop loop;
  NeighborWatch watch(loop, {.socket = "/nonexistent",
                             .log = path,
                             .config =
                                 [] {
                                   Json out = kWatchedConfig;
                                   out.erase("bgp");
                                   return out;
                                 },
                             .generation = [] { return 1; }});
  const std::string line = "floof_ospf2: Bad HELLO packet from nbr 192.0.2.7 on e1 - dead interval mismatch (40)\n";
  std::ofstream(path, std::ios::app) << line;
  watch.look();
  EXPECT_TRUE(watch.alarms().empty()) << "what was there before";
  std::ofstream(path, std::ios::app) << line.substr(0, 30);
  watch.look();
  EXPECT_TRUE(watch.alarms().empty());
  std::ofstream(path, std::ios::app) << line.substr(30) << line;
  watch.look();
  EXPECT_EQ(watch.alarms().size(), 1u);
  std::ofstream(path, std::ios::trunc)
      << "floof_ospf2: Bad HELLO packet from nbr 192.0.2.8 on e1 - dead interval mismatch (40)\n";
  watch.look();
  EXPECT_EQ(watch.alarms().size(), 2u) << "a new file";
  unlink(path);
}

}  // namespace
}  // namespace floof::bird
