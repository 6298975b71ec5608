// SPDX-License-Identifier: GPL-3.0-or-later
//
// The history when generations of people and repeats of them (fetched data, by the timer) are mixed.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/test_folder.h"
#include "config/test_support.h"
#include "config/transaction.h"

namespace floof::config {
namespace {

namespace fs = std::filesystem;

class History : public testing::Test {
 protected:
  std::unique_ptr<ConfigEngine> open(const std::string& part = "/state",
                                     std::function<void(std::string_view)> crash_point = {}) const {
    auto engine = ConfigEngine::open({folder_ + part, "t", test::schema(), {}, {}, {}, {}, std::move(crash_point)});
    EXPECT_TRUE(engine.ok()) << engine.error().text();
    return std::move(*engine);
  }

  static bool change(ConfigEngine& engine, const std::string& host) {
    Candidate candidate = engine.fork();
    return candidate.tree.set(Words{"system", "hostname", host}).ok() && engine.commit(candidate, {"ann"}).changed;
  }
  static bool repeat(ConfigEngine& engine) {
    Candidate candidate = engine.fork();
    ConfigEngine::Request request{"floofd", "refresh"};
    request.even_if_unchanged = true;
    return engine.commit(candidate, request).changed;
  }
  static std::string hostname(const Tree& tree) {
    return tree.to_json(Secrets::clear).value("system", Json::object()).value("hostname", "");
  }
  /// `hosts`: what was committed, newest last.
  static void expect(const ConfigEngine& engine, const std::vector<std::string>& hosts, size_t repeats) {
    const size_t count = std::min(hosts.size(), Store::kHistory);
    for (size_t back = 0; back < count; back++) {
      const auto tree = engine.earlier(back);
      ASSERT_TRUE(tree.ok()) << back << ": " << tree.error().text();
      ASSERT_EQ(hostname(*tree), hosts[hosts.size() - 1 - back]) << "rollback " << back;
    }
    const auto none = engine.earlier(count);
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.error().remedy, "give a number from 0 to " + std::to_string(count - 1));
    const auto shown = engine.history();
    EXPECT_EQ(shown.size(), count + repeats);
    EXPECT_EQ(std::count_if(shown.begin(), shown.end(), [](const auto& g) { return g.how == "refresh"; }), repeats);
    for (size_t i = 1; i < shown.size(); i++) {
      ASSERT_LT(shown[i].number, shown[i - 1].number);
      ASSERT_EQ(shown[i].index, shown[i - 1].index + (shown[i - 1].repeats ? 0 : 1)) << "numbers without a gap";
    }
  }
  /// 55 configurations with two repeats of each.
  std::vector<std::string> fill() const {
    const auto engine = open();
    std::vector<std::string> hosts;
    for (int i = 0; i < 55; i++) {
      hosts.push_back("h" + std::to_string(i));
      EXPECT_TRUE(change(*engine, hosts.back()) && repeat(*engine) && repeat(*engine));
    }
    return hosts;
  }
  size_t files() const {
    const fs::directory_iterator all(folder_ + "/state/history");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
};

TEST_F(History, RepeatsPushOutNobodysConfiguration) {
  std::mt19937 dice(3);
  auto engine = open();
  std::vector<std::string> hosts{""};
  size_t repeats = 0;
  for (int round = 0; round < 300; round++) {
    if (dice() % 4 == 0) {
      hosts.push_back("h" + std::to_string(round));
      ASSERT_TRUE(change(*engine, hosts.back()));
    } else {
      ASSERT_TRUE(repeat(*engine));
      repeats = std::min(repeats + 1, Store::kRepeats);
    }
    if (round % 20 == 0) {
      engine = open();
    }
    expect(*engine, hosts, repeats);
    if (HasFatalFailure()) {
      FAIL() << "round " << round;
    }
  }
  EXPECT_GT(hosts.size(), Store::kHistory);
  EXPECT_EQ(files(), Store::kHistory + Store::kRepeats);
}

TEST_F(History, FiftyChangesPushOutOldRepeats) {
  auto engine = open();
  ASSERT_TRUE(change(*engine, "old") && repeat(*engine));
  std::vector<std::string> hosts;
  for (int i = 0; i < 50; i++) {
    hosts.push_back("h" + std::to_string(i));
    ASSERT_TRUE(change(*engine, hosts.back()));
  }
  expect(*engine, hosts, 0);
  EXPECT_EQ(files(), Store::kHistory);
}

/// Dies at each step on disk of a commit that makes a full history forget something.
TEST_F(History, APowerCutLosesNoneOfFifty) {
  auto hosts = fill();
  for (const bool repeating : {true, false}) {
    bool died = true;
    int step = 0;
    for (; died && step < 100; step++) {
      fs::remove_all(folder_ + "/work");
      fs::copy(folder_ + "/state", folder_ + "/work", fs::copy_options::recursive);
      const pid_t child = fork();
      if (child == 0) {
        int left = step;
        const auto engine = open("/work", [&](std::string_view) {
          if (left-- == 0) {
            _exit(42);
          }
        });
        _exit(repeating ? !repeat(*engine) : !change(*engine, "new"));
      }
      int status = 0;
      waitpid(child, &status, 0);
      ASSERT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 42 || WEXITSTATUS(status) == 0));
      died = WEXITSTATUS(status) == 42;
      const auto engine = open("/work");
      EXPECT_TRUE(engine->alarms().empty());
      auto expected = hosts;
      if (hostname(engine->running()) == "new") {
        expected.emplace_back("new");
      }
      expect(*engine, expected, Store::kRepeats);
    }
    EXPECT_GT(step, 9);
  }
}

