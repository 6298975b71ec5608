// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "base/dataplane/qsbr.h"
#include "base/process/reserved_memory.h"

namespace floof::ip {

/// An array that grows but never moves, so that readers need no lock: its whole address space is reserved, memory comes
/// where elements are made. Index 0 is never handed out. `at` from any thread, for an index that the reader got through
/// a release store, costs one add and no load beyond the array's own address; all else from the one writer.
template <typename T>
class FlatArray {
 public:
  static_assert(std::is_trivially_destructible_v<T>);
  explicit FlatArray(uint32_t limit)
      : memory_(size_t{limit} * sizeof(T), ReservedMemory::Pages::huge),
        elements_(reinterpret_cast<T*>(memory_.data())),
        limit_(limit) {}
  FlatArray(const FlatArray&) = delete;
  FlatArray& operator=(const FlatArray&) = delete;

  T& at(uint32_t index) const { return elements_[index]; }
  /// Makes `index` usable. An index beyond the limit is a broken invariant of the caller: abort.
  void reserve(uint32_t index) {
    if (index >= limit_) {
      std::abort();
    }
    for (; made_ <= index; made_++) {
      new (&elements_[made_]) T();
    }
  }

 private:
  ReservedMemory memory_;
  T* elements_;
  uint32_t limit_;
  uint32_t made_ = 0;
};

/// Hands out small integers, from 1 up, and takes them back only after a grace period. Writer thread only.
class IndexAllocator {
 public:
  explicit IndexAllocator(Qsbr& qsbr) : qsbr_(qsbr), free_(std::make_shared<std::vector<uint32_t>>()) {}

  uint32_t allocate() {
    if (free_->empty() && retired_ > 0) {
      qsbr_.reclaim();
      retired_ = 0;
    }
    if (free_->empty()) {
      return next_++;
    }
    const uint32_t index = free_->back();
    free_->pop_back();
    return index;
  }
  /// The index returns to the free ones when no reader can hold it any more.
  void release(uint32_t index) {
    // The list is shared, so that a late reclaim finds it even when its owner is gone.
    qsbr_.retire([list = free_, index] { list->push_back(index); });
    retired_++;
  }

 private:
  Qsbr& qsbr_;
  std::shared_ptr<std::vector<uint32_t>> free_;
  uint32_t next_ = 1;
  size_t retired_ = 0;
};

}  // namespace floof::ip
