// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/bfd/bfd_events.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace floof::route {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDown =
    "2026-11-30 22:34:29.550 <TRACE> floof_bfd: Session to 192.0.2.2 changed state from Up to Down";
constexpr const char* kUp =
    "2026-11-30 22:34:30.571 <TRACE> floof_bfd: Session to 192.0.2.2 changed state from Init to Up";

TEST(BfdEvents, OnlyWhatComesUpOrWasUpIsAChange) {
  EXPECT_EQ(parse_bfd_event(kDown), (BfdChange{*parse_ip("192.0.2.2"), false}));
  EXPECT_EQ(parse_bfd_event(kUp), (BfdChange{*parse_ip("192.0.2.2"), true}));
  EXPECT_EQ(parse_bfd_event("x <TRACE> b: Session to fe80::1 changed state from Up to Down"),
            (BfdChange{*parse_ip("fe80::1"), false}));
  for (const char* const other :
       {"", "x <TRACE> b: Session to 192.0.2.2 added", "x <TRACE> b: Session to 192.0.2.2 expired",
        "x <TRACE> b: Session to 192.0.2.2 changed state from Down to Init",
        "x <TRACE> b: Session to 192.0.2.2 changed state from Init to Down",
        "x <TRACE> b: Session to 192.0.2.2 changed state from Up to AdminDown",
        "x <TRACE> b: Session to nobody changed state from Up to Down",
        "x <INFO> b: Session to 192.0.2.2 changed state from Up to Down",
        "x <TRACE> b: Session to 192.0.2.2 changed state from Up to Downtown", "<TRACE> : Session to "}) {
    EXPECT_FALSE(parse_bfd_event(other)) << other;
  }
}

class BfdEventsTest : public testing::Test {
 protected:
  BfdEventsTest() { std::filesystem::create_directory(folder); }
  ~BfdEventsTest() override { std::filesystem::remove_all(folder); }
  void write(const std::string& text) { std::ofstream(file, std::ios::app) << text << std::flush; }
  std::vector<bool> told() {
    loop.turn(10ms);
    return std::exchange(changes, {});
  }

  const std::string folder = testing::TempDir() + "bfd" + std::to_string(getpid());
  const std::string file = folder + "/" + std::string(kBfdEventsFile);
  EventLoop loop;
  std::vector<bool> changes;
};

TEST_F(BfdEventsTest, FollowsALogThatComesLaterIsCutInPiecesAndBeginsAnew) {
  BfdEvents events(loop, {.folder = folder}, [&](const IpAddress&, bool lost) { changes.push_back(lost); });
  const std::string down = std::string(kDown) + "\n", up = std::string(kUp) + "\n";
  write(down.substr(0, 50));
  EXPECT_EQ(told(), std::vector<bool>{});
  write(down.substr(50));
  EXPECT_EQ(told(), std::vector{true});
  write(down);
  EXPECT_EQ(told(), std::vector<bool>{}) << "known already";
  write(std::string(10'000, 'x') + "\n" + up + down + up);
  EXPECT_EQ(told(), (std::vector{false, true, false}));
  write(down);
  std::filesystem::rename(file, file + ".old");
  write(up);
  EXPECT_EQ(told(), (std::vector{true, false}));
}

TEST_F(BfdEventsTest, WhatIsOldCountsNotAndALossEndsByItself) {
  write(std::string(kDown) + "\n");
  BfdEvents events(loop, {.folder = folder, .limit = 20ms},
                   [&](const IpAddress&, bool lost) { changes.push_back(lost); });
  EXPECT_EQ(told(), std::vector<bool>{});
  write(std::string(kDown) + "\n");
  while (changes.size() < 2) {
    loop.turn(10ms);
  }
  EXPECT_EQ(changes, (std::vector{true, false}));
}

}  // namespace
}  // namespace floof::route
