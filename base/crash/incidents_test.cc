// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/incidents.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/test_folder.h"

namespace floof {
namespace {

class IncidentsTest : public testing::Test {
 protected:
  static Incident lost(const std::string& why = "connection closed") {
    return {.subject = "feed-best", .kind = "feed lost", .cause = why, .effect = "an effect", .remedy = "a remedy"};
  }
  static Incident swept(const std::string& what = "3 routes were removed") {
    return {.subject = "feed-best", .kind = "sweep", .cause = what, .effect = "an effect", .remedy = "none"};
  }
  Incidents::Time time() {
    return [this] { return now_; };
  }
  const TestFolder folder_;
  const std::string file_ = Incidents::file(folder_.path(), "x");
  EventLoop loop_;
  int64_t now_ = 1'000'000'000;
};

TEST_F(IncidentsTest, WhatLastsIsAnAlarmUntilItIsOver) {
  Incidents incidents(loop_, "", time());
  incidents.lasting("route", {lost()});
  now_ += 7;
  incidents.lasting("route", {lost("no answer")});
  incidents.lasting("other", {});
  ASSERT_EQ(incidents.alarms().size(), 1u);
  EXPECT_EQ(incidents.alarms()[0],
            "feed-best: no answer (since 2001-09-09T01:46:40Z). Effect: an effect. Remedy: a remedy");
  EXPECT_EQ(incidents.acknowledge(), 0u) << "it lasts";
  incidents.lasting("route", {});
  EXPECT_TRUE(incidents.alarms().empty());
  ASSERT_EQ(incidents.all().size(), 1u);
  EXPECT_EQ(incidents.all()[0].ended, now_);
  incidents.lasting("route", {lost()});
  EXPECT_EQ(incidents.all().size(), 2u) << "another time is another one";
}

TEST_F(IncidentsTest, AMomentIsAnAlarmForAnHour) {
  Incidents incidents(loop_, "", time());
  incidents.happened(swept());
  now_ += 59;
  incidents.happened(swept("5 routes were removed"));
  ASSERT_EQ(incidents.all().size(), 1u);
  EXPECT_EQ(incidents.alarms()[0],
            "feed-best: 5 routes were removed (at 2001-09-09T01:47:39Z, 2 times until then). Effect: an effect. "
            "Remedy: none; 'clear system incidents' ends this alarm");
  now_ += 60;
  incidents.happened(swept());
  EXPECT_EQ(incidents.alarms().size(), 2u);
  EXPECT_EQ(incidents.acknowledge(), 2u);
  EXPECT_TRUE(incidents.alarms().empty());
  incidents.happened(swept());
  EXPECT_EQ(incidents.alarms().size(), 1u) << "it came again";
  now_ += 3600;
  EXPECT_TRUE(incidents.alarms().empty());
  EXPECT_EQ(incidents.all().size(), 2u) << "the history has it";
}

TEST_F(IncidentsTest, AreKeptAndWhatLastsGoesOn) {
  {
    Incidents incidents(loop_, file_, time());
    incidents.happened(swept());
    incidents.lasting("route", {lost()});
  }
  now_ += 100;
  Incidents again(loop_, file_, time());
  ASSERT_EQ(again.all().size(), 2u);
  again.lasting("route", {lost("no answer")});
  ASSERT_EQ(again.all().size(), 2u);
  EXPECT_EQ(again.all()[1].began, now_ - 100);
  again.lasting("route", {});
  EXPECT_EQ(again.all()[1].ended, now_);
  again.happened(swept());
  EXPECT_EQ(again.all()[2].id, 3u);
  const auto end = EventLoop::Clock::now() + std::chrono::seconds(5);
  while (Incidents::read(file_)->size() != 3 && EventLoop::Clock::now() < end) {
    loop_.turn(std::chrono::milliseconds(10));
  }
  const auto read = Incidents::read(file_);
  ASSERT_EQ(read->size(), 3u) << "written beside, while the program runs";
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(Incidents::to_json((*read)[i]), Incidents::to_json(again.all()[i]));
  }
}

TEST_F(IncidentsTest, AreBounded) {
  Incidents incidents(loop_, "", time());
  incidents.lasting("route", {lost()});
  for (unsigned i = 0; i < 2 * Incidents::kMost; i++, now_ += 100) {
    incidents.happened(swept());
  }
  ASSERT_EQ(incidents.all().size(), Incidents::kMost);
  EXPECT_EQ(incidents.all()[0].kind, "feed lost") << "it lasts";
  EXPECT_EQ(incidents.all()[1].id, Incidents::kMost + 3);
}

TEST_F(IncidentsTest, ADamagedFileIsPutAside) {
  for (const char* text : {"", "[]", R"({"incidents":[{"id":0,"subject":"x"}]})", R"({"incidents":[7]})",
                           R"({"incidents":[{"id":2,"subject":"x"},{"id":2,"subject":"x"}]})"}) {
    std::ofstream(file_) << text;
    EXPECT_FALSE(Incidents::read(file_)) << text;
    const Incidents incidents(loop_, file_, time());
    EXPECT_TRUE(incidents.all().empty());
    EXPECT_EQ(access((file_ + ".damaged").c_str(), F_OK), 0);
    EXPECT_NE(access(file_.c_str(), F_OK), 0);
  }
  EXPECT_TRUE(Incidents::read(file_)->empty());
}

}  // namespace
}  // namespace floof
