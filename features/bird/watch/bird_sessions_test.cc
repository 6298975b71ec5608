// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_sessions.h"

#include <gtest/gtest.h>

namespace floof::bird {
namespace {

const Json kSessionsConfig = Json::parse(R"({"bgp":{"asn":65000,"peer":[
  {"name":"a","remote-as":64501,"neighbor":["192.0.2.1"]},{"name":"un","remote-as":64502,"interface":"e1"}]}})");

Protocol session(const char* name, const char* since, const char* info) {
  Protocol out;
  out.name = name;
  out.type = "BGP";
  out.since = since;
  out.info = info;
  return out;
}

/// Looks of one router; its clock is BIRD's, and `clock` is seconds after eight.
class Router {
 public:
  void look(int clock, std::vector<Protocol> protocols, const std::string& log = "",
            const Json& config = kSessionsConfig) {
    SessionMemory::Look seen;
    seen.protocols = std::move(protocols);
    seen.status.server_time = fmt::format("2026-11-30 08:{:02}:{:02}.000", clock / 60, clock % 60);
    seen.status.last_reboot = boot;
    seen.errors = session_errors(log);
    seen.now = kEight + clock;
    memory.follow(seen, config);
    clock_ = clock;
  }
  Json shown(const char* protocol, const char* error = "", unsigned asn = 64501) const {
    Json out = {{"protocol", protocol}, {"last-error", error}, {"remote-as", asn}};
    memory.annotate(out, kEight + clock_);
    return out;
  }

  SessionMemory memory;
  std::string boot = "2026-11-30 07:00:00.000";

 private:
  static constexpr int64_t kEight = 1'796'025'600;
  int clock_ = 0;
};

TEST(BirdSessions, ErrorsOfTheLog) {
  const auto errors = session_errors(
      "2026-11-30 08:00:01.500 <RMT> bgp_a: Error: Bad peer AS: 64999\n"
      "2026-11-30 08:00:02.000 <RMT> bgp_a: Received: Administrative shutdown: \"works\"\n"
      "2026-11-30 08:00:03.000 <WARN> bgp_a: Error: not this\nnonsense\n\n"
      "2026-11-30 08:00:03.000 <RMT> bgp_a: Invalid route withdrawn\n <RMT> \n"
      "2026-11-30 08:00:04.000 <RMT> bgp_a: Error: half a li");
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].protocol, "bgp_a");
  EXPECT_EQ(errors[0].text, "BGP Error: Bad peer AS: 64999");
  EXPECT_EQ(errors[0].time, "2026-11-30 08:00:01.500");
  EXPECT_EQ(errors[1].text, "Received: Administrative shutdown: \"works\"");
}

TEST(BirdSessions, TheErrorStaysWhenTheSessionIsUpAgain) {
  Router r;
  r.look(0, {session("bgp_a", "2026-11-30 08:00:00.000", "Established   ")});
  EXPECT_EQ(r.shown("bgp_a"), Json::parse(R"({"protocol":"bgp_a","last-error":"","remote-as":64501,"flaps":0})"));
  r.look(10, {session("bgp_a", "2026-11-30 08:00:07.000", "Active        Received: Hold timer expired")});
  r.look(15, {session("bgp_a", "2026-11-30 08:00:12.000", "Established   ")});
  const Json shown = r.shown("bgp_a");
  EXPECT_EQ(shown["last-error"], "Received: Hold timer expired");
  EXPECT_EQ(shown["last-error-s"], 8);
  EXPECT_EQ(shown["flaps"], 1);
  EXPECT_EQ(shown["flap-s"], 5);
  r.look(20, {session("bgp_a", "2026-11-30 08:00:18.000", "Established   ")},
         "2026-11-30 08:00:16.000 <RMT> bgp_a: Received: Other configuration change\n");
  EXPECT_EQ(r.shown("bgp_a")["flaps"], 2) << "between two looks";
  EXPECT_EQ(r.shown("bgp_a")["last-error"], "Received: Other configuration change");
  EXPECT_EQ(SessionMemory::from_json(r.memory.to_json()), r.memory);
}

TEST(BirdSessions, TheLogTellsMore) {
  Router r;
  r.look(3, {session("bgp_a", "2026-11-30 08:00:02.000", "Idle          BGP Error: Bad peer AS")},
         "2026-11-30 08:00:02.000 <RMT> bgp_a: Error: Bad peer AS: 64999\n");
  EXPECT_EQ(r.shown("bgp_a", "BGP Error: Bad peer AS")["last-error"], "BGP Error: Bad peer AS: 64999 instead of 64501");
  r.look(8, {session("bgp_a", "2026-11-30 08:00:07.000", "Active        BGP Error: Bad peer AS")});
  EXPECT_EQ(r.shown("bgp_a", "BGP Error: Bad peer AS")["last-error"], "BGP Error: Bad peer AS: 64999 instead of 64501");
  EXPECT_EQ(r.shown("bgp_a", "Socket: Connection refused")["last-error"], "Socket: Connection refused") << "is newer";
}

