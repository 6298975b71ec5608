// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/qsbr.h"

namespace floof::ip {

/// A growing array whose elements never move, so that readers need no lock. Index 0 is never handed out.
/// `at` from any thread, for an index that the reader got through a release store; all else from the one writer.
template <typename T, unsigned kChunkBits, unsigned kDirectoryBits>
class Chunked {
 public:
  static constexpr uint32_t kLimit = uint32_t{1} << (kChunkBits + kDirectoryBits);

  Chunked() = default;
  Chunked(const Chunked&) = delete;
  Chunked& operator=(const Chunked&) = delete;
  ~Chunked() {
    for (auto& chunk : directory_) {
      delete[] chunk.load(std::memory_order_relaxed);
    }
  }

  T& at(uint32_t index) const { return directory_[index >> kChunkBits].load(std::memory_order_acquire)[index & kMask]; }
  /// Makes `index` usable. An index beyond kLimit is a broken invariant of the caller: abort.
  void reserve(uint32_t index) {
    if (index >= kLimit) {
      std::abort();
    }
    auto& chunk = directory_[index >> kChunkBits];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
      chunk.store(new T[kMask + 1](), std::memory_order_release);
    }
  }

 private:
  static constexpr uint32_t kMask = (uint32_t{1} << kChunkBits) - 1;
  std::array<std::atomic<T*>, size_t{1} << kDirectoryBits> directory_{};
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
