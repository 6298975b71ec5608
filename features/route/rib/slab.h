// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the RIB keeps its millions of small records: in chunks, named by 32-bit indices. A record is at its place
// without a malloc header, a link to it takes 4 bytes, and it never moves while it exists. Control thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace floof::route {

/// `T::next` (uint32_t, initially 0) belongs to the slab while a record is free. Index 0 is none.
template <typename T>
class Slab {
 public:
  /// A record as T{} makes it.
  uint32_t add() {
    used_++;
    if (free_ != 0) {
      const uint32_t index = free_;
      free_ = std::exchange((*this)[index].next, 0) & ~kFree;
      return index;
    }
    if (end_ / kChunk == chunks_.size()) {
      chunks_.push_back(std::make_unique<T[]>(kChunk));
    }
    return end_++;
  }
  void remove(uint32_t index) {
    T& record = (*this)[index];
    record = T{};
    record.next = free_ | kFree;
    free_ = index;
    used_--;
  }
  T& operator[](uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }

  /// For walks: indices from 1 to `end` - 1, of which some are free.
  uint32_t end() const { return end_; }
  bool is_free(uint32_t index) const { return ((*this)[index].next & kFree) != 0; }
  size_t size() const { return used_; }
  size_t bytes() const { return used_ * sizeof(T); }

 private:
  /// Some kB: a table of few routes, such as a VRF's, takes no more.
  static constexpr uint32_t kChunk = 128;
  static constexpr uint32_t kFree = uint32_t{1} << 31;

  std::vector<std::unique_ptr<T[]>> chunks_;
  uint32_t end_ = 1;
  uint32_t free_ = 0;
  size_t used_ = 0;
};

/// A slab whose records are found by `T::key`; those of one hash bucket are linked by `T::next`.
template <typename T, typename Hash>
class SlabTable {
 public:
  using Key = decltype(T::key);

  /// 0 when there is none.
  uint32_t find(const Key& key) const {
    uint32_t index = buckets_[bucket(key)];
    while (index != 0 && !(slab_[index].key == key)) {
      index = slab_[index].next;
    }
    return index;
  }
  uint32_t find_or_add(const Key& key) {
    if (const uint32_t index = find(key); index != 0) {
      return index;
    }
    if (slab_.size() == buckets_.size()) {
      grow();
    }
    const uint32_t index = slab_.add();
    slab_[index].key = key;
    link(index);
    return index;
  }
  void remove(uint32_t index) {
    uint32_t* at = &buckets_[bucket(slab_[index].key)];
    while (*at != index) {
      at = &slab_[*at].next;
    }
    *at = slab_[index].next;
    slab_.remove(index);
  }
  T& operator[](uint32_t index) { return slab_[index]; }
  const T& operator[](uint32_t index) const { return slab_[index]; }

  uint32_t end() const { return slab_.end(); }
  bool is_free(uint32_t index) const { return slab_.is_free(index); }
  size_t size() const { return slab_.size(); }
  size_t bytes() const { return slab_.bytes() + buckets_.size() * sizeof(uint32_t); }

 private:
  size_t bucket(const Key& key) const { return Hash{}(key) & (buckets_.size() - 1); }
  void link(uint32_t index) { slab_[index].next = std::exchange(buckets_[bucket(slab_[index].key)], index); }
  /// In the order of the records, which the caches like: 20 ms for a million.
  void grow() {
    buckets_.assign(buckets_.size() * 2, 0);
    for (uint32_t index = 1; index < slab_.end(); index++) {
      link(index);  // none is free, or there would be room
    }
  }

  Slab<T> slab_;
  std::vector<uint32_t> buckets_ = std::vector<uint32_t>(16, 0);
};

}  // namespace floof::route
