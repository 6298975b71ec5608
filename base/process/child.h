// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/process/hang_watch.h"
#include "base/process/process.h"
#include "base/result.h"

namespace floof {

/// How long to wait before start number `failures` + 1 in a row: at once, then 100 ms doubling to 5 s.
constexpr std::chrono::milliseconds restart_delay(unsigned failures) {
  if (failures <= 1) {
    return std::chrono::milliseconds(0);
  }
  return failures >= 8 ? std::chrono::milliseconds(5000) : std::chrono::milliseconds(100 << (failures - 2));
}

/// An end of a program that nobody asked for.
struct Ending {
  std::string program;
  pid_t pid = 0;
  std::optional<int> wait_status;  ///< nothing: it could not be started, or an earlier floof-init was its parent
  std::string failure;             ///< why it could not be started
  std::string hang;                ///< why it was killed, when it hung
  std::chrono::milliseconds ran{0};
  unsigned in_a_row = 0;                    ///< such ends without 10 s of life between them
  std::chrono::milliseconds next_start{0};  ///< after it
};

/// A program that floof-init keeps running: starts it, starts it again when it ends or hangs. Loop thread.
class Child {
 public:
  struct Options {
    std::string name;
    Launch launch;
    /// Of those to be added when the process before did not end on demand.
    std::function<std::vector<std::string>()> crash_arguments{};
    std::string needs_file{};  ///< not started before this file exists; empty: always
    std::unique_ptr<HangWatch> watch{};
    int restart_signal = SIGTERM;                ///< it ends, for a successor that is started at once
    bool reports = false;                        ///< SIGABRT has it write where it is (base/crash/crash_report.h)
    std::function<void(const Ending&)> ended{};  ///< its successor is started already, or waits
    /// It lives again, so long after an end that nobody asked for; from `tick`.
    std::function<void(std::chrono::milliseconds)> back{};
  };
  /// `changed` is called whenever a process begins or ends.
  Child(EventLoop& loop, Options options, std::function<void()> changed);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const std::string& name() const { return options_.name; }
  bool running() const { return id_.pid != 0; }
  /// Told to stop and not gone yet.
  bool ending() const { return running() && !wanted_; }
  const ProcessId& id() const { return id_; }
  /// It has ended at least three times in a row and has not run for 10 s since; how often, or 0.
  unsigned backing_off() const;
  /// What the last end was.
  const std::string& last_exit() const { return last_exit_; }
  bool lively() const { return running() && options_.watch && options_.watch->lively(); }

  /// What a successor of this floof-init is to know: how often it was started again, how it ended last, and whether the
  /// next start follows a crash.
  nlohmann::json remember() const;
  /// Takes over what an earlier floof-init remembered. `process` is as that left it; its end is seen through the
  /// descriptor, as it is nobody's child here. Empty: it runs no more, and `tick` starts it.
  void adopt(const ProcessId& id, UniqueFd process, const nlohmann::json& remembered);
  /// Starts it unless it runs; ends a back-off. An Error when the file that it needs is missing.
  Result<void> start();
  /// Ends it (SIGTERM, SIGKILL after 3 s) and starts it anew at once.
  Result<void> restart();
  /// Ends it (SIGTERM) for good; `kill` is for one that does not listen.
  void stop();
  void kill();

  /// Each HangWatch::kTick: looks for a hang and for the file that it needs.
  void tick();
  /// Its process has ended; nothing: nobody tells how.
  void exited(std::optional<int> wait_status);
  /// {"pid","state","restarts","wanted-restarts","last-exit","last-exit-time","uptime-ms"}: `restarts` are those that
  /// nobody wanted; the time is seconds since 1970, 0 when it has not ended yet.
  nlohmann::json status() const;

 private:
  using Clock = EventLoop::Clock;
  bool may_start() const;
  void launch();
  void launch_later();
  void kill_hung(const std::string& reason);
  void send(int signal);
  void tell(Ending ending);

  EventLoop& loop_;
  Options options_;
  std::function<void()> changed_;
  ProcessId id_;
  UniqueFd adopted_;  ///< of a process that an earlier floof-init has started
  Clock::time_point started_{};
  EventLoop::TimerId waiting_ = 0;
  EventLoop::TimerId patience_ = 0;
  unsigned failures_ = 0;
  unsigned restarts_ = 0;  ///< after an end that nobody wanted
  unsigned wanted_restarts_ = 0;
  bool wanted_ = true;
  bool on_demand_ = false;  ///< the present process was told to end
  bool crashed_ = false;
  std::optional<Clock::time_point> away_since_;  ///< after an end that nobody asked for
  std::string hang_;                             ///< why the present process was killed
  std::string last_exit_;
  std::chrono::system_clock::time_point last_exit_time_{};
};

}  // namespace floof
