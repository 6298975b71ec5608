// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/log_pump.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/test_folder.h"

namespace floof {
namespace {

class LogPumpTest : public testing::Test {
 protected:
  std::string path() const { return folder_ + "/a.log"; }
  std::string written() const { return read_file(path()).value_or("none"); }
  void say(std::string_view text) {
    EXPECT_EQ(::write(pump_->input(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    loop_.turn(std::chrono::milliseconds(0));
  }
  void open(LogPump::Options options = {}) {
    options.path = path();
    auto made = LogPump::open(loop_, std::move(options));
    ASSERT_TRUE(made);
    pump_ = std::move(*made);
  }

  TestFolder home_;
  const std::string folder_ = home_.path();
  EventLoop loop_;
  std::unique_ptr<LogPump> pump_;
};

TEST_F(LogPumpTest, LinesComeWholeAndToTheEndOfTheFile) {
  ASSERT_TRUE(replace_file(path(), "before\n"));
  open();
  say("one\ntw");
  EXPECT_EQ(written(), "before\none\n");
  say("o\n");
  EXPECT_EQ(written(), "before\none\ntwo\n");
  say("without an end");
  pump_.reset();
  EXPECT_EQ(written(), "before\none\ntwo\nwithout an end\n");
}

TEST_F(LogPumpTest, WhatIsWrittenWhileNobodyReadsIsThereForTheNext) {
  open();
  const UniqueFd program(dup(pump_->input()));
  pump_.reset();
  EXPECT_EQ(::write(program.get(), "alone\n", 6), 6);
  EXPECT_EQ(written(), "");
  open();
  loop_.turn(std::chrono::milliseconds(0));
  EXPECT_EQ(written(), "alone\n");
  say("again\n");
  EXPECT_EQ(written(), "alone\nagain\n");
}

TEST_F(LogPumpTest, AFileInThePlaceOfItsPipeIsReplaced) {
  ASSERT_TRUE(replace_file(path() + ".pipe", "in the way"));
  open();
  say("one\n");
  EXPECT_EQ(written(), "one\n");
}

TEST_F(LogPumpTest, TheFileHasABoundAndItsPredecessorStays) {
  open({.path = {}, .most_bytes = 1000, .burst_alike = 1000});
  for (int i = 0; i < 100; i++) {
    say(fmt::format("line {:03} of a hundred that are of this length\n", i));
  }
  const std::string last = written(), first = read_file(path() + ".1").value_or("");
  EXPECT_LE(last.size(), 1000u);
  EXPECT_LE(first.size(), 1000u);
  EXPECT_NE((first + last).find("line 080"), std::string::npos);
  EXPECT_TRUE(last.ends_with("line 099 of a hundred that are of this length\n"));
  struct stat about {};
  ASSERT_EQ(stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777 & ~0640u, 0u);
}

TEST_F(LogPumpTest, WhatIsSaidAllTheTimeDoesNotPushOutTheRest) {
  open({.path = {}, .burst = 50, .burst_alike = 10, .each_alike = std::chrono::hours(1)});
  for (int i = 0; i < 5000; i++) {
    say(fmt::format("2026-11-30 08:00:{:02} <WARN> Unexpected connect from 10.0.{}.1 (port {})\n", i % 60, i % 200, i));
  }
  say("<ERR> something else\n");
  pump_.reset();
  const std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 12);
  EXPECT_NE(text.find("<ERR> something else\n"), std::string::npos);
  EXPECT_NE(
      text.find("floof-init: 4990 lines left out, the last of them: 2026-11-30 08:00:19 <WARN> Unexpected connect "
                "from 10.0.199.1 (port 4999)\n"),
      std::string::npos)
      << text;
}

TEST_F(LogPumpTest, AFullPipeLosesTheLineAndKeepsNobodyWaiting) {
  open();
  const std::string line(4095, 'x');
  for (int i = 0; i < 1000; i++) {
    (void)!::write(pump_->input(), (line + "\n").data(), line.size() + 1);
  }
  pump_.reset();
  EXPECT_GT(written().size(), 4096u);
}

TEST_F(LogPumpTest, ALineWithoutEndIsCut) {
  open();
  say(std::string(9000, 'y'));
  say("\nnext\n");
  const std::string text = written();
  EXPECT_EQ(text, std::string(4096, 'y') + "\n\nnext\n");
}

}  // namespace
}  // namespace floof
