// SPDX-License-Identifier: GPL-3.0-or-later
//
// BIRD after a crash (`bird -R`): until every peer has told its routes, or 60 s are over, it keeps what was in the
// kernel's table and sends nothing to anybody (RFC 4724, and see "Facts" in README.md). Its kernel protocols wait for
// BGP too although they carry none of its routes, so a restart of these, once OSPF is itself again, ends the wait for
// static and IGP routes.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "features/bird/bird_client.h"
#include "features/bird/bird_text.h"

namespace floof::bird {

// -- Pure parts -------------------------------------------------------------------------------------------------------

struct Recovery {
  uint64_t left_s = 0;                 ///< at most so long
  std::vector<std::string> peers;      ///< waited for: the user's names, each once
  std::vector<std::string> kernel;     ///< our kernel protocols that wait
  std::vector<std::string> protocols;  ///< all others that have to learn their routes again: OSPF, RIP, Babel
  /// "BIRD restarted and recovers, at most 50 s more: ..."
  std::string text() const;
  /// What a commit has to say of it.
  std::string commit_text() const;
};
/// Nothing when none goes on. `protocols` of `show protocols all`.
std::optional<Recovery> recovery_of(const Status& status, const std::vector<Protocol>& protocols, const Json& config);

/// Whether an OSPF instance that runs for `age_s` seconds has heard everybody: twice its longest hello has passed, no
/// interface waits for a designated router and no adjacency is being made. Answers to `show ospf interface` and
/// `show ospf neighbors`.
bool ospf_settled(const Reply& interfaces, const Reply& neighbors, int64_t age_s);

/// Whether a static route may be one thing or another depending on BGP: by a preference not above BGP's.
bool yields_to_bgp(const Json& config);

// -- Watch ------------------------------------------------------------------------------------------------------------

/// Notices that BIRD was restarted, has an alarm while it recovers, and ends the kernel protocols' wait. Loop thread;
/// BIRD is asked (each second, two seconds at most) only while it recovers.
class RecoveryWatch {
 public:
  struct Options {
    std::string socket;            ///< BIRD's
    std::function<Json()> config;  ///< the running configuration, see config/feature.h
    std::function<void()> pulse{};
    std::chrono::milliseconds period = std::chrono::milliseconds(500);
  };
  RecoveryWatch(EventLoop& loop, Options options);
  ~RecoveryWatch();
  RecoveryWatch(const RecoveryWatch&) = delete;
  RecoveryWatch& operator=(const RecoveryWatch&) = delete;

  void look();
  /// As of the last look; empty when BIRD does not recover.
  std::string alarm() const { return recovery_ ? recovery_->text() : std::string(); }

 private:
  bool restarted();
  bool may_free(const std::vector<Protocol>& protocols, const Status& status, const Json& config);
  bool all_resolved(const Json& config);
  void free_kernel();

  EventLoop& loop_;
  Options options_;
  BirdClient client_;
  EventLoop::TimerId timer_;
  std::optional<struct timespec> born_;  ///< of the socket: each BIRD makes its own
  bool asking_ = false;
  unsigned quiet_looks_ = 0;  ///< so often in a row everything was learnt again
  std::optional<Recovery> recovery_;
};

}  // namespace floof::bird
