// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"

namespace floof {

/// A line to floof-init (base/process/init_client.h) of a program that must not wait for it: keeps descriptors there,
/// and again at each floof-init that takes over from one that died or hangs. Loop thread.
class InitLink {
 public:
  /// Connects within the loop's next turns. `watch`: asks each second whether floof-init answers, for `trouble`.
  InitLink(EventLoop& loop, const std::string& run_dir, bool watch = false);
  ~InitLink();
  InitLink(const InitLink&) = delete;
  InitLink& operator=(const InitLink&) = delete;

  /// Has a duplicate of `fd` kept under `key`, in place of what was there.
  void put(const std::string& key, int fd);
  /// Has what is kept under `key` closed, and waits for that, as a name may depend on it. Both wait kPatience at most,
  /// and not at all for a floof-init that is known not to answer.
  void drop(const std::string& key);
  /// Why floof-init is of no use at the moment; empty when it is.
  std::string trouble() const;

  static constexpr std::chrono::milliseconds kPatience{300};

 private:
  using Clock = EventLoop::Clock;
  struct Request {
    std::string op, key;
  };
  void tick();
  bool connect();
  void lost();
  void ask(Request request);
  void flush();
  void receive();
  void settle(size_t most);
  void woken(uint32_t events);

  EventLoop& loop_;
  const std::string path_;
  const bool watch_;
  UniqueFd socket_;
  pid_t peer_ = 0;
  bool full_ = false;                       ///< the socket takes no more for now
  std::map<std::string, UniqueFd> kept_;    ///< what floof-init is to have
  std::deque<Request> queue_, asked_;       ///< not sent yet; not answered yet
  bool silent_ = false;                     ///< it did not answer in time, and has not since
  Clock::time_point heard_ = Clock::now();  ///< when nothing waited for an answer, or one came
  EventLoop::TimerId timer_ = 0;
};

}  // namespace floof
