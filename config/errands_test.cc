// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/errands.h"

#include <gtest/gtest.h>

#include <optional>

#include "config/background.h"

namespace floof::config {
namespace {

using std::chrono::milliseconds;

class ErrandsTest : public testing::Test {
 protected:
  Result<Errands::Outcome> run(Errands::Errand errand) {
    std::optional<Result<Errands::Outcome>> out;
    errands_.run(std::move(errand), [&](Result<Errands::Outcome> outcome) { out.emplace(std::move(outcome)); });
    EXPECT_FALSE(out) << "called back from inside";
    while (!out) {
      loop_.turn(std::chrono::seconds(1));
    }
    return std::move(*out);
  }
  EventLoop loop_;
  Errands errands_{loop_, 2};
};

TEST_F(ErrandsTest, GivesOutputErrorsAndStatus) {
  const auto done = run({{"sh", "-c", "cat; echo bad >&2; exit 3"}, "in\n"});
  ASSERT_TRUE(done.ok()) << done.error().text();
  EXPECT_EQ(done->output, "in\n");
  EXPECT_EQ(done->errors, "bad\n");
  EXPECT_EQ(done->status, 3);
}

TEST_F(ErrandsTest, EndsWhatIsSlowOrSaysTooMuch) {
  EXPECT_EQ(run({{"sleep", "1000"}, "", milliseconds(20)}).error().reason, "no answer within 0 s");
  EXPECT_NE(run({{"yes"}, "", milliseconds(60'000), 1u << 20}).error().reason.find("longer than 1 MB"),
            std::string::npos);
  EXPECT_FALSE(run({{"/no/such/program"}}).ok());
  EXPECT_FALSE(run({{}}).ok());
  EXPECT_EQ(errands_.waiting(), 0u);
}

TEST_F(ErrandsTest, RunsAFewAtOnce) {
  size_t ended = 0;
  for (int i = 0; i < 9; i++) {
    errands_.run({{"true"}}, [&](const Result<Errands::Outcome>& outcome) { ended += outcome.ok() ? 1 : 0; });
  }
  EXPECT_EQ(errands_.waiting(), 9u);
  while (ended < 9) {
    loop_.turn(std::chrono::seconds(1));
  }
}

TEST(Errands, NobodyIsCalledAfterTheEnd) {
  EventLoop loop;
  {
    Errands errands(loop, 1);
    for (int i = 0; i < 2; i++) {
      errands.run({{"sleep", "1000"}}, [](const Result<Errands::Outcome>&) { FAIL(); });
    }
    loop.turn(milliseconds(10));
  }
  loop.turn(milliseconds(1));
}

TEST(Background, WorksInOrderAndAnswersOnTheLoop) {
  EventLoop loop;
  std::vector<int> seen;
  {
    Background background(loop);
    for (int i = 0; i < 3; i++) {
      background.run([i] { return i; }, [&seen](int value) { seen.push_back(value); });
    }
    while (seen.size() < 3) {
      loop.turn(std::chrono::seconds(1));
    }
    background.run([] { return 0; }, [](int) { FAIL(); });
  }
  loop.turn(milliseconds(1));
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace floof::config
