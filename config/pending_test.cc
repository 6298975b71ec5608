// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/pending.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/test_folder.h"

namespace floof::config {
namespace {

class Pending : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
    auto engine = ConfigEngine::open({folder_, "t", *Schema::load(embedded_modules()), {}, {}});
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
    const auto number = [](const Words& words) -> Result<> {
      return words.size() == 1 ? Result<>() : Error{"", "wants one word", ""};
    };
    conditions_["works"] = {"works <x>", "", number, [this](const Words& words, const HealthCondition::Done& done) {
                              tested_.push_back(words[0]);
                              words[0] == "later" ? loop_.post([done] { done({}); }) : done({});
                            }};
    conditions_["fails"] = {"fails <x>", "", number, [](const Words&, const HealthCondition::Done& done) {
                              done(Error{"", "it is broken", ""});
                            }};
    conditions_["silent"] = {"silent <x>", "", number, [](const Words&, const HealthCondition::Done&) {}};
  }

  PendingCommits::Options options() {
    return {.conditions = conditions_,
            .test_limit = std::chrono::milliseconds(200),
            .announce =
                [this](const std::string& text) {
                  said_.push_back(text);
                  loop_.stop();
                },
            .now = [this] { return now_; }};
  }
  void commit(const std::string& host, std::optional<std::vector<std::string>> conditions = {}) {
    Candidate candidate = engine_->fork();
    ASSERT_TRUE(candidate.tree.set(Words{"system", "hostname", host}).ok());
    ConfigEngine::Request request{"ann"};
    if (conditions) {
      request.confirm = PendingCommits::confirm_after(std::chrono::seconds(0), "ann", *conditions);
    }
    ASSERT_TRUE(engine_->commit(candidate, request).changed);
  }
  std::string hostname() { return engine_->running().to_json(Secrets::clear)["system"]["hostname"]; }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  EventLoop loop_;
  std::unique_ptr<ConfigEngine> engine_;
  HealthConditions conditions_;
  std::vector<std::string> said_, tested_;
  int64_t now_ = 1'000'000;
};

TEST_F(Pending, WhatIsNotConfirmedGoesBack) {
  PendingCommits pending(*engine_, loop_, options());
  commit("old");
  commit("new", std::vector<std::string>{});
  EXPECT_EQ(pending.seconds_left(), 0);
  pending.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "old");
  EXPECT_EQ(
      said_,
      (std::vector<std::string>{"generation 2 was not confirmed in time; generation 3 is what was there before"}));
  EXPECT_FALSE(pending.seconds_left());
}

TEST_F(Pending, ConditionsDecide) {
  PendingCommits pending(*engine_, loop_, options());
  commit("old");
  commit("new", std::vector<std::string>{"works now", "works later"});
  pending.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "new");
  EXPECT_EQ(tested_, (std::vector<std::string>{"now", "later"}));
  EXPECT_EQ(said_.back(), "generation 2 is confirmed: all conditions hold");
  EXPECT_FALSE(engine_->unconfirmed());

  commit("third", std::vector<std::string>{"works now", "fails x"});
  pending.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "new");
  EXPECT_EQ(said_.back(),
            "generation 3 was not confirmed: \"fails x\" does not hold: it is broken; generation 4 is what was there "
            "before");

  commit("fifth", std::vector<std::string>{"silent x"});
  pending.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "new");
}

TEST_F(Pending, AConfirmationDuringTheTestsWins) {
  PendingCommits pending(*engine_, loop_, options());
  commit("old");
  conditions_["slow"] = {"slow <x>", "", conditions_["works"].validate,
                         [this](const Words&, const HealthCondition::Done& done) {
                           commit("newer");
                           loop_.post([done] { done(Error{"", "too late", ""}); });
                           loop_.after(std::chrono::milliseconds(300), [this] { loop_.stop(); });
                         }};
  PendingCommits other(*engine_, loop_, options());
  commit("new", std::vector<std::string>{"slow x"});
  other.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "newer");
}

TEST_F(Pending, ACommitWaitsForItsTime) {
  PendingCommits pending(*engine_, loop_, options());
  commit("old");
  Candidate candidate = engine_->fork();
  ASSERT_TRUE(candidate.tree.set(Words{"system", "hostname", "tonight"}).ok());
  const auto plan = [&](int64_t when) {
    ASSERT_TRUE(engine_
                    ->schedule(Scheduled{when, "ann", "", candidate.tree.to_json(Secrets::clear),
                                         candidate.base.to_json(Secrets::clear), candidate.generation})
                    .ok());
  };
  plan(now_ + 5);
  pending.watch();
  loop_.after(std::chrono::milliseconds(250), [this] {
    EXPECT_EQ(hostname(), "old");
    now_ += 5;
  });
  loop_.run();
  EXPECT_EQ(hostname(), "tonight");
  EXPECT_EQ(engine_->history()[0].how, "at");
  EXPECT_FALSE(engine_->scheduled());

  commit("other");
  plan(now_ - 601);
  pending.watch();
  loop_.run();
  EXPECT_EQ(hostname(), "other") << "too late";
  EXPECT_NE(said_.back().find("was missed"), std::string::npos) << said_.back();
}

TEST_F(Pending, ConditionsAreParsed) {
  EXPECT_EQ(*parse_conditions(conditions_, " works  a , fails b"), (std::vector<std::string>{"works  a", "fails b"}));
  for (const char* wrong : {"", ",", "works", "works a b", "nonsense", "works a,"}) {
    EXPECT_FALSE(parse_conditions(conditions_, wrong).ok()) << wrong;
  }
  EXPECT_EQ(parse_conditions(conditions_, "works").error().text(), "when works: wants one word; write it as works <x>");
}

TEST_F(Pending, TimesAreParsed) {
  const int64_t noon = 1'795'435'200;  // 2026-11-23 12:00 UTC
  EXPECT_EQ(*parse_time("22:00", noon), noon + 10 * 3600);
  EXPECT_EQ(*parse_time("11:59:30", noon), noon + 24 * 3600 - 30);
  EXPECT_EQ(*parse_time("2026-11-24 00:00", noon), noon + 12 * 3600);
  for (const char* wrong : {"", "24:00", "1", "22:60", "22:00x", "2026-02-30 10:00", "2026-11-23 11:00", "soon"}) {
    EXPECT_FALSE(parse_time(wrong, noon).ok()) << wrong;
  }
}

}  // namespace
}  // namespace floof::config
