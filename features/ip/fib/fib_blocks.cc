// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_blocks.h"

#include <bit>
#include <cstring>

namespace floof::ip::fib {

namespace {

constexpr unsigned kLine = 64;

}  // namespace

void BlockStore::append(size_t base, uint32_t slot, Entry entry) {
  if (pieces_.size() > base && pieces_.back().slot == slot) {
    pieces_.pop_back();
  }
  if (pieces_.size() == base || is_node(entry) || pieces_.back().entry != entry) {
    pieces_.push_back({slot, entry});
  }
}

// Cuts the region into its slots: runs that begin exactly at a slot become pieces, slots with a boundary inside become
// blocks of their own.
template <typename K>
void BlockStore::split(std::span<const Run<K>> runs, unsigned depth, unsigned width, size_t base) {
  append(base, 0, runs[0].value);
  for (size_t i = 1; i < runs.size();) {
    const uint32_t slot = bits_at(runs[i].start, depth, width);
    size_t end = i + 1;
    while (end < runs.size() && bits_at(runs[end].start, depth, width) == slot) {
      end++;
    }
    const bool exact = shift_left(runs[i].start, depth + width) == 0;
    if (exact && end == i + 1) {
      append(base, slot, runs[i].value);
    } else {
      append(base, slot, build(runs.subspan(exact ? i : i - 1, end - (exact ? i : i - 1)), depth + width));
      if (slot + 1 < uint32_t{1} << width) {
        append(base, slot + 1, runs[end - 1].value);
      }
    }
    i = end;
  }
}

template <typename K>
Entry BlockStore::build(std::span<const Run<K>> runs, unsigned depth) {
  if (runs.size() == 1) {
    return runs[0].value;
  }
  const size_t base = pieces_.size();
  if constexpr (kKeyBits<K> == 128) {
    // A slot with a boundary inside has two; so many runs never become too many boundaries.
    if (depth >= kRangeFrom && runs.size() <= kMaxBoundaries / 2 + 1) {
      split(runs, depth, kRangeBits, base);
      const Entry out = ranges_of(std::span(pieces_).subspan(base));
      pieces_.resize(base);
      return out;
    }
    if (depth >= kRangeFrom && runs.size() <= kMaxBoundaries + 1) {
      size_t boundaries = 0;
      for (size_t i = 1; i < runs.size(); i++) {
        boundaries += shift_left(runs[i].start, depth + kRangeBits) == 0 ? 1 : 2;
      }
      if (boundaries <= kMaxBoundaries) {
        split(runs, depth, kRangeBits, base);
        const Entry out = ranges_of(std::span(pieces_).subspan(base));
        pieces_.resize(base);
        return out;
      }
    }
  }
  split(runs, depth, kBitmapBits, base);
  const Entry out = bitmap_of(std::span(pieces_).subspan(base));
  pieces_.resize(base);
  return out;
}

template Entry BlockStore::build(std::span<const Run<Key4>>, unsigned);
template Entry BlockStore::build(std::span<const Run<Key6>>, unsigned);

Entry BlockStore::bitmap_of(std::span<const Piece> pieces) {
  if (pieces.size() == 1) {
    return pieces[0].entry;
  }
  const auto ref = arena_.allocate(sizeof(Bitmap) + pieces.size() * sizeof(Entry));
  const Entry out = node_entry(NodeKind::bitmap, ref);
  Bitmap* block = bitmap_at(out);
  block->bits = 0;
  for (size_t i = 0; i < pieces.size(); i++) {
    block->bits |= uint64_t{1} << pieces[i].slot;
    block->entries[i] = pieces[i].entry;
  }
  return out;
}

Entry BlockStore::ranges_of(std::span<const Piece> pieces) {
  if (pieces.size() == 1) {
    return pieces[0].entry;
  }
  const size_t boundaries = pieces.size() - 1;
  const NodeKind kind = boundaries <= 8 ? NodeKind::range8 : boundaries <= 16 ? NodeKind::range16 : NodeKind::range32;
  const unsigned room = range_room(kind);
  // Whole lines, so that the boundaries never straddle two.
  const size_t bytes = room * sizeof(uint16_t) + pieces.size() * sizeof(Entry);
  const auto ref = arena_.allocate((bytes + kLine - 1) / kLine * kLine);
  auto* keys = reinterpret_cast<uint16_t*>(arena_.at(ref));
  auto* entries = reinterpret_cast<Entry*>(keys + room);
  for (unsigned i = 0; i < room; i++) {
    keys[i] = i < boundaries ? static_cast<uint16_t>(pieces[i + 1].slot - 1) : kNoBoundary;
  }
  for (size_t i = 0; i < pieces.size(); i++) {
    entries[i] = pieces[i].entry;
  }
  return node_entry(kind, ref);
}

Entry BlockStore::compress(const Slots& slots) {
  const size_t base = pieces_.size();
  for (unsigned slot = 0; slot < kBitmapSlots; slot++) {
    append(base, slot, slots[slot]);
  }
  const Entry out = bitmap_of(std::span(pieces_).subspan(base));
  pieces_.resize(base);
  return out;
}

void BlockStore::patch(Entry bitmap, unsigned slot, Entry entry) {
  Bitmap* block = bitmap_at(bitmap);
  const unsigned index = static_cast<unsigned>(std::popcount(block->bits << (kBitmapSlots - 1 - slot))) - 1;
  __atomic_store_n(&block->entries[index], entry, __ATOMIC_RELEASE);
}

void BlockStore::retire(Entry entry) {
  if (is_node(entry)) {
    arena_.retire(ref_of(entry));
  }
}

void BlockStore::retire_tree(Entry entry) {
  if (!is_node(entry)) {
    return;
  }
  if (kind_of(entry) == NodeKind::bitmap) {
    const Bitmap* block = bitmap_at(entry);
    for (int i = 0; i < std::popcount(block->bits); i++) {
      retire_tree(block->entries[i]);
    }
  } else {
    const unsigned room = range_room(kind_of(entry));
    const auto* keys = reinterpret_cast<const uint16_t*>(arena_.at(ref_of(entry)));
    const auto* entries = reinterpret_cast<const Entry*>(keys + room);
    retire_tree(entries[0]);
    for (unsigned i = 0; i < room && keys[i] != kNoBoundary; i++) {
      retire_tree(entries[i + 1]);
    }
  }
  arena_.retire(ref_of(entry));
}

}  // namespace floof::ip::fib
