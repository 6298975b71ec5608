// SPDX-License-Identifier: GPL-3.0-or-later
//
// Longest-prefix match for one family: a multibit trie of one 16-bit and then 8-bit strides (Srinivasan and Varghese,
// "Fast address lookups using controlled prefix expansion", 1999), leaf-pushed, so that a lookup never backtracks.
// A second, control-side store of the prefixes themselves tells what comes to light when one is removed.
// One writer; readers under QSBR, each slot is one atomic word.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/qsbr.h"
#include "features/ip/chunked.h"

namespace floof::ip {

/// Address bits, left-aligned: an IPv4 address fills the upper half of `high`.
struct FibKey {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const FibKey&, const FibKey&) = default;
};

class FibTable {
 public:
  /// `bits`: 32 or 128.
  FibTable(Qsbr& qsbr, unsigned bits);

  // -- Any reader under QSBR --------------------------------------------------------------------------------------
  void prefetch(uint64_t high) const { __builtin_prefetch(&root_[high >> 48]); }
  /// The value of the longest prefix that matches, 0 when there is none. For keys of at most 64 significant bits.
  uint32_t lookup(uint64_t high) const {
    uint32_t entry = root_[high >> 48].load(std::memory_order_acquire);
    for (unsigned shift = 40; (entry & kChild) != 0; shift -= 8) {
      entry = blocks_.at(entry & ~kChild)[high >> shift & 0xff].load(std::memory_order_acquire);
    }
    return entry;
  }
  uint32_t lookup(const FibKey& key) const {
    uint32_t entry = root_[key.high >> 48].load(std::memory_order_acquire);
    for (unsigned depth = 1; (entry & kChild) != 0; depth++) {
      entry = blocks_.at(entry & ~kChild)[slot_of(key, depth)].load(std::memory_order_acquire);
    }
    return entry;
  }

  // -- The writer -------------------------------------------------------------------------------------------------
  /// Adds or replaces; `value` is 1..2^31-1, bits of `key` beyond `length` are zero.
  void set(const FibKey& key, unsigned length, uint32_t value);
  bool remove(const FibKey& key, unsigned length);
  size_t size() const { return size_; }
  struct Match {
    unsigned length;
    uint32_t value;
  };
  std::optional<Match> match(const FibKey& key) const;
  /// Among prefixes of at most this length.
  std::optional<Match> match(const FibKey& key, unsigned max_length) const {
    return less_specific(key, max_length + 1);
  }
  /// Blocks in use, for tests of leaks.
  size_t blocks_in_use() const { return blocks_used_; }

 private:
  static constexpr uint32_t kChild = uint32_t{1} << 31;
  static constexpr unsigned kRootSlots = 1 << 16;
  static constexpr unsigned kSlots = 256;
  using Slot = std::atomic<uint32_t>;
  using Block = std::array<Slot, kSlots>;

  /// What only the writer needs of a block. Lengths are stored plus one; 0 is "no prefix".
  struct Shadow {
    std::array<uint8_t, kSlots> length;
    uint16_t own;  ///< slots that lead to a child or hold a prefix that ends inside this block
  };
  /// A block or the root, as the writer walks it.
  struct View {
    Slot* slots;
    uint8_t* lengths;
    uint16_t* own;  ///< nullptr for the root, which is never given up
    unsigned base;  ///< bits that were consumed before this block
    unsigned depth;
  };
  struct KeyHash {
    size_t operator()(const FibKey& k) const noexcept {
      uint64_t h = (k.high ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
      h = (h ^ h >> 32 ^ k.low) * 0xc4ceb9fe1a85ec53u;
      return h ^ h >> 29;
    }
  };
  struct Step {
    View view;
    unsigned slot;
  };

  static unsigned slot_of(const FibKey& key, unsigned depth) {
    if (depth == 0) {
      return static_cast<unsigned>(key.high >> 48);
    }
    const unsigned byte = depth + 1;
    return static_cast<unsigned>(byte < 8 ? key.high >> (56 - 8 * byte) : key.low >> (120 - 8 * byte)) & 0xff;
  }
  static unsigned width(unsigned depth) { return depth == 0 ? 16 : 8; }
  View root_view();
  View block_view(uint32_t block, unsigned depth);
  View descend(const View& view, unsigned slot);
  void write(const View& view, unsigned slot, uint32_t value, unsigned stored_length);
  void paint(const View& view, unsigned first, unsigned count, unsigned stored_length, uint32_t value);
  void unpaint(const View& view, unsigned first, unsigned count, unsigned old_length, const Match* below);
  std::optional<Match> less_specific(const FibKey& key, unsigned length) const;
  void collapse(std::vector<Step>& path);

  std::unique_ptr<Slot[]> root_;
  std::unique_ptr<uint8_t[]> root_lengths_;
  Chunked<Block, 8, 16> blocks_;
  Chunked<Shadow, 8, 16> shadows_;
  IndexAllocator indices_;
  std::vector<std::unordered_map<FibKey, uint32_t, KeyHash>> by_length_;
  size_t size_ = 0;
  size_t blocks_used_ = 0;
};

}  // namespace floof::ip
