// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace floof {

/// A counter in a shared file that a thread increments while it is alive and that floof-init watches
/// (`<run-dir>/floofd.heartbeat`). One writer.
class Heartbeat {
 public:
  struct Record {
    uint64_t count = 0;
    uint64_t thread = 0;  ///< the kernel's number; 0 unknown
  };
  /// Creates the file or takes over the old one and its count. The thread that beats.
  static Result<Heartbeat> open(const std::string& path);
  Heartbeat(Heartbeat&& other) noexcept;
  Heartbeat& operator=(Heartbeat&& other) noexcept;
  ~Heartbeat();

  void beat() { std::atomic_ref(record_->count).fetch_add(1, std::memory_order_relaxed); }

  /// What is in the file, or nothing when there is none.
  static std::optional<Record> read(const std::string& path);

 private:
  explicit Heartbeat(Record* record) : record_(record) {}
  Record* record_;
};

}  // namespace floof
