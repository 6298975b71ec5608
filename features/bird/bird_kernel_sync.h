// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/netlink.h"
#include "base/result.h"
#include "features/bird/bird_client.h"

namespace floof::bird {

/// Has BIRD compare the kernel's feed table with its own soon after a link or an address went away: Linux takes IPv4
/// routes along without telling, BIRD looks itself only where a link went down, and else once a minute. Loop thread;
/// BIRD is told at most once a second, and given two seconds to answer.
class KernelSync {
 public:
  /// `socket`: BIRD's. Follows the network namespace of the calling thread.
  static Result<std::unique_ptr<KernelSync>> open(EventLoop& loop, std::string socket, std::function<void()> pulse);
  ~KernelSync();
  KernelSync(const KernelSync&) = delete;
  KernelSync& operator=(const KernelSync&) = delete;

 private:
  KernelSync(EventLoop& loop, std::string socket, std::function<void()> pulse);
  void on_link(const netlink::Link& link);
  void soon();
  void tell();

  EventLoop& loop_;
  BirdClient client_;
  std::unique_ptr<netlink::Monitor> monitor_;
  std::unordered_map<int, bool> up_;  ///< by index of the link
  EventLoop::TimerId timer_ = 0;
  std::chrono::steady_clock::time_point not_before_;
};

}  // namespace floof::bird
