// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the FIB is compared with, written from the papers, read-only, for fib_bench.cc alone: Poptrie (Asai and Ohara,
// SIGCOMM 2015), DXR (Zec, Rizzo and Mikuc, CCR 2012) and DIR-24-8 (Gupta, Lin and McKeown, INFOCOM 1998). All get the
// bulk form that ours has: passes over a batch with prefetches, so that only the tables' shapes differ. Values are 16
// bits where the paper has 16 bits.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base/process/reserved_memory.h"
#include "features/ip/fib/fib_blocks.h"
#include "features/ip/fib/fib_key.h"

namespace floof::ip::fib {

template <typename K>
struct PlainRoute {
  K key;
  unsigned length;
  uint32_t value;
};

/// What each address maps to, as runs in order; the first begins at 0.
template <typename K>
std::vector<Run<K>> runs_of(std::vector<PlainRoute<K>> routes) {
  std::sort(routes.begin(), routes.end(),
            [](const auto& a, const auto& b) { return a.key != b.key ? a.key < b.key : a.length < b.length; });
  const K end = static_cast<K>(~K{0});
  std::vector<Run<K>> out{{0, 0}};
  std::vector<std::pair<K, uint32_t>> open{{end, 0}};
  const auto put = [&](K start, uint32_t value) {
    if (out.size() > 1 && out.back().start == start) {
      out.pop_back();
    }
    if (start == 0) {
      out[0].value = value;
    } else if (out.back().value != value) {
      out.push_back({start, value});
    }
  };
  const auto close = [&] {
    const K last = open.back().first;
    open.pop_back();
    if (last != end) {
      put(last + 1, open.back().second);
    }
  };
  for (const auto& r : routes) {
    while (open.size() > 1 && open.back().first < r.key) {
      close();
    }
    put(r.key, r.value);
    open.emplace_back(last_of(r.key, r.length), r.value);
  }
  while (open.size() > 1) {
    close();
  }
  return out;
}

/// An array of growing size in huge pages, as ours are.
template <typename T>
class HugeVector {
 public:
  explicit HugeVector(size_t limit) : memory_(limit * sizeof(T), ReservedMemory::Pages::huge) {}
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  T& operator[](size_t i) const { return data()[i]; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }
  size_t grow(size_t by) { return std::exchange(size_, size_ + by); }

 private:
  ReservedMemory memory_;
  size_t size_ = 0;
};

inline constexpr size_t kRivalBatch = 64;

template <typename K>
class Poptrie {
 public:
  explicit Poptrie(const std::vector<Run<K>>& runs) {
    direct_.grow(size_t{1} << kDirect);
    size_t at = 0;
    for (size_t slot = 0; slot < direct_.size(); slot++) {
      const K start = shift_left(static_cast<K>(slot), kKeyBits<K> - kDirect);
      const auto inside = inside_of(runs, at, start, kDirect);
      if (inside.size() == 1) {
        direct_[slot] = kLeaf | inside[0].value;
      } else {
        const size_t node = nodes_.grow(1);
        direct_[slot] = static_cast<uint32_t>(node);
        build(node, inside, start, kDirect);
      }
    }
  }
  size_t bytes() const { return direct_.bytes() + nodes_.bytes() + leaves_.bytes(); }

  /// Passes: direct array, then levels of nodes, then leaves.
  __attribute__((target("bmi,bmi2,popcnt"))) void lookup(const K* keys, uint32_t* values, size_t count) const {
    for (; count >= kRivalBatch; count -= kRivalBatch, keys += kRivalBatch, values += kRivalBatch) {
      uint32_t leaf[kRivalBatch];
      for (size_t i = 0; i < kRivalBatch; i++) {
        values[i] = direct_.data()[static_cast<uint32_t>(keys[i] >> (kKeyBits<K> - kDirect))];
        __builtin_prefetch(&nodes_.data()[values[i] & ~kLeaf]);
      }
      bool more = true;
      for (unsigned depth = kDirect; more; depth += 6) {
        more = false;
        for (size_t i = 0; i < kRivalBatch; i++) {
          if ((values[i] & kLeaf) != 0) {
            continue;
          }
          const Node& node = nodes_.data()[values[i]];
          const unsigned slot = static_cast<unsigned>(shift_left(keys[i], depth) >> (kKeyBits<K> - 6));
          if ((node.children >> slot & 1) != 0) {
            values[i] = node.first_child + static_cast<uint32_t>(std::popcount(node.children << (63 - slot))) - 1;
            __builtin_prefetch(&nodes_.data()[values[i]]);
            more = true;
          } else {
            leaf[i] = node.first_leaf + static_cast<uint32_t>(std::popcount(node.leaves << (63 - slot))) - 1;
            __builtin_prefetch(&leaves_.data()[leaf[i]]);
            values[i] = kLeaf | kIndirect;
          }
        }
      }
      for (size_t i = 0; i < kRivalBatch; i++) {
        values[i] = (values[i] & kIndirect) != 0 ? leaves_.data()[leaf[i]] : values[i] & ~kLeaf;
      }
    }
  }

 private:
  static constexpr unsigned kDirect = 18;
  static constexpr uint32_t kLeaf = uint32_t{1} << 31, kIndirect = uint32_t{1} << 30;
  struct Node {
    uint64_t children, leaves;
    uint32_t first_leaf, first_child;
  };

