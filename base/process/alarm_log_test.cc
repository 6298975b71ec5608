// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/alarm_log.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace floof {
namespace {

std::string lines_of(AlarmLog& alarms, const std::vector<std::string>& now) {
  testing::internal::CaptureStderr();
  alarms.update(now);
  std::string out, text = testing::internal::GetCapturedStderr();
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    out += text.substr(text.find("tester: ", at) + 8, end + 1 - text.find("tester: ", at) - 8);
  }
  return out;
}

TEST(AlarmLog, EachAlarmIsToldAsItComesAndAsItGoes) {
  log::start("tester", log::Level::info);
  AlarmLog alarms;
  EXPECT_EQ(lines_of(alarms, {}), "");
  EXPECT_EQ(lines_of(alarms, {"a", "peer 10.0.0.1: away for 5 s"}),
            "warning: alarm: a\nwarning: alarm: peer 10.0.0.1: away for 5 s\n");
  EXPECT_EQ(lines_of(alarms, {"a", "peer 10.0.0.1: away for 10 s"}), "") << "a figure is no news";
  EXPECT_EQ(lines_of(alarms, {"peer 10.0.0.2: away for 10 s", "peer 10.0.0.1: away for 15 s"}),
            "warning: alarm: peer 10.0.0.2: away for 10 s\ninfo: over: a\n")
      << "another address is another alarm, and one that is over hides no other";
  EXPECT_EQ(lines_of(alarms, {"a", "a"}),
            "warning: alarm: a\ninfo: over: peer 10.0.0.1: away for 5 s\ninfo: over: peer 10.0.0.2: away for 10 s\n");
  EXPECT_EQ(lines_of(alarms, {}), "info: over: a\n");
}

}  // namespace
}  // namespace floof
