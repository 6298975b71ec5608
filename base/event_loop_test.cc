// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <thread>
#include <vector>

namespace floof {
namespace {

using namespace std::chrono_literals;

struct Pair {
  UniqueFd a;
  UniqueFd b;
  Pair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    a.reset(ends[0]);
    b.reset(ends[1]);
  }
  void write_b() const { EXPECT_EQ(::write(b.get(), "x", 1), 1); }
};

TEST(EventLoop, TimersInOrderOfTheirTime) {
  EventLoop loop;
  std::vector<int> order;
  loop.after(3ms, [&] { order.push_back(3); });
  loop.after(1ms, [&] { order.push_back(1); });
  loop.after(2ms, [&] { order.push_back(2); });
  loop.after(5ms, [&] { loop.stop(); });
  const auto begin = EventLoop::Clock::now();
  loop.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_GE(EventLoop::Clock::now() - begin, 5ms);
}

TEST(EventLoop, PeriodicTimerUntilCancelledByItself) {
  EventLoop loop;
  int count = 0;
  EventLoop::TimerId id = 0;
  id = loop.every(500us, [&] {
    if (++count == 4) {
      loop.cancel(id);
      loop.after(3ms, [&] { loop.stop(); });
    }
  });
  EXPECT_NE(id, 0u);
  loop.run();
  EXPECT_EQ(count, 4);
}

TEST(EventLoop, CancelledTimerDoesNotRun) {
  EventLoop loop;
  bool ran = false;
  EventLoop::TimerId victim = 0;
  loop.after(1ms, [&] { loop.cancel(victim); });
  victim = loop.after(1ms, [&] { ran = true; });
  loop.after(3ms, [&] { loop.stop(); });
  loop.cancel(12345);
  loop.run();
  EXPECT_FALSE(ran);
}

TEST(EventLoop, ZeroDelayTimerThatSetsItselfDoesNotStarveDescriptors) {
  EventLoop loop;
  Pair pair;
  std::function<void()> again = [&] { loop.after(0us, again); };
  again();
  loop.watch(pair.a.get(), EPOLLIN, [&](uint32_t) { loop.stop(); });
  pair.write_b();
  loop.run();
}

TEST(EventLoop, UnwatchOfAnotherInsideACallbackHoldsForTheSameTurn) {
  EventLoop loop;
  Pair first;
  Pair second;
  int calls = 0;
  // Whichever is called first takes the other away, though both are ready in the same turn.
  loop.watch(first.a.get(), EPOLLIN, [&](uint32_t) { calls++, loop.unwatch(second.a.get()); });
  loop.watch(second.a.get(), EPOLLIN, [&](uint32_t) { calls++, loop.unwatch(first.a.get()); });
  first.write_b();
  second.write_b();
  loop.turn(100ms);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, EventsOfAClosedDescriptorDoNotReachItsSuccessor) {
  EventLoop loop;
  Pair first;
  Pair second;
  auto third = std::make_unique<Pair>();
  int wrong = 0;
  const int number = second.a.get();
  const auto replace = [&](uint32_t) {
    if (!second.a) {
      return;
    }
    loop.unwatch(number);
    second.a.reset();
    ASSERT_EQ(dup2(third->a.get(), number), number);
    second.a.reset(number);
    loop.watch(number, EPOLLIN, [&](uint32_t) { wrong++; });
    loop.unwatch(first.a.get());
  };
  loop.watch(first.a.get(), EPOLLIN, replace);
  loop.watch(number, EPOLLIN, [](uint32_t) {});
  first.write_b();
  second.write_b();
  loop.turn(100ms);
  EXPECT_EQ(wrong, 0) << "the new descriptor has nothing to read";
  third->write_b();
  loop.turn(100ms);
  EXPECT_EQ(wrong, 1);
}

TEST(EventLoop, CallbackMayReplaceItself) {
  EventLoop loop;
  Pair pair;
  int first = 0;
  int second = 0;
  auto big = std::make_shared<std::vector<int>>(1000, 7);
  loop.watch(pair.a.get(), EPOLLIN, [&, big](uint32_t) {
    loop.watch(pair.a.get(), EPOLLIN, [&](uint32_t) { second++, loop.stop(); });
    first += (*big)[999];  // the replaced callback's captures must still be there
  });
  pair.write_b();
  loop.run();
  EXPECT_EQ(first, 7);
  EXPECT_EQ(second, 1);
}

TEST(EventLoop, PostFromManyThreads) {
  EventLoop loop;
  int count = 0;
  const auto owner = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; i++) {
        loop.post([&] {
          EXPECT_EQ(std::this_thread::get_id(), owner);
          if (++count == 4000) {
            loop.stop();
          }
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(count, 4000);
}

TEST(EventLoop, StopBeforeRunIsNotLost) {
  EventLoop loop;
  loop.stop();
  loop.run();
  int turns = 0;
  loop.after(1ms, [&] { turns++, loop.stop(); });
  loop.run();
  EXPECT_EQ(turns, 1);
}

TEST(EventLoop, TurnWaitsNoLongerThanTold) {
  EventLoop loop;
  const auto begin = EventLoop::Clock::now();
  loop.turn(2ms);
  EXPECT_GE(EventLoop::Clock::now() - begin, 2ms);
  loop.turn(0us);
}

}  // namespace
}  // namespace floof
