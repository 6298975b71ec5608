// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/crew.h"

#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>

#include "base/crash/crash_report.h"

namespace floof::config {

Crew::Crew(EventLoop& loop, std::string name, size_t threads, size_t most_waiting)
    : loop_(loop), name_(std::move(name)), most_waiting_(most_waiting) {
  for (size_t i = 0; i < threads; i++) {
    threads_.emplace_back([this] { serve(); });
  }
}

Crew::~Crew() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  more_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

Result<> Crew::run(uid_t user, Job work, Job done) {
  {
    const std::lock_guard lock(mutex_);
    std::deque<Errand>& mine = waiting_[user];
    if (mine.size() >= most_waiting_) {
      return Error{name_, fmt::format("{} questions of your user wait for its answer already", mine.size()),
                   "try again later; 'show system' tells whether it answers at all"};
    }
    mine.push_back({std::move(work), std::move(done)});
  }
  more_.notify_one();
  return {};
}

/// The next job: of the next user in turn who has fewer threads than there are. Locked.
bool Crew::take(Errand& errand, uid_t& user) {
  const size_t most = threads_.size() > 1 ? threads_.size() - 1 : 1;
  for (size_t tried = 0; tried < waiting_.size(); tried++) {
    auto next = waiting_.upper_bound(last_);
    next = next == waiting_.end() ? waiting_.begin() : next;
    last_ = next->first;
    const auto at_work = running_.find(last_);
    if (at_work != running_.end() && at_work->second >= most) {
      continue;
    }
    user = last_;
    errand = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) {
      waiting_.erase(next);
    }
    running_[user]++;
    return true;
  }
  return false;
}

void Crew::serve() {
  const crash::Stack stack;
  pthread_setname_np(pthread_self(), ("ask-" + name_).substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    Errand errand;
    uid_t user = 0;
    more_.wait(lock, [&] { return ending_ || take(errand, user); });
    if (ending_) {
      return;
    }
    lock.unlock();
    errand.work();
    errand.work = nullptr;
    loop_.post([alive = alive_, done = std::move(errand.done)] {
      if (*alive) {
        done();
      }
    });
    malloc_trim(0);  // an answer of megabytes leaves nothing behind
    lock.lock();
    if (--running_[user] == 0) {
      running_.erase(user);
    }
    more_.notify_one();  // somebody of this user's may have waited for it
  }
}

}  // namespace floof::config
