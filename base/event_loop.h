// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/fd.h"

namespace floof {

/// One thread's epoll loop: descriptors, timers and work posted from other threads.
/// Everything but `post` and `stop` belongs to the thread that calls `run`. Callbacks must not block.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::function<void()>;
  using IoCallback = std::function<void(uint32_t epoll_events)>;
  using TimerId = uint64_t;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Watches `fd` (level triggered) for EPOLLIN/EPOLLOUT...; the loop does not own it. Replaces an earlier watch.
  void watch(int fd, uint32_t epoll_events, IoCallback callback);
  /// Must be called before the descriptor is closed. Safe from inside any callback.
  void unwatch(int fd);

  /// Calls back once after `delay`, or each `period` when it is not zero. Cancel by id; 0 is never an id.
  TimerId after(std::chrono::microseconds delay, Callback callback);
  TimerId every(std::chrono::microseconds period, Callback callback);
  void cancel(TimerId timer);

  /// Runs `callback` on the loop's thread. Any thread.
  void post(Callback callback);

  /// Turns until `stop`. Any thread may stop it.
  void run();
  void stop();
  /// One turn that waits at most `longest`; for tests and for waiting inside a start-up sequence.
  void turn(std::chrono::microseconds longest);
  /// Readable while a turn would find more to do than timers: for a loop that is turned by another one.
  int descriptor() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace floof
