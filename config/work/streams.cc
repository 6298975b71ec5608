// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/work/streams.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>

namespace floof::config {

namespace {

constexpr int kNice = 10;

}  // namespace

bool Pieces::put(std::string text) {
  std::unique_lock lock(mutex_);
  change_.wait(lock, [&] { return room_ || !wanted_; });
  if (!wanted_) {
    return false;
  }
  room_ = false;
  lock.unlock();
  loop_.post([self = weak_from_this(), text = std::move(text)]() mutable {
    if (const auto pieces = self.lock()) {
      pieces->reply_.piece(std::move(text), [self] {
        if (const auto again = self.lock()) {
          again->make_room();
        }
      });
    }
  });
  return true;
}

bool Pieces::wanted() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

void Pieces::make_room() {
  {
    const std::lock_guard lock(mutex_);
    room_ = true;
  }
  change_.notify_all();
}

void Pieces::give_up() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = false;
  }
  change_.notify_all();
}

Streams::~Streams() {
  *alive_ = false;
  for (Stream& stream : running_) {
    stream.pieces->give_up();
  }
  for (Stream& stream : running_) {
    stream.thread.join();
  }
}

Result<> Streams::run(uid_t user, Work work, const ipc::Reply& reply, std::function<void(std::string last)> done) {
  const bool too_many_of_his = std::count_if(running_.begin(), running_.end(), [&](const Stream& one) {
                                 return one.user == user;
                               }) >= static_cast<ptrdiff_t>(kMostEach);
  if (too_many_of_his || running_.size() >= kMost) {
    return Error{"show",
                 too_many_of_his ? fmt::format("{} long answers to your user are under way", kMostEach)
                                 : fmt::format("{} long answers are under way", kMost),
                 "try again when one has ended, or end one with Ctrl-C"};
  }
  running_.push_back({.user = user, .pieces = std::make_shared<Pieces>(loop_, reply), .thread = {}});
  const auto here = std::prev(running_.end());
  reply.when_gone([pieces = std::weak_ptr(here->pieces)] {
    if (const auto made = pieces.lock()) {
      made->give_up();
    }
  });
  here->thread = std::thread([this, here, alive = alive_, pieces = here->pieces, work = std::move(work),
                              done = std::move(done)]() mutable {
    setpriority(PRIO_PROCESS, 0, kNice);  // of this thread only
    std::string last;
    try {
      last = work(*pieces);
    } catch (const std::exception& error) {
      last = ipc::to_text(ipc::failure(Error{"", fmt::format("the answer is not understood: {}", error.what()), ""}));
    }
    work = nullptr;
    malloc_trim(0);  // what has gone through leaves nothing behind
    loop_.post([this, here, alive, last = std::move(last), done = std::move(done)]() mutable {
      if (*alive) {
        here->thread.join();
        running_.erase(here);
        done(std::move(last));
      }
    });
  });
  return {};
}

}  // namespace floof::config
