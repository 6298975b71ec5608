// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_recovery.h"

#include <gtest/gtest.h>

namespace floof::bird {
namespace {

Reply status_of(std::string_view text) {
  ReplyReader reader;
  reader.feed(text);
  return reader.next().value_or(Reply{});
}

// As BIRD 2.0.12 says it.
constexpr std::string_view kStatus =
    "1000-BIRD 2.0.12\n"
    "1011-Router ID is 1.1.1.1\n"
    " Current server time is 2026-11-30 08:12:33.104\n"
    "0024-Graceful restart recovery in progress\n"
    "   Waiting for 2 channels to recover\n"
    "   Wait timer is 57.991/60\n"
    "0013 Daemon is up and running\n";

constexpr std::string_view kProtocols =
    "2002-Name       Proto      Table      State  Since         Info\n"
    "1002-floof_table4 Kernel     master4    up     2026-11-30 08:12:31.095  \n"
    "1006-  Channel ipv4\n"
    "     State:          UP\n"
    "     GR recovery:    waiting\n"
    "1002-kernel_of_the_user Kernel     t4    up     2026-11-30 08:12:31.095  \n"
    "1006-  Channel ipv4\n"
    "     GR recovery:    waiting\n"
    "1002-bgp_t1     BGP        ---        start  2026-11-30 08:12:31.095  Idle\n"
    "1006-  Channel ipv4\n"
    "     State:          DOWN\n"
    "     GR recovery:    pending\n"
    "1006-  Channel ipv6\n"
    "     GR recovery:    pending\n"
    "1002-bgp_t2     BGP        ---        up     2026-11-30 08:12:31.095  Established\n"
    "1006-  Channel ipv4\n"
    "     GR recovery:    waiting\n"
    "1002-floof_feed_all BGP    ---        start  2026-11-30 08:12:31.095  Idle\n"
    "1006-  Channel ipv4\n"
    "     GR recovery:    pending\n"
    "1002-floof_ospf2 OSPF      master4    up     2026-11-30 08:12:31.095  Alone\n"
    "1006-  Channel ipv4\n"
    "     GR recovery:    pending waiting\n"
    "0000 \n";

Json config() {
  return Json::parse(
      R"({"bgp": {"peer": [{"name": "t1", "neighbor": ["192.0.2.1"]}, {"name": "t2", "neighbor": ["192.0.2.2"]}]}})");
}

TEST(Recovery, WhatIsWaitedForAndWhatWaits) {
  const auto status = parse_status(status_of(kStatus));
  ASSERT_EQ(status.recovery_s, 57u);
  auto found = recovery_of(status, parse_protocols(status_of(kProtocols)), config());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->peers, std::vector<std::string>{"t1"});
  EXPECT_EQ(found->kernel, std::vector<std::string>{"floof_table4"});
  EXPECT_EQ(found->protocols, std::vector<std::string>{"floof_ospf2"});
  EXPECT_EQ(
      found->text(),
      "BIRD was restarted and recovers, at most 57 s more: routes by BGP, static and OSPF routes are those of before "
      "and peers hear nothing new until these have told their routes: t1");
  EXPECT_EQ(found->commit_text(), "BIRD recovers from a restart: changes of routes act in 57 s at the latest");
  found->kernel.clear();
  EXPECT_EQ(found->commit_text(), "BIRD recovers from a restart: peers hear of changes in 57 s at the latest");
  EXPECT_FALSE(recovery_of(Status{}, parse_protocols(status_of(kProtocols)), config()));
}

constexpr std::string_view kInterfaces =
    "1015-floof_ospf2:\n"
    " Interface loop0 (10.255.1.1/32)\n"
    " \tState: Waiting (stub)\n"
    " \tHello timer: 60\n"
    " Interface ra (172.20.1.0/24)\n"
    " \tType: broadcast\n"
    " \tState: BDR\n"
    " \tHello timer: 1\n"
    " Interface rb (172.20.2.0/24)\n"
    " \tState: {}\n"
    " \tHello timer: 10\n"
    "0000 \n";
constexpr std::string_view kNeighbors =
    "1013-floof_ospf2:\n"
    " Router ID   \tPri\t     State     \tDTime\tInterface  Router IP\n"
    " 10.255.1.21 \t  1\tFull/BDR  \t  3.511\tra         172.20.1.2\n"
    " 10.255.1.22 \t  1\t{}/Other  \t  3.511\trb         172.20.2.2\n"
    "0000 \n";

bool settled(std::string_view interface, std::string_view neighbor, int64_t age) {
  return ospf_settled(status_of(fmt::format(fmt::runtime(kInterfaces), interface)),
                      status_of(fmt::format(fmt::runtime(kNeighbors), neighbor)), age);
}

TEST(Recovery, OspfHasHeardEverybody) {
  EXPECT_TRUE(settled("DR", "Full", 22));
  EXPECT_TRUE(settled("DROther", "2-Way", 22));
  EXPECT_FALSE(settled("DR", "Full", 21)) << "a hello and 12 s have not passed";
  EXPECT_FALSE(settled("Waiting", "Full", 100));
  for (const char* making : {"Init", "ExStart", "Exchange", "Loading", "Attempt"}) {
    EXPECT_FALSE(settled("DR", making, 100)) << making;
  }
  EXPECT_TRUE(ospf_settled(Reply{}, Reply{}, 1)) << "on no interface at all";
}

TEST(Recovery, StaticRoutesThatMayYieldToBgp) {
  EXPECT_FALSE(
      yields_to_bgp(Json::parse(R"({"route": [{"prefix": "192.0.2.0/24"}, {"prefix": "::/0", "preference": 150}]})")));
  EXPECT_TRUE(yields_to_bgp(Json::parse(R"({"route": [{"prefix": "192.0.2.0/24", "preference": 100}]})")));
  EXPECT_FALSE(yields_to_bgp(Json::object()));
}

}  // namespace
}  // namespace floof::bird