  static std::span<const Run<K>> inside_of(std::span<const Run<K>> runs, size_t& at, K start, unsigned depth) {
    while (at + 1 < runs.size() && runs[at + 1].start <= start) {
      at++;
    }
    size_t end = at + 1;
    while (end < runs.size() && runs[end].start <= last_of(start, depth)) {
      end++;
    }
    return runs.subspan(at, end - at);
  }
  void build(size_t index, std::span<const Run<K>> runs, K start, unsigned depth) {
    std::array<std::span<const Run<K>>, 64> inside;
    size_t at = 0;
    Node node{0, 0, static_cast<uint32_t>(leaves_.size()), 0};
    for (unsigned slot = 0; slot < 64; slot++) {
      const K rest = shift_right(shift_left(static_cast<K>(slot), kKeyBits<K> - 6), depth);
      inside[slot] = inside_of(runs, at, start | rest, depth + 6);
      if (inside[slot].size() > 1) {
        node.children |= uint64_t{1} << slot;
      } else if (node.leaves == 0 || leaves_[leaves_.size() - 1] != inside[slot][0].value) {
        node.leaves |= uint64_t{1} << slot;
        leaves_[leaves_.grow(1)] = static_cast<uint16_t>(inside[slot][0].value);
      }
    }
    node.first_child = static_cast<uint32_t>(nodes_.grow(static_cast<size_t>(std::popcount(node.children))));
    nodes_[index] = node;
    size_t child = node.first_child;
    for (unsigned slot = 0; slot < 64; slot++) {
      if (inside[slot].size() > 1) {
        const K rest = shift_right(shift_left(static_cast<K>(slot), kKeyBits<K> - 6), depth);
        build(child++, inside[slot], start | rest, depth + 6);
      }
    }
  }

  HugeVector<uint32_t> direct_{size_t{1} << kDirect};
  HugeVector<Node> nodes_{size_t{1} << 22};
  HugeVector<uint16_t> leaves_{size_t{1} << 26};
};

/// D18R with ranges of 4 bytes; its direct entries are 8 bytes, for 1M routes have more ranges than 19 bits can count.
class Dxr {
 public:
  explicit Dxr(const std::vector<Run<Key4>>& runs) {
    direct_.grow(size_t{1} << kDirect);
    size_t at = 0;
    for (uint32_t slot = 0; slot < direct_.size(); slot++) {
      const Key4 start = slot << (32 - kDirect);
      while (at + 1 < runs.size() && runs[at + 1].start <= start) {
        at++;
      }
      const auto first = static_cast<uint32_t>(ranges_.grow(1));
      ranges_[first] = {0, static_cast<uint16_t>(runs[at].value)};
      for (size_t i = at + 1; i < runs.size() && runs[i].start <= last_of(start, kDirect); i++) {
        ranges_[ranges_.grow(1)] = {static_cast<uint16_t>(runs[i].start & kLow), static_cast<uint16_t>(runs[i].value)};
      }
      direct_[slot] = {first, static_cast<uint32_t>(ranges_.size()) - first};
    }
  }
  size_t bytes() const { return direct_.bytes() + ranges_.bytes(); }

  void lookup(const Key4* keys, uint32_t* values, size_t count) const {
    for (; count >= kRivalBatch; count -= kRivalBatch, keys += kRivalBatch, values += kRivalBatch) {
      for (size_t i = 0; i < kRivalBatch; i++) {
        __builtin_prefetch(&ranges_.data()[direct_.data()[keys[i] >> (32 - kDirect)].first]);
      }
      for (size_t i = 0; i < kRivalBatch; i++) {
        const Slot slot = direct_.data()[keys[i] >> (32 - kDirect)];
        const Range* range = &ranges_.data()[slot.first];
        const uint32_t low = keys[i] & kLow;
        for (uint32_t n = slot.count; n > 1;) {
          const uint32_t half = n / 2;
          range += range[half].start <= low ? half : 0;
          n -= half;
        }
        values[i] = range->value;
      }
    }
  }

 private:
  static constexpr unsigned kDirect = 18;
  static constexpr uint32_t kLow = (uint32_t{1} << (32 - kDirect)) - 1;
  struct Slot {
    uint32_t first, count;
  };
  struct Range {
    uint16_t start, value;
  };
  HugeVector<Slot> direct_{size_t{1} << kDirect};
  HugeVector<Range> ranges_{size_t{1} << 24};
};

/// The first 24 bits only: for tables without longer prefixes, as the bench's.
template <typename Value>
class Dir24 {
 public:
  explicit Dir24(const std::vector<Run<Key4>>& runs) {
    table_.grow(size_t{1} << 24);
    size_t at = 0;
    for (uint32_t slot = 0; slot < table_.size(); slot++) {
      while (at + 1 < runs.size() && runs[at + 1].start <= slot << 8) {
        at++;
      }
      table_[slot] = static_cast<Value>(runs[at].value);
    }
  }
  size_t bytes() const { return table_.bytes(); }
  void lookup(const Key4* keys, uint32_t* values, size_t count) const {
    for (size_t i = 0; i < count; i++) {
      values[i] = table_.data()[keys[i] >> 8];
    }
  }

 private:
  HugeVector<Value> table_{size_t{1} << 24};
};

}  // namespace floof::ip::fib
