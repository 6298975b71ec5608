// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/neighbor/hold_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace floof::neighbor {
namespace {

using Queue = HoldQueue<std::unique_ptr<int>>;
using namespace std::chrono_literals;

Key key(unsigned n) { return {IfId(1), IpAddress(Ip4(n))}; }
std::unique_ptr<int> packet(int n) { return std::make_unique<int>(n); }

std::vector<int> numbers(const std::vector<std::unique_ptr<int>>& packets) {
  std::vector<int> out;
  for (const auto& p : packets) {
    out.push_back(*p);
  }
  return out;
}

/// A queue that remembers who had to go.
struct Fixture {
  explicit Fixture(Queue::Limits limits = {}) : queue(limits) {}
  Queue::Outcome hold(const Key& k, int n, Queue::Time now = {}, bool known = false) {
    std::vector<Queue::Left> left;
    const auto out = queue.hold(k, known, packet(n), now, left);
    for (const auto& one : left) {
      evicted.push_back(one.key);
      EXPECT_FALSE(one.packets.empty());
    }
    return out;
  }
  Queue queue;
  std::vector<Key> evicted;
};

std::vector<int> numbers(const std::vector<Queue::Left>& left) {
  std::vector<int> out;
  for (const auto& one : left) {
    for (const auto& p : one.packets) {
      out.push_back(*p);
    }
  }
  return out;
}

TEST(HoldQueue, KeepsTheLatestFew) {
  Fixture f;
  EXPECT_EQ(f.hold(key(1), 0), Queue::Outcome::started);
  for (int i = 1; i < 4; i++) {
    EXPECT_EQ(f.hold(key(1), i), Queue::Outcome::waiting);
  }
  EXPECT_EQ(f.hold(key(1), 4), Queue::Outcome::replaced);
  EXPECT_EQ(numbers(f.queue.release(key(1))), (std::vector{1, 2, 3, 4}));
  EXPECT_TRUE(f.queue.release(key(1)).empty());
  EXPECT_EQ(f.queue.size(), 0u);
}

TEST(HoldQueue, WhoWaitedLongestMakesRoomOnItsInterface) {
  Fixture f({.packets = 4, .neighbors = 100, .per_interface = 3, .wait = 1s});
  const Key other{IfId(2), Ip4(1)}, known = key(1000);
  f.hold(other, 1);
  f.hold(known, 1, {}, true);
  for (unsigned i = 0; i < 5; i++) {
    EXPECT_EQ(f.hold(key(i), static_cast<int>(i)), Queue::Outcome::started);
  }
  EXPECT_EQ(f.evicted, (std::vector{key(0), key(1)}));
  EXPECT_EQ(f.hold(key(3), 30), Queue::Outcome::waiting);
  EXPECT_EQ(numbers(f.queue.release(other)), std::vector{1}) << "another interface has its own";
  EXPECT_EQ(numbers(f.queue.release(known)), std::vector{1}) << "and so have those that were known before";
  EXPECT_EQ(numbers(f.queue.release(key(3))), (std::vector{3, 30}));
  f.hold(key(5), 5);
  EXPECT_EQ(f.evicted.size(), 2u) << "the one that was found left a place";
}

TEST(HoldQueue, InAllStrangersOfTheBusiestInterfaceGoFirst) {
  Fixture f({.packets = 4, .neighbors = 5, .per_interface = 4, .wait = 1s});
  const auto on = [](uint16_t interface, unsigned n) { return Key{IfId(interface), Ip4(n)}; };
  f.hold(on(1, 1), 1, {}, true);
  f.hold(on(2, 1), 1);
  for (unsigned i = 0; i < 3; i++) {
    f.hold(on(3, i), 1);
  }
  f.hold(on(2, 2), 1, {}, true);
  EXPECT_EQ(f.evicted, std::vector{on(3, 0)});
  for (unsigned i = 3; i < 7; i++) {
    f.hold(on(2, i), 1, {}, true);
  }
  EXPECT_EQ(f.evicted[1], on(3, 1));
  EXPECT_EQ(f.evicted.size(), 5u);
  EXPECT_EQ(numbers(f.queue.release(on(1, 1))), std::vector{1}) << "of two that have one each the first stays";
  EXPECT_EQ(f.queue.size(), 4u);
}

TEST(HoldQueue, ExpiresByTheFirstPacket) {
  Fixture f;
  const Queue::Time start{};
  f.hold(key(1), 1, start);
  f.hold(key(2), 2, start + 500ms, true);
  f.hold(key(1), 3, start + 900ms);
  EXPECT_TRUE(f.queue.expire(start + 999ms).empty());
  EXPECT_EQ(numbers(f.queue.expire(start + 1000ms)), (std::vector{1, 3}));
  const auto last = f.queue.expire(start + 5s);
  EXPECT_EQ(numbers(last), (std::vector{2}));
  EXPECT_TRUE(last.at(0).known);
  EXPECT_EQ(f.hold(key(1), 1, start), Queue::Outcome::started);
}

TEST(HoldQueue, ForgetsAnInterface) {
  Fixture f;
  f.hold({IfId(1), Ip4(1)}, 1);
  f.hold({IfId(2), Ip4(1)}, 2);
  EXPECT_EQ(f.queue.forget(IfId(1)), 1u);
  EXPECT_TRUE(f.queue.release({IfId(1), Ip4(1)}).empty());
  EXPECT_EQ(numbers(f.queue.release({IfId(2), Ip4(1)})), (std::vector{2}));
}

}  // namespace
}  // namespace floof::neighbor
