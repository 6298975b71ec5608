// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/qsbr.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace floof {

unsigned Qsbr::add_reader() {
  for (unsigned slot = 0; slot < kMaxReaders; slot++) {
    bool free = false;
    if (readers_[slot].used.compare_exchange_strong(free, true)) {
      return slot;
    }
  }
  std::abort();  // more threads than a build supports is a broken invariant, not an input
}

void Qsbr::remove_reader(unsigned slot) {
  offline(slot);
  readers_[slot].used.store(false);
}

void Qsbr::retire(std::function<void()> free) {
  // What was unlinked before this increment cannot be reached by a reader that sees the new epoch.
  retired_.push_back({advance(), std::move(free)});
}

uint64_t Qsbr::oldest_seen() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  uint64_t oldest = kOffline;
  for (const auto& reader : readers_) {
    oldest = std::min(oldest, reader.seen.load(std::memory_order_acquire));
  }
  return oldest;
}

size_t Qsbr::reclaim() {
  if (retired_.empty()) {
    return 0;
  }
  const uint64_t oldest = oldest_seen();
  while (!retired_.empty() && retired_.front().epoch <= oldest) {
    auto free = std::move(retired_.front().free);
    retired_.pop_front();
    free();
  }
  return retired_.size();
}

void Qsbr::drain() {
  while (reclaim() > 0) {
    std::this_thread::yield();
  }
}

}  // namespace floof
