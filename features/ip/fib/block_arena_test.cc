// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/block_arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace floof::ip {
namespace {

constexpr size_t kCapacity = size_t{256} << 20;

TEST(BlockArena, ObjectsKeepTheirBytes) {
  Qsbr qsbr;
  BlockArena arena(qsbr, kCapacity);
  std::mt19937_64 rng(1);
  struct Object {
    size_t bytes;
    uint8_t filling;
  };
  std::map<BlockArena::Ref, Object> objects;
  for (int step = 0; step < 100000; step++) {
    if (objects.empty() || rng() % 16 < (step / 20000 % 2 ? 7 : 9)) {
      const Object object{1 + rng() % BlockArena::kLargest, static_cast<uint8_t>(rng())};
      const BlockArena::Ref ref = arena.allocate(object.bytes);
      ASSERT_NE(ref, 0u);
      std::memset(arena.at(ref), object.filling, object.bytes);
      ASSERT_TRUE(objects.emplace(ref, object).second);
    } else {
      auto it = objects.lower_bound(static_cast<BlockArena::Ref>(rng() % (arena.committed() / BlockArena::kUnit)));
      it = it == objects.end() ? objects.begin() : it;
      for (size_t i = 0; i < it->second.bytes; i++) {
        ASSERT_EQ(arena.at(it->first)[i], std::byte{it->second.filling});
      }
      arena.free(it->first);
      objects.erase(it);
    }
    ASSERT_EQ(arena.live(), objects.size());
  }
  for (const auto& [ref, object] : objects) {
    arena.free(ref);
  }
  EXPECT_EQ(arena.used(), 0u);
}

TEST(BlockArena, SlabsServeAnotherSizeLater) {
  Qsbr qsbr;
  BlockArena arena(qsbr, kCapacity);
  for (const size_t bytes : {16, 1152, 48, 300, 640}) {
    std::vector<BlockArena::Ref> all;
    while (arena.used() < (size_t{4} << 20)) {
      all.push_back(arena.allocate(bytes));
    }
    for (const BlockArena::Ref ref : all) {
      arena.free(ref);
    }
  }
  EXPECT_LT(arena.committed(), size_t{5} << 20);
}

TEST(BlockArena, RetiredOnesWaitForReaders) {
  Qsbr qsbr;
  BlockArena arena(qsbr, kCapacity);
  const unsigned reader = qsbr.add_reader();
  qsbr.online(reader);
  const BlockArena::Ref ref = arena.allocate(64);
  arena.retire(ref);
  EXPECT_EQ(arena.reclaim(), 1u) << "not sealed yet";
  qsbr.quiescent(reader);
  EXPECT_EQ(arena.reclaim(), 1u);
  arena.seal_now();
  EXPECT_EQ(arena.reclaim(), 1u) << "the reader may have it";
  EXPECT_NE(arena.allocate(64), ref);
  qsbr.quiescent(reader);
  EXPECT_EQ(arena.reclaim(), 0u);
  EXPECT_EQ(arena.allocate(64), ref);
}

TEST(BlockArena, WaitsForReadersWhenAddressSpaceEnds) {
  Qsbr qsbr;
  BlockArena arena(qsbr, size_t{2} << 20);
  std::vector<BlockArena::Ref> all;
  while (arena.committed() < (size_t{2} << 20)) {
    all.push_back(arena.allocate(1024));
  }
  EXPECT_TRUE(arena.cramped());
  for (const BlockArena::Ref ref : all) {
    arena.retire(ref);
  }
  for (size_t i = 0; i < all.size(); i++) {
    EXPECT_NE(arena.allocate(1024), 0u);
  }
}

}  // namespace
}  // namespace floof::ip
