// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace floof::crash {

/// One end of a program that nobody asked for, or several alike in a row (a program that is started again and again).
struct Crash {
  uint64_t id = 0;         ///< counts all that there ever were
  int64_t time = 0;        ///< seconds since 1970; of the last
  int64_t first_time = 0;  ///< of the first
  uint64_t times = 1;
  std::string program;
  uint64_t pid = 0;     ///< of the first
  uint64_t ran_ms = 0;  ///< how long it had run, the last time
  std::string cause, effect, done, remedy;
  std::string where;     ///< of the first: address and thread, from its report
  uint64_t back_ms = 0;  ///< until its successor showed life; 0: not yet
  bool acknowledged = false;
  std::vector<std::string> log;                      ///< its last words
  std::string report;                                ///< file of a report that is not looked into yet
  nlohmann::json threads = nlohmann::json::array();  ///< [{"name","frames"}], as crash::symbolise prints
};

/// With "id", "time", "program" and so on; `whole` with the log and the threads.
nlohmann::json to_json(const Crash& crash, bool whole);

/// The crashes of a router's programs, in a file that floof-init alone writes and whoever may read it. Oldest first.
class CrashHistory {
 public:
  static constexpr size_t kMost = 100;            ///< then the oldest goes
  static constexpr int64_t kAlarmSeconds = 3600;  ///< so long a crash is an alarm

  /// `state_dir`/crashes.json
  static std::string file(const std::string& state_dir) { return state_dir + "/crashes.json"; }
  /// Nothing when there is no file; an Error when it cannot be read or is damaged. Any thread.
  static Result<std::vector<Crash>> read(const std::string& file);

  explicit CrashHistory(std::string file) : file_(std::move(file)) {}
  /// Reads the file. A damaged one is put aside as FILE.damaged and the history starts anew, with an Error.
  Result<> load();
  /// On the disk at once, or the Error says why not; it is in the history all the same.
  Result<> save() const;

  /// Numbers it and adds it. One of the same program and cause, less than a minute after the one before and the third
  /// in a row, becomes part of that. The result lives until the next call.
  Crash& add(Crash crash);
  /// Null: none of that number.
  Crash* find(uint64_t id);
  /// They are no alarm any more. The number of those that were one.
  size_t acknowledge();
  const std::vector<Crash>& crashes() const { return crashes_; }

 private:
  std::string file_;
  std::vector<Crash> crashes_;
};

/// An alarm for each program with crashes that are recent and not acknowledged: how many, and the last one's time,
/// cause, effect, what was done, and remedy. By program. `now` in seconds since 1970.
std::vector<std::pair<std::string, std::string>> alarms(const std::vector<Crash>& crashes, int64_t now);

}  // namespace floof::crash
