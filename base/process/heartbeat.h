// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace floof {

/// An 8-byte counter in a shared file that its program increments while it is alive and that floof-init watches
/// (`<run-dir>/floofd.heartbeat`). One writer, from one thread.
class Heartbeat {
 public:
  /// Creates the file or takes over the old one and its count.
  static Result<Heartbeat> open(const std::string& path);
  Heartbeat(Heartbeat&& other) noexcept;
  Heartbeat& operator=(Heartbeat&& other) noexcept;
  ~Heartbeat();

  void beat() { counter_->fetch_add(1, std::memory_order_relaxed); }

  /// The count in the file, or nothing when there is none.
  static std::optional<uint64_t> read(const std::string& path);

 private:
  explicit Heartbeat(std::atomic<uint64_t>* counter) : counter_(counter) {}
  std::atomic<uint64_t>* counter_;
};

}  // namespace floof
