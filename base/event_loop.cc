// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace floof {

struct EventLoop::Impl {
  struct Watch {
    IoCallback callback;
    uint32_t generation;
  };
  struct Timer {
    Clock::time_point due;
    std::chrono::microseconds period;
    std::shared_ptr<Callback> callback;
  };

  UniqueFd epoll;
  UniqueFd wake;
  // A callback may unwatch itself or others while events of one epoll_wait are still to be delivered: the generation
  // tells an event of a descriptor number's former life from one of its present life.
  std::unordered_map<int, std::shared_ptr<Watch>> watches;
  uint32_t next_generation = 1;
  std::unordered_map<TimerId, Timer> timers;
  std::set<std::pair<Clock::time_point, TimerId>> due;
  TimerId next_timer = 1;
  std::mutex posted_lock;
  std::vector<Callback> posted;
  std::atomic<bool> stopping{false};

  void wake_up() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake.get(), &one, sizeof one);
  }

  TimerId add_timer(std::chrono::microseconds delay, std::chrono::microseconds period, Callback callback) {
    const TimerId id = next_timer++;
    const auto when = Clock::now() + delay;
    timers.emplace(id, Timer{when, period, std::make_shared<Callback>(std::move(callback))});
    due.emplace(when, id);
    return id;
  }

  void run_timers() {
    const auto now = Clock::now();
    // Only timers due at `now`: a callback that sets a timer of zero delay cannot keep the loop in here.
    while (!due.empty() && due.begin()->first <= now) {
      const auto [when, id] = *due.begin();
      due.erase(due.begin());
      const auto found = timers.find(id);
      if (found == timers.end()) {
        continue;
      }
      const auto callback = found->second.callback;
      if (found->second.period.count() > 0) {
        // Turns missed while the thread was busy are not made up for.
        found->second.due = std::max(when + found->second.period, now + std::chrono::microseconds(1));
        due.emplace(found->second.due, id);
      } else {
        timers.erase(found);
      }
      (*callback)();
    }
  }

  void run_posted() {
    std::vector<Callback> work;
    {
      const std::lock_guard guard(posted_lock);
      work.swap(posted);
    }
    for (auto& callback : work) {
      callback();
    }
  }

  timespec longest_wait(std::chrono::microseconds longest) const {
    using std::chrono::nanoseconds;
    nanoseconds wait = longest;
    if (!due.empty()) {
      wait = std::clamp<nanoseconds>(due.begin()->first - Clock::now(), nanoseconds(0), wait);
    }
    return {static_cast<time_t>(wait.count() / 1'000'000'000), static_cast<long>(wait.count() % 1'000'000'000)};
  }
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  impl_->epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  impl_->wake.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl_->epoll || !impl_->wake) {
    log::error("cannot make an event loop: {}", errno_error("", "epoll").text());
    std::abort();  // out of descriptors before anything runs
  }
  watch(impl_->wake.get(), EPOLLIN, [this](uint32_t) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(impl_->wake.get(), &count, sizeof count);
    impl_->run_posted();
  });
}

EventLoop::~EventLoop() = default;

int EventLoop::descriptor() const { return impl_->epoll.get(); }

void EventLoop::watch(int fd, uint32_t epoll_events, IoCallback callback) {
  const uint32_t generation = impl_->next_generation++;
  epoll_event event{};
  event.events = epoll_events;
  event.data.u64 = uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
  if (epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, fd, &event) != 0 &&
      (errno != ENOENT || epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0)) {
    log::error("event loop: {}", errno_error("descriptor " + std::to_string(fd), "cannot be watched").text());
    return;
  }
  impl_->watches[fd] = std::make_shared<Impl::Watch>(Impl::Watch{std::move(callback), generation});
}

void EventLoop::unwatch(int fd) {
  if (impl_->watches.erase(fd) != 0) {
    epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
}

EventLoop::TimerId EventLoop::after(std::chrono::microseconds delay, Callback callback) {
  return impl_->add_timer(delay, std::chrono::microseconds(0), std::move(callback));
}

EventLoop::TimerId EventLoop::every(std::chrono::microseconds period, Callback callback) {
  const auto at_least = std::max(period, std::chrono::microseconds(1));
  return impl_->add_timer(at_least, at_least, std::move(callback));
}

void EventLoop::cancel(TimerId timer) {
  const auto found = impl_->timers.find(timer);
  if (found != impl_->timers.end()) {
    impl_->due.erase({found->second.due, timer});
    impl_->timers.erase(found);
  }
}

void EventLoop::post(Callback callback) {
  {
    const std::lock_guard guard(impl_->posted_lock);
    impl_->posted.push_back(std::move(callback));
  }
  impl_->wake_up();
}

void EventLoop::run() {
  while (!impl_->stopping.exchange(false)) {
    turn(std::chrono::hours(1));
  }
}

void EventLoop::stop() {
  impl_->stopping = true;
  impl_->wake_up();
}

void EventLoop::turn(std::chrono::microseconds longest) {
  std::array<epoll_event, 64> events;
  const timespec wait = impl_->longest_wait(longest);
  const int count = epoll_pwait2(impl_->epoll.get(), events.data(), static_cast<int>(events.size()), &wait, nullptr);
  for (int i = 0; i < count; i++) {
    const uint64_t data = events[static_cast<size_t>(i)].data.u64;
    const auto found = impl_->watches.find(static_cast<int>(static_cast<uint32_t>(data)));
    if (found != impl_->watches.end() && found->second->generation == data >> 32) {
      const auto held = found->second;
      held->callback(events[static_cast<size_t>(i)].events);
    }
  }
  impl_->run_timers();
}

}  // namespace floof
