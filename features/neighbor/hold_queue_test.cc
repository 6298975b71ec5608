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

TEST(HoldQueue, KeepsTheLatestFew) {
  Queue queue;
  const Queue::Time now{};
  EXPECT_EQ(queue.hold(key(1), packet(0), now), Queue::Outcome::started);
  for (int i = 1; i < 4; i++) {
    EXPECT_EQ(queue.hold(key(1), packet(i), now), Queue::Outcome::waiting);
  }
  EXPECT_EQ(queue.hold(key(1), packet(4), now), Queue::Outcome::replaced);
  EXPECT_EQ(numbers(queue.release(key(1))), (std::vector{1, 2, 3, 4}));
  EXPECT_TRUE(queue.release(key(1)).empty());
  EXPECT_EQ(queue.size(), 0u);
}

TEST(HoldQueue, LimitsNeighbors) {
  Queue queue({.packets = 4, .neighbors = 3, .wait = 1s});
  const Queue::Time now{};
  for (unsigned i = 0; i < 3; i++) {
    EXPECT_EQ(queue.hold(key(i), packet(0), now), Queue::Outcome::started);
  }
  EXPECT_EQ(queue.hold(key(9), packet(0), now), Queue::Outcome::refused);
  EXPECT_EQ(queue.hold(key(2), packet(0), now), Queue::Outcome::waiting);
}

TEST(HoldQueue, ExpiresByTheFirstPacket) {
  Queue queue;
  const Queue::Time start{};
  queue.hold(key(1), packet(1), start);
  queue.hold(key(2), packet(2), start + 500ms);
  queue.hold(key(1), packet(3), start + 900ms);
  EXPECT_TRUE(queue.expire(start + 999ms).empty());
  EXPECT_EQ(numbers(queue.expire(start + 1000ms)), (std::vector{1, 3}));
  EXPECT_EQ(numbers(queue.expire(start + 5s)), (std::vector{2}));
  EXPECT_EQ(queue.hold(key(1), packet(1), start), Queue::Outcome::started);
}

TEST(HoldQueue, ForgetsAnInterface) {
  Queue queue;
  queue.hold({IfId(1), Ip4(1)}, packet(1), {});
  queue.hold({IfId(2), Ip4(1)}, packet(2), {});
  EXPECT_EQ(queue.forget(IfId(1)), 1u);
  EXPECT_TRUE(queue.release({IfId(1), Ip4(1)}).empty());
  EXPECT_EQ(numbers(queue.release({IfId(2), Ip4(1)})), (std::vector{2}));
}

}  // namespace
}  // namespace floof::neighbor
