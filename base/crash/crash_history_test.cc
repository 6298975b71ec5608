// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/crash_history.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/crash/crash_parse.h"
#include "base/file.h"
#include "base/test_folder.h"

namespace floof::crash {
namespace {

Crash example_crash(const std::string& program, int64_t time, const std::string& cause = "signal 9 (Killed)") {
  return {.time = time,
          .program = program,
          .pid = 7,
          .ran_ms = 1200,
          .cause = cause,
          .effect = "an effect",
          .done = "started again at once",
          .remedy = "a remedy",
          .log = {"last words"},
          .threads = nlohmann::json::parse(R"([{"name":"a","frames":["f at b.cc:1"]}])")};
}

TEST(CrashHistory, IsKeptWithAllThatItHas) {
  const TestFolder folder;
  const std::string file = CrashHistory::file(folder.path());
  ASSERT_TRUE(CrashHistory::read(file));
  EXPECT_TRUE(CrashHistory::read(file)->empty());
  CrashHistory history(file);
  ASSERT_TRUE(history.load());
  history.add(example_crash("bird", 1000)).back_ms = 400;
  history.add(example_crash("floofd", 1001, "it hung")).where = ", in the thread x";
  ASSERT_TRUE(history.save());
  CrashHistory again(file);
  ASSERT_TRUE(again.load());
  ASSERT_EQ(again.crashes().size(), 2u);
  for (size_t i = 0; i < 2; i++) {
    EXPECT_EQ(to_json(again.crashes()[i], true), to_json(history.crashes()[i], true));
  }
  EXPECT_EQ(again.add(example_crash("bird", 2000)).id, 3u) << "numbers go on";
}

TEST(CrashHistory, IsBoundedAndTheOldestGo) {
  CrashHistory history("");
  for (int64_t i = 1; i <= 250; i++) {
    history.add(example_crash("bird", i * 1000));
  }
  ASSERT_EQ(history.crashes().size(), CrashHistory::kMost);
  EXPECT_EQ(history.crashes().front().id, 151u);
  EXPECT_EQ(history.crashes().back().id, 250u);
  EXPECT_EQ(history.find(150), nullptr);
  EXPECT_EQ(history.find(151)->time, 151'000);
}

TEST(CrashHistory, ALoopDoesNotPushOutTheRest) {
  CrashHistory history("");
  history.add(example_crash("floofd", 100));
  for (int64_t i = 0; i < 1000; i++) {
    history.add(example_crash("bird", 200 + i * 5, "it ended by itself with exit status 3"));
    if (i == 500) {
      history.add(example_crash("floofd", 200 + i * 5));
    }
  }
  ASSERT_EQ(history.crashes().size(), 4u);
  const Crash& last = history.crashes()[2];
  EXPECT_EQ(last.times, 999u);
  EXPECT_EQ(last.first_time, 205);
  EXPECT_EQ(last.time, 200 + 999 * 5);
  EXPECT_EQ(history.add(example_crash("bird", last.time + 3)).times, 1u) << "another cause";
  EXPECT_EQ(history.add(example_crash("floofd", 5000)).times, 1u) << "much later";
}

TEST(CrashHistory, ADamagedFileIsPutAside) {
  const TestFolder folder;
  const std::string file = CrashHistory::file(folder.path());
  for (const char* damage :
       {"", "{", "[]", R"({"crashes":7})", R"({"crashes":[3]})", R"({"crashes":[{"id":1,"program":""}]})",
        R"({"crashes":[{"id":2,"program":"a"},{"id":2,"program":"a"}]})",
        R"({"crashes":[{"id":"x","program":"a"}]})"}) {
    std::ofstream(file) << damage;
    EXPECT_FALSE(CrashHistory::read(file)) << damage;
    CrashHistory history(file);
    const auto loaded = history.load();
    ASSERT_FALSE(loaded) << damage;
    EXPECT_NE(loaded.error().text().find("crashes.json.damaged"), std::string::npos) << loaded.error().text();
    EXPECT_EQ(read_file(file + ".damaged"), damage);
    EXPECT_NE(access(file.c_str(), F_OK), 0);
    EXPECT_EQ(history.add(example_crash("bird", 1)).id, 1u);
    EXPECT_TRUE(history.save() && CrashHistory::read(file));
  }
}

TEST(CrashHistory, AlarmsAreRecentAndNotAcknowledged) {
  CrashHistory history("");
  history.add(example_crash("bird", 1'000));
  history.add(example_crash("floofd", 100'000, "it hung"));
  Crash& last = history.add(example_crash("floofd", 100'100));
  last.where = ", in the thread x";
  last.back_ms = 430;
  const auto alarms = crash::alarms(history.crashes(), 100'200);
  ASSERT_EQ(alarms.size(), 1u) << "bird's is of yesterday";
  EXPECT_EQ(alarms[0].first, "floofd");
  EXPECT_EQ(
      alarms[0].second,
      "floofd ended 2 times within the last hour, most recently at 1970-01-02T03:48:20Z: signal 9 (Killed), in the "
      "thread x. Effect: an effect. Done: started again at once, back after 0.4 s. Remedy: a remedy; 'show system "
      "crashes 3' tells more, 'clear system crashes' ends this alarm");
  EXPECT_TRUE(crash::alarms(history.crashes(), 100'100 + CrashHistory::kAlarmSeconds).empty());
  EXPECT_EQ(history.acknowledge(), 3u);
  EXPECT_EQ(history.acknowledge(), 0u);
  EXPECT_TRUE(crash::alarms(history.crashes(), 100'200).empty());
  history.add(example_crash("floofd", 100'201));
  EXPECT_EQ(crash::alarms(history.crashes(), 100'202).size(), 1u) << "a new one is an alarm again";
}

TEST(CrashReport, IsReadAsFarAsItMakesSense) {
  const Report report = parse_report(
      "crash 11 at 1f\n"
      "thread floof-w1\nframe 55d000001234\nframe 55d000002000\nframe nonsense\n"
      "thread main\nframe 7f0000000010\n"
      "maps\n"
      "55d000000000-55d000001000 r--p 00000000 fe:01 77                         /usr/lib/floofos/floofd\n"
      "55d000001000-55d000009000 r-xp 00001000 fe:01 77                         /usr/lib/floofos/floofd (deleted)\n"
      "7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0                          [stack]\n"
      "end\n");
  EXPECT_EQ(report.signal, 11);
  EXPECT_FALSE(report.sent);
  EXPECT_EQ(report.address, 0x1fu);
  ASSERT_EQ(report.threads.size(), 2u);
  EXPECT_EQ(report.threads[0].name, "floof-w1");
  EXPECT_EQ(report.threads[0].frames, (std::vector<uintptr_t>{0x55d000001234, 0x55d000002000}));
  EXPECT_EQ(report.threads[1].frames.size(), 1u);
  ASSERT_EQ(report.maps.size(), 2u);
  EXPECT_EQ(report.maps[1].start, 0x55d000001000u);
  EXPECT_EQ(report.maps[1].offset, 0x1000u);
  EXPECT_EQ(report.maps[1].identity, "fe:01 77");
  EXPECT_EQ(report.maps[1].path, "/usr/lib/floofos/floofd (deleted)");

  const Report sent = parse_report("crash 6 from 4711\n");
  EXPECT_TRUE(sent.sent);
  EXPECT_EQ(sent.sender, 4711);
  for (const char* odd : {"", "crash\n", "frame 1\n", "thread\nframe\n", "maps\n-\n1-2\n", "crash x at y\n\n\n"}) {
    const Report read = parse_report(odd);
    EXPECT_EQ(read.signal, 0);
    EXPECT_TRUE(read.maps.empty());
  }
}

}  // namespace
}  // namespace floof::crash
