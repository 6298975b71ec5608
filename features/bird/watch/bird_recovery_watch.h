// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/text/shared_json.h"
#include "config/work/background.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/watch/bird_recovery.h"

namespace floof::bird {

/// Notices that BIRD was restarted, enables the peers that it was started without, has an alarm while it recovers, and
/// ends the wait of its kernel protocols as soon as the kernel's table would lose nothing by it. Loop thread; BIRD is
/// asked only while it recovers, on a thread of ours.
class RecoveryWatch {
 public:
  struct Options {
    std::string socket;                  ///< BIRD's
    std::function<SharedJson()> config;  ///< the running configuration, see config/feature.h
    /// Protocols that a BIRD after a crash was started without; see bird_start.h.
    std::function<std::vector<std::string>()> left_out{};
    std::chrono::milliseconds period = std::chrono::milliseconds(500);
  };
  RecoveryWatch(EventLoop& loop, Options options);
  ~RecoveryWatch();
  RecoveryWatch(const RecoveryWatch&) = delete;
  RecoveryWatch& operator=(const RecoveryWatch&) = delete;

  /// As of the last look; empty when BIRD does not recover.
  std::string alarm() const { return recovery_ ? recovery_->text() : std::string(); }

 private:
  struct Seen {
    std::optional<Recovery> recovery;
    bool quiet = false;  ///< what has to be learnt from neighbours has been
  };
  bool restarted();
  void look();
  void judge(std::optional<Seen> seen);
  std::optional<Seen> ask(const Json& config);
  bool enable(const std::vector<std::string>& protocols);
  bool is_quiet(const std::vector<Protocol>& protocols, const Status& status, const Json& config);
  bool all_resolved(const Json& config);
  void free_kernel();

  EventLoop& loop_;
  Options options_;
  BirdClient client_;  ///< the thread's
  EventLoop::TimerId timer_;
  std::optional<struct timespec> born_;  ///< of the socket: each BIRD makes its own
  bool asking_ = false, under_way_ = false;
  std::vector<std::string> left_out_;  ///< to be enabled
  unsigned quiet_looks_ = 0;           ///< in a row
  std::optional<Recovery> recovery_;
  config::Background background_;  ///< last, so that it ends first
};

}  // namespace floof::bird
