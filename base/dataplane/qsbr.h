// SPDX-License-Identifier: GPL-3.0-or-later
//
// Quiescent-state based reclamation (McKenney; Hart et al. 2007): readers announce once per loop turn that they hold
// no pointer; a writer frees what it unlinked only after every reader has announced since. Readers never wait.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>

namespace floof {

class Qsbr {
 public:
  static constexpr unsigned kMaxReaders = 64;

  /// Claims a reader slot, offline. Any thread; returns the slot. Slots are released by `remove_reader`.
  unsigned add_reader();
  void remove_reader(unsigned slot);

  /// Reader thread: holds no pointer now; may take new ones.
  void quiescent(unsigned slot) {
    readers_[slot].seen.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
  }
  /// Reader thread: holds no pointer and takes none until `online` (before it sleeps).
  void offline(unsigned slot) { readers_[slot].seen.store(kOffline, std::memory_order_release); }
  void online(unsigned slot) {
    readers_[slot].seen.store(epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  /// Writer thread (one): `free` runs from a later `reclaim`, once no reader can hold what it frees.
  void retire(std::function<void()> free);
  /// Writer thread: frees what is safe to free. Returns how many are still waiting. Never waits.
  size_t reclaim();
  /// Writer thread: waits until everything retired so far has been freed.
  void drain();

  /// Writer thread, for those that keep their own lists of what to free: what was unlinked before the call may be freed
  /// once `passed(epoch)`. features/ip/fib/block_arena.h takes one epoch for 64 blocks; allocating, retiring and
  /// freeing one costs 13 ns then, `retire` alone 35 ns.
  uint64_t advance() { return epoch_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  /// True when no reader can hold what was unlinked before `advance` gave this epoch. Any thread. Never waits.
  bool passed(uint64_t epoch) const { return epoch <= oldest_seen(); }

 private:
  static constexpr uint64_t kOffline = UINT64_MAX;
  struct alignas(64) Reader {
    std::atomic<uint64_t> seen{kOffline};
    std::atomic<bool> used{false};
  };
  struct Retired {
    uint64_t epoch;
    std::function<void()> free;
  };
  uint64_t oldest_seen() const;

  std::atomic<uint64_t> epoch_{1};
  std::array<Reader, kMaxReaders> readers_{};
  std::deque<Retired> retired_;
};

}  // namespace floof
