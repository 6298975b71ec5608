// SPDX-License-Identifier: GPL-3.0-or-later
//
// How floof-init sees that a program is alive but does nothing any more. A watch is asked in steady ticks and counts
// ticks, not time: while the whole machine stands still (overload, suspend) nothing is taken for hung.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/dataplane/stats_segment.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "base/process/thread_times.h"

namespace floof {

/// Watches one program. Loop thread.
class HangWatch {
 public:
  static constexpr std::chrono::milliseconds kTick{200};

  virtual ~HangWatch() = default;
  /// The program is about to be started: what was seen so far is of an earlier one.
  virtual void reset() = 0;
  /// Called each kTick while the program runs. The reason when it counts as hung.
  virtual std::optional<std::string> tick() = 0;
  /// Whether it has shown life since `reset`.
  virtual bool lively() const = 0;
};

/// A counter that must move: at most `first` ticks until its first move, later at most `later` ticks between moves.
class BeatCounter {
 public:
  /// True when the counter is overdue.
  bool overdue(uint64_t value, int first, int later);
  bool moved() const { return moved_; }
  /// How long it has not moved, as "for 10 s".
  std::string silence() const;
  std::chrono::milliseconds silent() const { return silent_ * HangWatch::kTick; }
  /// The last tick does not count.
  void forgive() { silent_ = std::max(0, silent_ - 1); }

 private:
  uint64_t last_ = 0;
  int silent_ = 0;
  bool moved_ = false;
};

using TimesOf = std::function<std::optional<ThreadTimes>(pid_t)>;

/// floof-dataplane: each heartbeat of the stats segment. The first may take 10 s. Later a thread hangs that has had
/// none
/// - for 400 ms, if it is a worker that used the CPU meanwhile (a loop without end; BFD with 3 x 300 ms is to survive
///   it), 10 s if it is the control thread: that may have work, and packets do not wait for it;
/// - for 1 s, if it waits for something;
/// - and at once, if the process is stopped.
/// While it could run but has no CPU, as others have it, no time counts. `reset` moves the old segment aside, for its
/// counters (engine/stats_writer.h).
class SegmentWatch : public HangWatch {
 public:
  explicit SegmentWatch(std::string path, TimesOf times = thread_times)
      : path_(std::move(path)), times_(std::move(times)) {}
  void reset() override;
  std::optional<std::string> tick() override;
  bool lively() const override { return threads_[0].beats.moved(); }

 private:
  struct Thread {
    BeatCounter beats;
    std::optional<ThreadTimes> before;  ///< at the last tick with a beat, or that did not count
    int ticks = 0;                      ///< since then
  };
  std::optional<std::string> look_at(Thread& thread, uint64_t beat, pid_t id, bool worker) const;

  std::string path_;
  TimesOf times_;
  std::optional<stats::Reader> segment_;
  std::array<Thread, stats::kMaxWorkers> threads_{};  ///< 0 is the control thread, workers follow
};

/// floofd: the counter of base/process/heartbeat.h, 30 s for the first move, then 10 s. While it could run but has no
/// CPU, no time counts.
class FileWatch : public HangWatch {
 public:
  explicit FileWatch(std::string path, TimesOf times = thread_times)
      : path_(std::move(path)), times_(std::move(times)) {}
  void reset() override;
  std::optional<std::string> tick() override;
  bool lively() const override { return beat_.moved(); }

 private:
  std::string path_;
  TimesOf times_;
  uint64_t start_ = 0;
  BeatCounter beat_;
  std::optional<ThreadTimes> before_;  ///< at the last tick
};

/// bird: its control socket is asked `show status` each second; 15 s without a complete reply are a hang. So is being
/// stopped for two ticks: a neighbour's BFD with 3 x 300 ms would end the session, while one that is killed and starts
/// again keeps its routes (graceful restart). One that a debugger holds is not taken for stopped.
class BirdWatch : public HangWatch {
 public:
  BirdWatch(EventLoop& loop, std::string socket_path, TimesOf times = thread_times)
      : loop_(loop), path_(std::move(socket_path)), times_(std::move(times)) {}
  ~BirdWatch() override;
  void reset() override;
  std::optional<std::string> tick() override;
  bool lively() const override { return replies_ > 0; }

 private:
  void ask();
  void receive();
  void disconnect();

  EventLoop& loop_;
  std::string path_;
  TimesOf times_;
  pid_t process_ = 0;  ///< who listens on the socket
  int stopped_ = 0;    ///< ticks
  UniqueFd socket_;
  std::string input_;
  bool asked_ = false;
  int ticks_ = 0;
  int silent_ = 0;
  uint64_t replies_ = 0;
};

}  // namespace floof