TEST(BirdSessions, RestartsOfBirdAndSessionsThatComeAndGo) {
  Router r;
  r.look(0, {session("bgp_a", "2026-11-30 08:00:00.000", "Established   "), session("bgp_un", "x", "Passive"),
             session("bgp_un_u1", "2026-11-30 08:00:00.000", "Established   ")});
  r.boot = "2026-11-30 08:00:03.000";
  r.look(5, {session("bgp_a", "2026-11-30 08:00:04.000", "Established   "), session("bgp_un", "y", "Passive")});
  EXPECT_EQ(r.shown("bgp_a")["last-error"], "BIRD was restarted");
  EXPECT_EQ(r.shown("bgp_un_u7", "", 64502)["flaps"], 1) << "by the parent's name, whatever BIRD calls it next";
  Json shut = kSessionsConfig;
  shut["bgp"]["peer"][0]["disabled"] = true;
  shut["bgp"]["peer"].erase(1);
  r.look(10, {session("bgp_a", "2026-11-30 08:00:08.000", "")}, "", shut);
  EXPECT_EQ(r.shown("bgp_a")["flaps"], 1) << "that was wanted";
  EXPECT_FALSE(r.shown("bgp_un").contains("flaps")) << "there is no such peer any more";
}

TEST(BirdSessions, BirdsTimesAreNotExact) {
  Router r;
  r.look(0, {session("bgp_a", "2026-11-30 07:59:59.999", "Established   ")});
  r.boot = "2026-11-30 07:00:00.001";
  r.look(5, {session("bgp_a", "2026-11-30 08:00:00.000", "Established   ")});
  EXPECT_EQ(r.shown("bgp_a")["flaps"], 0);
  const SessionMemory before = r.memory;
  r.look(10, {session("bgp_a", "2026-11-30 07:59:59.999", "Established   ")});
  EXPECT_EQ(r.shown("bgp_a")["flaps"], 0);
  EXPECT_TRUE(r.memory.news(before, 9).empty());
}

TEST(BirdSessions, WhatHappenedIsTold) {
  using Lines = std::vector<std::string>;
  Router r;
  const SessionMemory fresh = r.memory;
  r.look(0, {session("bgp_a", "2026-11-30 08:00:00.000", "Established   "), session("bgp_un", "x", "Passive")});
  EXPECT_EQ(r.memory.news(fresh, 9), Lines{"bgp peer a: established (bgp_a in BIRD)"});
  const SessionMemory up = r.memory;
  r.look(5, {session("bgp_a", "2026-11-30 08:00:00.000", "Established   "), session("bgp_un", "x", "Passive")});
  EXPECT_EQ(r.memory.news(up, 9), Lines());
  r.look(10, {session("bgp_a", "2026-11-30 08:00:07.000", "Active        Received: Hold timer expired")});
  EXPECT_EQ(r.memory.news(up, 9), Lines{"bgp peer a: went down: Received: Hold timer expired"});
  const SessionMemory down = r.memory;
  r.look(15, {session("bgp_a", "2026-11-30 08:00:08.000", "Established   "),
              session("bgp_un_u1", "2026-11-30 08:00:12.000", "Established   ")});
  EXPECT_EQ(r.memory.news(down, 1),
            (Lines{"bgp peer a: established (bgp_a in BIRD)", "1 more sessions went down or came up"}));
  const SessionMemory both = r.memory;
  r.look(20, {session("bgp_a", "2026-11-30 08:00:18.000", "Established   "),
              session("bgp_un_u1", "2026-11-30 08:00:12.000", "Established   ")});
  EXPECT_EQ(r.memory.news(both, 9), (Lines{"bgp peer a: went down", "bgp peer a: established (bgp_a in BIRD)"}));
}

TEST(BirdSessions, StrangeThings) {
  for (const char* strange :
       {"null", "[]", "7", R"({"sessions":[null,3,{"protocol":7}]})", R"({"sessions":{"a":1}})"}) {
    EXPECT_EQ(SessionMemory::from_json(Json::parse(strange)), SessionMemory()) << strange;
  }
  SessionMemory none;
  Json shown = Json::parse(R"({"peers":[null,3,{"protocol":5}],"more-sessions":{}})");
  none.annotate(shown, 0);
  none.annotate(shown["peers"], 0);
}

}  // namespace
}  // namespace floof::bird
