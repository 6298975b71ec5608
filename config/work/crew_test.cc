// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

namespace floof::config {
namespace {

using namespace std::chrono_literals;

class CrewTest : public testing::Test {
 protected:
  template <typename Condition>
  bool wait(Condition condition) {
    const auto end = EventLoop::Clock::now() + 30s;
    while (!condition() && EventLoop::Clock::now() < end) {
      loop_.turn(10ms);
    }
    return condition();
  }

  EventLoop loop_;
};

TEST_F(CrewTest, AUserWhoseJobsHangKeepsNobodyElseWaiting) {
  std::promise<void> open;
  std::shared_future<void> gate = open.get_future().share();
  std::multiset<uid_t> done;
  Crew crew(loop_, "bird", 2, 3);
  const auto ask = [&](uid_t user, std::function<void()> work) {
    return crew.run(user, std::move(work), [&done, user] { done.insert(user); });
  };
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(ask(1, [gate] { gate.wait(); }));
  }
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(ask(2, [] {}));
  }
  EXPECT_TRUE(wait([&] { return done.count(2) == 3; })) << "one thread is left for others";
  EXPECT_EQ(done.count(1), 0u);
  // One of his hangs, two wait: one more may, and then no more.
  EXPECT_TRUE(ask(1, [] {}));
  const auto refused = ask(1, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().path, "bird");
  EXPECT_NE(refused.error().reason.find("3 questions"), std::string::npos);
  open.set_value();
  EXPECT_TRUE(wait([&] { return done.count(1) == 4; }));
}

TEST_F(CrewTest, NobodyIsCalledBackAfterItsEnd) {
  std::atomic<bool> worked{false};
  bool called = false;
  {
    Crew crew(loop_, "bird", 1, 10);
    ASSERT_TRUE(crew.run(
        0, [&] { worked = true; }, [&] { called = true; }));
    while (!worked) {
      std::this_thread::yield();
    }
  }
  loop_.turn(0ms);
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace floof::config
