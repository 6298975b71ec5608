// SPDX-License-Identifier: GPL-3.0-or-later
//
// The log of a program that runs for months: it writes lines into a named pipe (never waiting: what does not fit is
// lost, not the program's time), where a successor of this process finds them as well, and they come into a file that
// has a bound, with its predecessor beside it. Whoever makes a program say the same thing all the time does not push
// out what else it says: lines that differ in numbers only share a rate, and one line tells now and then how many were
// left out. Loop thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/token_bucket.h"

namespace floof {

class LogPump {
 public:
  struct Options {
    std::string path;
    size_t most_bytes = 2 << 20;               ///< of the file; then it becomes PATH.1 in place of the one before
    uint64_t burst = 2000, burst_alike = 200;  ///< lines at once, then one each
    std::chrono::microseconds each{20'000}, each_alike{1'000'000};
    std::chrono::milliseconds summary{5'000};  ///< how often what was left out is told
  };
  static Result<std::unique_ptr<LogPump>> open(EventLoop& loop, Options options);
  /// Writes what is still in the pipe.
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  /// Where the program writes to: for its standard output and error. Ours; it does not block.
  int input() const { return pipe_.get(); }
  /// Beside the log. It stays when this ends: whoever removes it ends the program's log.
  std::string pipe_path() const { return options_.path + ".pipe"; }

  /// The last lines that it wrote, at most ten; also those that it has just written.
  std::vector<std::string> last_lines();

  /// A line without what differs between lines that say the same.
  static std::string kind_of(std::string_view line);

 private:
  struct Kind {
    TokenBucket bucket{};
    uint64_t left_out = 0;
    std::string last{};
  };
  LogPump(EventLoop& loop, Options options) : loop_(loop), options_(std::move(options)) {}
  void read_some();
  void take(std::string_view line);
  void summarise();
  void write(std::string_view line);
  void reopen();

  EventLoop& loop_;
  const Options options_;
  UniqueFd pipe_, file_;
  size_t size_ = 0;
  std::string rest_;  ///< the beginning of a line
  TokenBucket all_;
  std::map<std::string, Kind> kinds_;
  std::deque<std::string> last_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace floof
