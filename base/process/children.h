// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/process/child.h"

namespace floof {

/// The programs that floof-init keeps running, and the ends of all its processes. Loop thread.
class Children {
 public:
  /// `file`: where they are written down for a successor.
  Children(EventLoop& loop, std::string file) : loop_(loop), file_(std::move(file)) {}

  void add(Child::Options options);
  /// What an earlier floof-init left, which has died.
  struct Inheritance {
    pid_t from = 0;                    ///< 0: there was none, or it ended in order
    std::vector<std::string> adopted;  ///< programs that run on
    std::vector<std::string> ended;    ///< meanwhile
  };
  /// Takes over what runs, once all were added. What nobody has added is killed.
  Inheritance inherit();
  /// When the first of the floof-inits that took over from each other began.
  EventLoop::Clock::time_point began() const { return began_; }
  /// Null: there is none.
  Child* find(const std::string& name) const;
  void tick();
  /// Takes every process that has ended; as a subreaper's also those that a program left behind.
  void reap();
  /// By name, as Child::status.
  nlohmann::json status() const;

  /// Turns the loop until none of them ends any more; false when that took longer than `limit`.
  bool wait_for_end(std::chrono::milliseconds limit);
  /// Starts another program beside them, once; `done` gets its wait status. It is killed after 2 minutes.
  void run_aside(const Launch& launch, std::function<void(int)> done);
  /// Runs another program to its end, at most 10 s. False: it failed, which is logged as what it was for.
  bool run_helper(const Launch& launch, std::string_view purpose);
  const std::vector<std::unique_ptr<Child>>& all() const { return children_; }

 private:
  void write();
  bool busy() const;

  EventLoop& loop_;
  std::string file_;
  std::vector<std::unique_ptr<Child>> children_;
  EventLoop::Clock::time_point began_ = EventLoop::Clock::now();
  bool inheriting_ = false;  ///< the file is not to be written yet
  struct Aside {
    std::function<void(int)> done;
    EventLoop::TimerId limit;
  };
  std::map<pid_t, Aside> aside_;
  pid_t helper_ = 0;
  int helper_status_ = 0;
};

}  // namespace floof
