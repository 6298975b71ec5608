// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <utility>

namespace floof {

/// A range of address space, zeroed, that takes memory only where it is touched. It never moves, so that readers of
/// another thread may keep pointers into it. Owned by one thread, which frees it when no reader is left.
class ReservedMemory {
 public:
  enum class Pages : unsigned char {
    small,  ///< sparse use: memory in steps of 4 KiB
    huge,   ///< hot arrays: 2 MiB pages when the kernel has them, against TLB misses
  };
  /// `bytes` is rounded up to 2 MiB. Aborts when the address space has no such range (RLIMIT_AS).
  ReservedMemory(size_t bytes, Pages pages);
  ~ReservedMemory();
  ReservedMemory(ReservedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ReservedMemory& operator=(ReservedMemory&&) = delete;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_;
  size_t size_;
};

}  // namespace floof
