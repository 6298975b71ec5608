// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/errands.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/test_folder.h"
#include "config/work/background.h"
#include "config/work/spawn.h"

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

TEST_F(ErrandsTest, GivesUpRootAndWritesNoFile) {
  ASSERT_EQ(geteuid(), 0U) << "tests are run as root: ./dev test";
  const auto who =
      run({{"sh", "-c", "id -u; id -G; grep NoNewPrivs /proc/self/status; grep CapPrm /proc/self/status; ulimit -v"}});
  ASSERT_TRUE(who.ok()) << who.error().text();
  ASSERT_TRUE(gives_up_root());
  const std::string uid = who->output.substr(0, who->output.find('\n'));
  EXPECT_EQ(who->output, uid + "\n" + uid + "\nNoNewPrivs:\t1\nCapPrm:\t0000000000000000\n2097152\n") << who->errors;
  const auto other = run({{"id", "-u"}});
  ASSERT_TRUE(other.ok());
  EXPECT_GE(std::stoul(uid), 2'000'000'000U);
  EXPECT_NE(other->output, uid + "\n") << "what one of them has in memory is not for the other";
  const TestFolder made;
  const std::string folder = made.path();
  chmod(folder.c_str(), 0777);
  const auto writes = run({{"sh", "-c", "read go; echo x > \"$0/file\"", folder}, "go\n"});
  EXPECT_TRUE(!writes.ok() || writes->status != 0);
  EXPECT_EQ(std::filesystem::file_size(folder + "/file"), 0U) << "it could be made, but holds nothing";
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
