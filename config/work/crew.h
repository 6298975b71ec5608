// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"

namespace floof::config {

/// A few threads that ask one other program (BIRD, the dataplane), so that only who wants to know something of it waits
/// when it is slow. Users have their turns one after another, and no user has all threads.
class Crew {
 public:
  /// `name` is what is asked, for an Error; `most_waiting` jobs of one user wait at most.
  Crew(EventLoop& loop, std::string name, size_t threads, size_t most_waiting);
  /// Waits for the jobs at hand, forgets the others, and calls nobody back any more.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  using Job = std::function<void()>;
  /// Runs `work` on a thread for that user, then `done` on the loop. Loop thread. An Error when too many of his wait.
  Result<> run(uid_t user, Job work, Job done);

 private:
  struct Errand {
    Job work, done;
  };
  bool take(Errand& errand, uid_t& user);
  void serve();

  EventLoop& loop_;
  const std::string name_;
  const size_t most_waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< loop thread
  std::mutex mutex_;
  std::condition_variable more_;
  std::map<uid_t, std::deque<Errand>> waiting_;  ///< no queue is empty
  std::map<uid_t, size_t> running_;
  uid_t last_ = 0;  ///< who had the last turn
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace floof::config
