// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/event_loop.h"

namespace floof::config {

/// One thread for work that would hold the loop up: parsing megabytes, writing files. Jobs run in order.
class Background {
 public:
  explicit Background(EventLoop& loop);
  /// Finishes the job at hand, forgets the others, and calls nobody back any more.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Runs `work` on the thread, then `done` with its result on the loop. `work` must not touch what belongs to the
  /// loop. Loop thread.
  template <typename Work, typename Done>
  void run(Work work, Done done) {
    add([work = std::move(work), done = std::move(done)]() mutable -> std::function<void()> {
      auto result = std::make_shared<decltype(work())>(work());
      return [done = std::move(done), result]() mutable { done(std::move(*result)); };
    });
  }

 private:
  using Job = std::function<std::function<void()>()>;
  void add(Job job);
  void work();

  EventLoop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< loop thread
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace floof::config
