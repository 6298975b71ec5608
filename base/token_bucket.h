// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace floof {

/// So many a second, and so many at once, in cycles of a clock: exact, without a division for each packet.
struct TokenRate {
  uint64_t cost = 0;      ///< cycles that one takes; 0: no limit
  uint64_t capacity = 0;  ///< cycles that are saved at most

  static TokenRate of(uint64_t hz, uint64_t rate, uint64_t burst) {
    const uint64_t cost = rate == 0 ? hz : hz / rate;
    return {cost, rate == 0 ? 0 : cost * burst};
  }
};

/// Zeroes are a full one. One thread.
class TokenBucket {
 public:
  bool take(const TokenRate& rate, uint64_t now) {
    fill(rate, now);
    if (tokens_ < rate.cost) {
      return false;
    }
    tokens_ -= rate.cost;
    return true;
  }
  /// Gives one back that was not needed.
  void give(const TokenRate& rate) { tokens_ += rate.cost; }

 private:
  void fill(const TokenRate& rate, uint64_t now) {
    if (now > updated_) {
      const uint64_t gained = now - updated_;
      tokens_ = tokens_ < rate.capacity && gained < rate.capacity - tokens_ ? tokens_ + gained : rate.capacity;
      updated_ = now;
    }
  }
  uint64_t tokens_ = 0, updated_ = 0;
};

}  // namespace floof
