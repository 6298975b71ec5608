// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/text/shared_json.h"
#include "config/work/background.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/watch/bird_holds.h"

namespace floof::bird {

/// Looks every few seconds for limits that are nearly reached or keep routes out and for sessions that one has ended,
/// tells each, holds the latter down and enables those whose restart-after is over; has an alarm for a version of BIRD
/// that nobody has tried or that cannot do what is configured. BIRD is asked nothing while nobody has a limit. Loop
/// thread; BIRD is asked on a thread of ours, as it may be slow.
class LimitWatch {
 public:
  struct Options {
    std::string socket;                    ///< BIRD's
    std::shared_ptr<Holds> holds;          ///< what is held, shared with the backend
    std::function<SharedJson()> config;    ///< the running configuration, see config/feature.h
    std::function<uint64_t()> generation;  ///< of it: it is read again when this is another
    std::chrono::milliseconds period = std::chrono::seconds(5);
  };
  LimitWatch(EventLoop& loop, Options options);
  ~LimitWatch();
  LimitWatch(const LimitWatch&) = delete;
  LimitWatch& operator=(const LimitWatch&) = delete;

  /// As of the last look.
  const std::vector<std::string>& alarms() const { return alarms_; }
  /// Of limits; what was known before while BIRD does not answer.
  const std::vector<Incident>& incidents() const { return incidents_; }
  /// Looks now, unless a look is under way.
  void look();
  bool looking() const { return under_way_ > 0; }
  /// Writes why and since when held sessions are down, and when they are tried again, into what show_bgp_summary or
  /// show_bgp_peer gave: BIRD forgets it with its next configuration. "ended-by-limit" true, "retry-s" null when only
  /// a `clear` helps.
  void annotate(Json& shown) const;

 private:
  struct Seen {
    Version version;
    std::vector<Protocol> protocols{};
    std::string now{};
  };
  template <typename Work, typename Done>
  void ask(Work work, Done done);
  void judge_version(const Version& version);
  void judge(const Seen& seen);
  void try_again(const LimitedSession& session, const std::vector<Protocol>& protocols);

  EventLoop& loop_;
  Options options_;
  BirdClient client_;  ///< the thread's
  EventLoop::TimerId timer_;
  SharedJson config_;
  bool has_limits_ = false;
  std::optional<uint64_t> generation_;
  std::vector<std::string> alarms_;
  std::vector<Incident> incidents_;
  std::vector<LimitedSession> ended_;  ///< as of the last look
  size_t under_way_ = 0;               ///< jobs of the thread
  config::Background background_;      ///< last, so that it ends first
};

}  // namespace floof::bird
