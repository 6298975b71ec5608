// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/background.h"

namespace floof::config {

Background::Background(EventLoop& loop) : loop_(loop), thread_([this] { work(); }) {}

Background::~Background() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    jobs_.clear();
  }
  more_.notify_all();
  thread_.join();
}

void Background::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  more_.notify_one();
}

void Background::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) {
      return;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    auto done = job();
    job = nullptr;
    loop_.post([alive = alive_, done = std::move(done)] {
      if (*alive) {
        done();
      }
    });
    lock.lock();
  }
}

}  // namespace floof::config
