// SPDX-License-Identifier: GPL-3.0-or-later
//
// How floof-init sees that a program is alive but does nothing any more. A watch is asked in steady ticks and counts
// ticks, not time: while the whole machine stands still (overload, suspend) nothing is taken for hung.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/dataplane/stats_segment.h"
#include "base/event_loop.h"
#include "base/fd.h"

namespace floof {

/// Watches one program. Loop thread.
class HangWatch {
 public:
  static constexpr std::chrono::milliseconds kTick{200};

  virtual ~HangWatch() = default;
  /// The program is about to be started: what was seen so far is of an earlier one.
  virtual void reset() = 0;
  /// Called each kTick while the program runs. The reason when it counts as hung, once.
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

 private:
  uint64_t last_ = 0;
  int silent_ = 0;
  bool moved_ = false;
};

/// floof-dataplane: each heartbeat of the stats segment, 10 s for the first, then 1 s. `reset` removes the old segment.
class SegmentWatch : public HangWatch {
 public:
  explicit SegmentWatch(std::string path) : path_(std::move(path)) {}
  void reset() override;
  std::optional<std::string> tick() override;
  bool lively() const override { return beats_[0].moved(); }

 private:
  std::string path_;
  std::optional<stats::Reader> segment_;
  std::array<BeatCounter, stats::kMaxWorkers> beats_{};  ///< 0 is the control thread, workers follow
};

/// floofd: the counter of base/process/heartbeat.h, 30 s for the first move, then 10 s.
class FileWatch : public HangWatch {
 public:
  explicit FileWatch(std::string path) : path_(std::move(path)) {}
  void reset() override;
  std::optional<std::string> tick() override;
  bool lively() const override { return beat_.moved(); }

 private:
  std::string path_;
  uint64_t start_ = 0;
  BeatCounter beat_;
};

/// bird: its control socket is asked `show status` each second; 15 s without a complete reply are a hang.
class BirdWatch : public HangWatch {
 public:
  BirdWatch(EventLoop& loop, std::string socket_path) : loop_(loop), path_(std::move(socket_path)) {}
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
  UniqueFd socket_;
  std::string input_;
  bool asked_ = false;
  int ticks_ = 0;
  int silent_ = 0;
  uint64_t replies_ = 0;
};

}  // namespace floof