TEST_F(History, WhatAPowerCutBringsBackIsNotShown) {
  const auto hosts = fill();
  const std::string folder = folder_ + "/state/history/";
  const auto engine = open();
  const uint64_t newest = engine->generation();
  ASSERT_TRUE(fs::exists(folder + std::to_string(newest) + ".repeat.json"));
  ASSERT_FALSE(fs::exists(folder + "5.repeat.json"));
  fs::copy(folder + std::to_string(newest) + ".repeat.json", folder + "5.repeat.json");
  fs::copy(folder + std::to_string(newest - 2) + ".json", folder + "4.json");
  expect(*engine, hosts, Store::kRepeats);
  ASSERT_TRUE(repeat(*engine));
  EXPECT_EQ(files(), Store::kHistory + Store::kRepeats) << "and forgotten with the next commit";
}

TEST_F(History, ADamagedFileMovesNoNumber) {
  const auto hosts = fill();
  const std::string folder = folder_ + "/state/history/";
  const uint64_t newest = open()->generation();
  std::ofstream(folder + std::to_string(newest - 2) + ".json") << "{";   // it has repeats
  std::ofstream(folder + std::to_string(newest - 29) + ".json") << "{";  // number 9; its repeats are forgotten
  std::ofstream(folder_ + "/state/running.json") << "{";
  const auto engine = open();
  EXPECT_EQ(hostname(engine->running()), hosts.back());
  for (size_t back = 0; back < Store::kHistory; back++) {
    const auto tree = engine->earlier(back);
    ASSERT_EQ(tree.ok(), back != 9) << back;
    if (tree) {
      ASSERT_EQ(hostname(*tree), hosts[hosts.size() - 1 - back]);
    }
  }
}

TEST_F(History, ACommitOfMoreThanFetchedDataIsNoRepeat) {
  const auto engine = open();
  Candidate candidate = engine->fork();
  ASSERT_TRUE(candidate.tree.set(Words{"system", "hostname", "one"}).ok());
  ConfigEngine::Request request{"ann"};
  request.even_if_unchanged = true;
  ASSERT_TRUE(engine->commit(candidate, request).changed);
  expect(*engine, {"", "one"}, 0);
}

}  // namespace
}  // namespace floof::config
