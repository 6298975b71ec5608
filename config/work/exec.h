// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs programs such as ping for a user and keeps their output until it is read. Argument vectors only, never a shell.
// Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"

namespace floof::config {

class Exec {
 public:
  /// A program nobody reads from for `idle` is killed; at most `most` run at a time.
  explicit Exec(EventLoop& loop, std::chrono::seconds idle = std::chrono::seconds(30), size_t most = 32);
  ~Exec();
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;

  /// Starts arguments[0] (looked up in PATH) with output and errors into one pipe and no input. The id is never 0.
  Result<uint64_t> start(const std::vector<std::string>& arguments);

  struct Output {
    std::string text;   ///< since the last read; bytes that are not UTF-8 are replaced by '?'
    bool done = false;  ///< ended and everything was read; the id is then forgotten
    int status = 0;     ///< exit status, or 128 + signal
  };
  Result<Output> read(uint64_t id);
  /// Whether it was not read to its end yet.
  bool knows(uint64_t id) const { return processes_.contains(id); }
  /// Sends SIGINT, so that ping still prints its summary.
  Result<> stop(uint64_t id);

 private:
  struct Process;
  void readable(uint64_t id);
  void look_after();

  EventLoop& loop_;
  std::chrono::seconds idle_;
  size_t most_;
  uint64_t next_ = 1;
  EventLoop::TimerId timer_ = 0;
  std::map<uint64_t, std::unique_ptr<Process>> processes_;
};

}  // namespace floof::config
