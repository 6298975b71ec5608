// SPDX-License-Identifier: GPL-3.0-or-later
//
// Memory for the FIB's blocks: small objects in slabs of one size class each (Bonwick, "The slab allocator", 1994), in
// one range of reserved address space, named by 32-bit references. Freed objects go back to their slab, empty slabs to
// all classes, so churn does not grow it. One writer thread; readers only follow references that were published.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/dataplane/qsbr.h"
#include "base/process/reserved_memory.h"

namespace floof::ip {

class BlockArena {
 public:
  /// References count in units of 16 bytes, from 1 up.
  using Ref = uint32_t;
  static constexpr size_t kUnit = 16;
  static constexpr size_t kLargest = 1152;

  /// `capacity`: bytes of address space, at most 8 GiB. Using all of it is a broken invariant of the caller (whoever
  /// limits memory reserves more than the limit): abort, after waiting for readers.
  BlockArena(Qsbr& qsbr, size_t capacity);

  /// At least `bytes` (1..kLargest), undefined content. A class of 2^n bytes never straddles a cache line needlessly.
  Ref allocate(size_t bytes);
  /// At once: nobody reads it any more.
  void free(Ref ref);
  /// Freed when no reader can hold it: after the next `seal` and a grace period. The caller unlinks it before `seal`.
  void retire(Ref ref) { pending_.push_back(ref); }
  /// Called after each change is published. Cheap; frees old retired blocks when enough have gathered.
  void seal() {
    if (pending_.size() - sealed_ >= kBatch) {
      seal_now();
      reclaim();
    }
  }
  void seal_now();
  /// Frees what is safe to free; never waits. Returns how many blocks still wait.
  size_t reclaim();

  std::byte* at(Ref ref) const { return memory_.data() + size_t{ref} * kUnit; }
  const std::byte* base() const { return memory_.data(); }
  /// The bytes that `allocate(bytes)` really gives.
  static size_t rounded(size_t bytes) { return kSizes[class_of(bytes)]; }

  /// Bytes of objects in use, retired ones included.
  size_t used() const { return used_; }
  /// Less than 16 MiB of the address space left for new slabs.
  bool cramped() const { return slab_limit_ - next_slab_ + empty_.size() < (size_t{16} << 20) / kSlab; }
  /// Objects in use, without the retired ones.
  size_t live() const { return objects_ - pending_.size(); }
  /// Bytes of slabs that were ever touched: the memory that the kernel counts.
  size_t committed() const { return size_t{next_slab_} * kSlab; }

 private:
  static constexpr size_t kSlab = 8192;
  static constexpr size_t kBatch = 64;
  static constexpr std::array<uint16_t, 22> kSizes = {16,  32,  48,  64,  80,  96,  112, 128, 160, 192,  224,
                                                      256, 288, 320, 384, 448, 512, 640, 768, 896, 1024, 1152};
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Slab {
    uint32_t next = kNone;  ///< in its class's list of slabs with room
    uint32_t previous = kNone;
    uint16_t free = 0;   ///< first free object plus one; the object's first two bytes name the next
    uint16_t fresh = 0;  ///< objects from here up were never used
    uint16_t used = 0;
    uint8_t size_class = 0;
  };
  struct Batch {
    uint64_t epoch;
    size_t count;
  };

  static constexpr unsigned class_of(size_t bytes) { return kClassOf[(bytes + kUnit - 1) / kUnit]; }
  static constexpr std::array<uint8_t, kLargest / kUnit + 1> class_table();
  static const std::array<uint8_t, kLargest / kUnit + 1> kClassOf;
  uint32_t take_slab(unsigned size_class);
  void link(uint32_t slab);
  void unlink(uint32_t slab);
  std::byte* object(uint32_t slab, unsigned index) const {
    return memory_.data() + slab * kSlab + size_t{index} * kSizes[slabs_[slab].size_class];
  }

  Qsbr& qsbr_;
  ReservedMemory memory_;
  uint32_t slab_limit_;
  uint32_t next_slab_ = 0;
  std::vector<Slab> slabs_;
  std::vector<uint32_t> empty_;
  std::array<uint32_t, kSizes.size()> with_room_;
  std::deque<Ref> pending_;  ///< retired, oldest first
  std::deque<Batch> batches_;
  size_t sealed_ = 0;  ///< of pending_
  size_t used_ = 0;
  size_t objects_ = 0;
};

}  // namespace floof::ip
