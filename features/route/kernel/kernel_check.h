// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

#include "base/event_loop.h"
#include "base/netlink/kernel_events.h"
#include "features/route/kernel/kernel_feed.h"

namespace floof::route {

/// Compares a KernelFeed with the kernel's tables: soon after something with which Linux takes routes away or whose
/// outcome events do not tell, and now and then whatever was told. Reading takes at most a tenth of the thread's time:
/// with huge tables it comes more rarely. Loop thread.
class KernelCheck {
 public:
  /// `changed` is called when the RIB was told something.
  KernelCheck(EventLoop& loop, netlink::KernelEvents& events, KernelFeed& feed, std::function<void()> changed);
  ~KernelCheck();
  KernelCheck(const KernelCheck&) = delete;
  KernelCheck& operator=(const KernelCheck&) = delete;

  using Clock = std::chrono::steady_clock;
  struct Status {
    uint64_t runs = 0;     ///< that were complete
    uint64_t changed = 0;  ///< routes that Linux had changed without telling, since start
    Clock::time_point last{};
    Clock::duration took{};
  };
  const Status& status() const { return status_; }

  /// A link, an address or a next-hop object changed or went away, or an event does not tell what it has led to.
  void soon();

 private:
  void schedule();
  void run();
  bool read();

  EventLoop& loop_;
  netlink::KernelEvents& events_;
  KernelFeed& feed_;
  std::function<void()> changed_;
  EventLoop::TimerId timer_ = 0;
  Clock::time_point due_;
  Clock::time_point not_before_;
  Clock::duration cost_{};  ///< of the last run
  unsigned runs_ = 0;       ///< still to come soon
  Status status_;
  bool complained_ = false;
};

}  // namespace floof::route
