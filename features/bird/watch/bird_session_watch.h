// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/text/shared_json.h"
#include "config/work/background.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/watch/bird_sessions.h"

namespace floof::bird {

/// Looks at the sessions of BGP peers every few seconds, and into BIRD's log, and remembers what BIRD forgets; in a
/// file of the run folder, so also over restarts of floofd. BIRD is asked on a thread of its own. Loop thread.
class SessionWatch {
 public:
  struct Options {
    std::string socket;                    ///< BIRD's
    std::string log;                       ///< what BIRD writes to; may be absent
    std::string file;                      ///< where it is remembered
    std::function<SharedJson()> config;    ///< the running configuration, see config/feature.h
    std::function<uint64_t()> generation;  ///< of it: it is read again when this is another
    /// Hears all that BIRD says, too; the loop's thread.
    std::function<void(const std::vector<Protocol>&, const Status&, const Json& config)> listener{};
    std::chrono::milliseconds period = std::chrono::seconds(5);
  };
  SessionWatch(EventLoop& loop, Options options);
  ~SessionWatch();
  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

  /// Looks now, unless a look is under way.
  void look();
  /// See SessionMemory::annotate.
  void annotate(Json& shown) const;

 private:
  /// How far the log has been read.
  struct Place {
    uint64_t file = 0, offset = 0;
  };
  static std::vector<SessionError> read_log(const std::string& path, Place& place);
  void take_in(const SessionMemory::Look& look);

  EventLoop& loop_;
  Options options_;
  BirdClient client_;  ///< the thread's, as is place_
  Place place_;
  SessionMemory memory_;
  SharedJson config_;
  std::optional<uint64_t> generation_;
  bool looking_ = false;
  EventLoop::TimerId timer_;
  config::Background background_;  ///< last, so that it ends first
};

}  // namespace floof::bird
