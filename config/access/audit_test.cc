// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/audit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace floof::config {
namespace {

using Json = nlohmann::json;

class Audit : public testing::Test {
 protected:
  AuditLog log(size_t part_bytes = 10u << 20) const { return AuditLog({file_, part_bytes, 3}); }
  static std::string content(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }
  static void fill(AuditLog& log, int count, int first = 0) {
    for (int i = first; i < first + count; i++) {
      log.add({{"user", i % 2 == 0 ? "ann" : "bob"}, {"what", i % 3 == 0 ? "commit" : "edit"}, {"n", i}});
    }
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  const std::string file_ = folder_ + "/audit.log";
};

TEST_F(Audit, AChainThatSurvivesRestarts) {
  {
    AuditLog first = log();
    EXPECT_TRUE(first.verify().good) << "nothing is a good beginning";
    fill(first, 3);
  }
  AuditLog second = log();
  fill(second, 3, 3);
  const auto verdict = second.verify();
  EXPECT_TRUE(verdict.good) << verdict.where << verdict.reason;
  EXPECT_EQ(verdict.lines, 6U);
  EXPECT_TRUE(content(file_).starts_with("{\"prev\":\"" + std::string(64, '0') + "\","));
  struct stat about {};
  ASSERT_EQ(stat(file_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  EXPECT_EQ(second.problem(), "");
}

TEST_F(Audit, ReadsWhatIsAskedFor) {
  AuditLog all = log();
  fill(all, 10);
  const auto numbers = [&](const AuditLog::Filter& filter) {
    std::vector<int> out;
    for (const Json& entry : all.read(filter)) {
      EXPECT_FALSE(entry.contains("prev"));
      out.push_back(entry["n"].get<int>());
    }
    return out;
  };
  using Numbers = std::vector<int>;
  EXPECT_EQ(numbers({.last = 3}), (Numbers{7, 8, 9}));
  EXPECT_EQ(numbers({.user = "bob", .last = 2}), (Numbers{7, 9}));
  EXPECT_EQ(numbers({.what = {"commit"}}), (Numbers{0, 3, 6, 9}));
  EXPECT_EQ(numbers({.match = "BOB", .what = {"commit"}}), (Numbers{3, 9}));
  EXPECT_EQ(numbers({.since = "2999"}), Numbers());
  EXPECT_EQ(numbers({.since = "2020-01-01"}).size(), 10U);
  EXPECT_EQ(numbers({.match = "0000000000"}), Numbers()) << "the hash is not searched";
}

TEST_F(Audit, EveryChangeOfTheFileIsFound) {
  AuditLog all = log();
  fill(all, 20);
  const std::string good = content(file_);
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string changed = good;
    changed[at] = changed[at] == '1' ? '2' : '1';
    write(file_, changed);
    EXPECT_FALSE(all.verify().good) << at;
  }
  const size_t second = good.find('\n') + 1, third = good.find('\n', second) + 1;
  write(file_, good.substr(second));
  EXPECT_EQ(all.verify().where, "audit.log line 1");
  EXPECT_EQ(all.verify().reason, "lines before it are missing");
  write(file_, good.substr(0, second) + good.substr(third));
  EXPECT_EQ(all.verify().where, "audit.log line 2");
  write(file_, good.substr(0, third) + "nonsense\n" + good.substr(third));
  EXPECT_EQ(all.verify().where, "audit.log line 3");
  write(file_, good.substr(0, good.rfind('{')));
  EXPECT_EQ(all.verify().where, "the end of audit.log");
  write(file_, "");
  EXPECT_FALSE(all.verify().good);
  write(file_, good);
  EXPECT_TRUE(all.verify().good);
}

TEST_F(Audit, TheChainGoesOnInTheNextPart) {
  AuditLog all = log(2000);
  fill(all, 20);
  EXPECT_TRUE(std::filesystem::exists(file_ + ".1"));
  EXPECT_TRUE(all.verify().good);
  EXPECT_EQ(all.verify().lines, 20U);
  EXPECT_EQ(all.read({.last = 15}).size(), 15U) << "across parts";
  EXPECT_EQ(all.read({.last = 15})[0]["n"], 5);
  fill(all, 100, 20);
  EXPECT_FALSE(std::filesystem::exists(file_ + ".4"));
  EXPECT_TRUE(all.verify().good) << "the oldest part is gone, which is no damage";
  EXPECT_LT(all.verify().lines, 120U);
  EXPECT_LE(std::filesystem::file_size(file_), 2000U);
  int pulses = 0;
  EXPECT_TRUE(log(2000).verify([&] { pulses++; }).good) << "after a restart";
  std::filesystem::remove(file_ + ".2");
  EXPECT_FALSE(all.verify().good);
}

TEST_F(Audit, ALineThatWasNotWrittenWholeNeverCounted) {
  {
    AuditLog first = log();
    fill(first, 3);
  }
  write(file_, content(file_) + "{\"prev\":\"00");
  AuditLog second = log();
  fill(second, 1, 3);
  EXPECT_TRUE(second.verify().good);
  EXPECT_EQ(second.read({.what = {"repair"}}).size(), 1U);
  EXPECT_EQ(second.verify().lines, 5U);
}

TEST_F(Audit, AWriteThatFailsIsTold) {
  AuditLog all({folder_ + "/later/audit.log", 2000, 3});
  EXPECT_NE(all.problem(), "");
  fill(all, 2);
  EXPECT_NE(all.problem().find("misses 2 entries"), std::string::npos) << all.problem();
  std::filesystem::create_directory(folder_ + "/later");
  fill(all, 2, 2);
  EXPECT_EQ(all.problem(), "");
  EXPECT_TRUE(all.verify().good);
  EXPECT_EQ(all.read({})[0]["lost"], 2);
  EXPECT_FALSE(all.read({})[1].contains("lost"));
}

TEST_F(Audit, AnyTextIsOneLine) {
  AuditLog all = log();
  all.add({{"what", "edit"}, {"line", "a\nb\xff\x01"}, {"list", {std::string(100000, 'x')}}});
  EXPECT_TRUE(all.verify().good);
  EXPECT_EQ(all.verify().lines, 1U);
  EXPECT_LT(std::filesystem::file_size(file_), 10000U);
  EXPECT_EQ(log().read({}).size(), 1U);
}

TEST(AuditTime, Since) {
  constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
  EXPECT_EQ(*time_since("30m", kNow), "2027-01-15T07:30:00Z");
  EXPECT_EQ(*time_since("2d", kNow), "2027-01-13T08:00:00Z");
  EXPECT_EQ(*time_since("today", kNow), "2027-01-15");
  for (const char* good : {"2026-11-24", "2026-11-24T20:15", "2026-11-24T20:15:01", "2026-11-24T20:15:01Z"}) {
    EXPECT_EQ(*time_since(good, kNow), good);
  }
  for (const char* bad :
       {"", "m", "5", "5y", "-5m", "2026-11", "2026-11-24T", "24.11.2026", "99999999999999999999m", "yesterday"}) {
    EXPECT_FALSE(time_since(bad, kNow)) << bad;
  }
}

TEST_F(Audit, AnswersShow) {
  AuditLog all = log();
  fill(all, 5);
  const Json data = *show_audit(all, {{"user", "ann"}, {"last", 2}, {"verify", true}, {"since", "1h"}});
  EXPECT_EQ(data["entries"].size(), 2U);
  EXPECT_EQ(data["verified"], true);
  EXPECT_EQ(data["lines"], 5);
  write(file_, "x\n");
  EXPECT_EQ((*show_audit(all, {{"verify", true}}))["bad"]["where"], "audit.log line 1");
  EXPECT_FALSE(show_audit(all, {{"since", "soon"}}));
  EXPECT_TRUE(show_audit(all, Json::array()));
}

}  // namespace
}  // namespace floof::config
