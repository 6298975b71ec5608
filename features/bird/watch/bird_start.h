// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD is started with after a crash: bird.conf, but for the peers that were down before, which are `disabled` in
// it. BIRD's recovery (bird_recovery.h) waits for every peer that is enabled when it starts, up to a minute, also for
// one that has been away for weeks; for one that is enabled later it does not. floof-init takes the file when it is not
// older than bird.conf (programs/floof_init.cc); floofd enables those peers when it sees another BIRD
// (bird_recovery_watch.h). The parent of an unnumbered peer stays enabled, as its sessions come by it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// Protocols of peers that try to come up and have for a while, so that nobody need wait for them. Nothing while BIRD
/// recovers, when all are just coming back. Pure; any thread.
std::set<std::string> long_down(const std::vector<Protocol>& protocols, const Status& status, const Json& config);

/// `bird.start` beside `bird.conf`. Loop thread of floofd.
class StartFile {
 public:
  explicit StartFile(const std::string& run_dir) : conf_(run_dir + "/bird.conf"), file_(run_dir + "/bird.start") {}

  /// Takes in what BIRD says now, and writes the file when it has to be another. While BIRD recovers it stays.
  void follow(const std::vector<Protocol>& protocols, const Status& status, const Json& config);
  /// The protocols that it leaves out; none when it is older than bird.conf.
  std::vector<std::string> left_out() const;

 private:
  bool current() const;

  const std::string conf_, file_;
  std::set<std::string> down_;  ///< as it was written
};

}  // namespace floof::bird
