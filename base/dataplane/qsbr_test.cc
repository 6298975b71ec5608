// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/qsbr.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace floof {
namespace {

TEST(Qsbr, FreesAtOnceWithoutReaders) {
  Qsbr qsbr;
  int freed = 0;
  qsbr.retire([&] { freed++; });
  EXPECT_EQ(qsbr.reclaim(), 0u);
  EXPECT_EQ(freed, 1);
}

TEST(Qsbr, EpochsForOwnLists) {
  Qsbr qsbr;
  const unsigned reader = qsbr.add_reader();
  EXPECT_TRUE(qsbr.passed(qsbr.advance())) << "nobody is online";
  qsbr.online(reader);
  const uint64_t first = qsbr.advance();
  EXPECT_FALSE(qsbr.passed(first));
  qsbr.quiescent(reader);
  const uint64_t second = qsbr.advance();
  EXPECT_TRUE(qsbr.passed(first));
  EXPECT_FALSE(qsbr.passed(second));
  qsbr.offline(reader);
  EXPECT_TRUE(qsbr.passed(second));
}

TEST(Qsbr, WaitsForEachReaderOnce) {
  Qsbr qsbr;
  const unsigned a = qsbr.add_reader();
  const unsigned b = qsbr.add_reader();
  qsbr.online(a);
  qsbr.online(b);
  std::vector<int> freed;
  qsbr.retire([&] { freed.push_back(1); });
  EXPECT_EQ(qsbr.reclaim(), 1u);
  qsbr.quiescent(a);
  EXPECT_EQ(qsbr.reclaim(), 1u);
  qsbr.retire([&] { freed.push_back(2); });
  qsbr.quiescent(b);
  EXPECT_EQ(qsbr.reclaim(), 1u) << "only the first: a has not announced since the second";
  EXPECT_EQ(freed, std::vector{1});
  qsbr.quiescent(a);
  EXPECT_EQ(qsbr.reclaim(), 0u);
  EXPECT_EQ(freed, (std::vector{1, 2}));
}

TEST(Qsbr, SleepersDoNotHoldAnythingUp) {
  Qsbr qsbr;
  const unsigned a = qsbr.add_reader();
  qsbr.online(a);
  int freed = 0;
  qsbr.retire([&] { freed++; });
  qsbr.offline(a);
  EXPECT_EQ(qsbr.reclaim(), 0u);
  qsbr.online(a);
  qsbr.retire([&] { freed++; });
  EXPECT_EQ(qsbr.reclaim(), 1u);
  qsbr.remove_reader(a);
  EXPECT_EQ(qsbr.reclaim(), 0u);
  EXPECT_EQ(freed, 2);
  EXPECT_EQ(qsbr.add_reader(), a) << "the slot is free again";
}

TEST(Qsbr, AFreeThatRetiresIsFine) {
  Qsbr qsbr;
  int freed = 0;
  qsbr.retire([&] { qsbr.retire([&] { freed++; }); });
  qsbr.drain();
  EXPECT_EQ(freed, 1);
}

// Readers follow a pointer that the writer replaces and poisons all the time; some sleep now and then.
TEST(Qsbr, RacingReaders) {
  struct Node {
    std::atomic<uint64_t> left{1};
    std::atomic<uint64_t> right{1};
  };
  constexpr uint64_t kPoison = 0xdead;
  Qsbr qsbr;
  std::atomic<Node*> shared{new Node};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; t++) {
    readers.emplace_back([&, t] {
      const unsigned slot = qsbr.add_reader();
      qsbr.online(slot);
      for (uint64_t turn = 0; !done.load(std::memory_order_relaxed); turn++) {
        for (int i = 0; i < 8; i++) {
          const Node* node = shared.load(std::memory_order_acquire);
          const uint64_t left = node->left.load(std::memory_order_relaxed);
          if (turn % 64 == 0) {
            std::this_thread::yield();  // held across a switch of threads
          }
          if (left == kPoison || node->right.load(std::memory_order_relaxed) != left) {
            wrong++;
          }
        }
        reads++;
        if (t == 2 && turn % 16 == 0) {
          qsbr.offline(slot);
          std::this_thread::yield();
          qsbr.online(slot);
        } else {
          qsbr.quiescent(slot);
        }
      }
      qsbr.remove_reader(slot);
    });
  }
  std::vector<std::unique_ptr<Node>> graves;  // freed memory stays readable, so that a wrong reader is seen, not UB
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  for (uint64_t value = 2; std::chrono::steady_clock::now() < end; value++) {
    Node* fresh = new Node;
    fresh->left = fresh->right = value + kPoison;
    Node* old = shared.exchange(fresh, std::memory_order_acq_rel);
    qsbr.retire([&graves, old] {
      old->left = old->right = kPoison;
      graves.emplace_back(old);
    });
    qsbr.reclaim();
    if (value % 32 == 0) {
      std::this_thread::yield();
    }
  }
  done = true;
  for (auto& reader : readers) {
    reader.join();
  }
  qsbr.drain();
  delete shared.load();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(reads.load(), 0u);
  EXPECT_GT(graves.size(), 10u);
}

}  // namespace
}  // namespace floof
