// SPDX-License-Identifier: GPL-3.0-or-later
//
// Makes the readers' blocks (fib_layout.h) out of runs: what addresses of a region map to, in order. Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "features/ip/fib/block_arena.h"
#include "features/ip/fib/fib_key.h"
#include "features/ip/fib/fib_layout.h"

namespace floof::ip::fib {

/// From `start` up to the next run's start (or the region's end) addresses have this value. The first run's start does
/// not matter: it begins where the region does.
template <typename K>
struct Run {
  K start;
  uint32_t value;
};

using Slots = std::array<Entry, kBitmapSlots>;

class BlockStore {
 public:
  /// The arena lives longer; other tables may have blocks in it, too.
  explicit BlockStore(BlockArena& arena) : arena_(arena) {}

  /// The entry for a region that begins `depth` bits into the key; neighbouring runs differ in value. New blocks are
  /// not published: the caller does, by a release store of the entry.
  template <typename K>
  Entry build(std::span<const Run<K>> runs, unsigned depth);
  /// A bitmap block of these, or just a value if all are the same.
  Entry compress(const Slots& slots);
  /// Replaces the entry of a slot that led to a block, in place: readers follow the old one or the new one.
  void patch(Entry bitmap, unsigned slot, Entry entry);

  /// Retires the block that the entry leads to, if any; the second form also all beneath it.
  void retire(Entry entry);
  void retire_tree(Entry entry);

  BlockArena& arena() const { return arena_; }

 private:
  struct Piece {
    uint32_t slot;
    Entry entry;
  };
  template <typename K>
  void split(std::span<const Run<K>> runs, unsigned depth, unsigned width, size_t base);
  void append(size_t base, uint32_t slot, Entry entry);
  Entry bitmap_of(std::span<const Piece> pieces);
  Entry ranges_of(std::span<const Piece> pieces);
  struct Bitmap {
    uint64_t bits;
    Entry entries[];
  };
  Bitmap* bitmap_at(Entry entry) const { return reinterpret_cast<Bitmap*>(arena_.at(ref_of(entry))); }

  BlockArena& arena_;
  std::vector<Piece> pieces_;  ///< a stack, for all levels of `build`
};

}  // namespace floof::ip::fib
