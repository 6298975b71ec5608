// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/crash/crash_history.h"
#include "base/event_loop.h"
#include "base/process/children.h"

namespace floof::crash {

/// floof-init's memory of ends that nobody asked for: writes each into the history, has the report looked into by the
/// program that left it, and tells what is an alarm, also in the log. Loop thread.
class CrashKeeper {
 public:
  struct Options {
    std::string run_dir, state_dir;
    std::function<std::string(const std::string& program)> path_of;  ///< its file
    std::function<std::vector<std::string>(const std::string& program)> last_words;
    std::map<std::string, std::string> effects;  ///< by program: what its absence means
  };
  CrashKeeper(EventLoop& loop, Children& children, Options options);

  /// Reads the history, and goes on with reports that an earlier floof-init had no time for.
  void start();
  /// An earlier floof-init had not ended in order; `hung`: it hung, and this one has killed it.
  void follows(const Children::Inheritance& inherited, bool hung);
  void ended(const Ending& ending);
  void back(const std::string& program, std::chrono::milliseconds away);
  /// Writes into the log what alarms have gone.
  void tick();
  /// Recent crashes, and programs that do not stay up.
  std::vector<std::string> alarms() const;
  /// What has crashed is no alarm any more; how many there were.
  size_t acknowledge();

 private:
  std::string cause_of(const Ending& ending);
  void add(Crash crash);
  void save();
  void look_into_next();
  void take_report(uint64_t id, const std::string& file, bool good);

  EventLoop& loop_;
  Children& children_;
  const Options options_;
  CrashHistory history_;
  std::deque<uint64_t> reports_;  ///< crashes whose reports are to be looked into
  bool looking_ = false;
  std::set<std::string> told_;  ///< programs that have an alarm
  uint64_t out_of_memory_ = 0;  ///< processes that the kernel had killed, when it was looked at last
};

}  // namespace floof::crash
