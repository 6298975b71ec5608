// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/event_loop.h"
#include "base/netlink/netlink.h"
#include "base/result.h"
#include "config/work/background.h"
#include "features/bird/talk/bird_client.h"

namespace floof::bird {

/// Has BIRD compare the kernel's feed table with its own soon after a link or an address went away: Linux takes IPv4
/// routes along without telling, and BIRD looks itself only where a link went down, and each 20 s. Loop thread;
/// BIRD is told at most once a second, on a thread of ours.
class KernelSync {
 public:
  /// `socket`: BIRD's. Follows the network namespace of the calling thread.
  static Result<std::unique_ptr<KernelSync>> open(EventLoop& loop, std::string socket);
  ~KernelSync();
  KernelSync(const KernelSync&) = delete;
  KernelSync& operator=(const KernelSync&) = delete;

 private:
  KernelSync(EventLoop& loop, std::string socket);
  void on_link(const netlink::Link& link);
  void soon();
  void tell();

  EventLoop& loop_;
  BirdClient client_;  ///< the thread's
  std::unique_ptr<netlink::Monitor> monitor_;
  std::unordered_map<int, bool> up_;  ///< by index of the link
  EventLoop::TimerId timer_ = 0;
  bool under_way_ = false, again_ = false;
  std::chrono::steady_clock::time_point not_before_;
  config::Background background_;  ///< last, so that it ends first
};

}  // namespace floof::bird
