// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/event_loop.h"
#include "base/text/shared_json.h"
#include "config/work/background.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/watch/bird_neighbor_alarms.h"

namespace floof::bird {

/// Looks every few seconds for neighbours with which something does not work that the configuration asks for, and that
/// nothing else tells: a family without next hop, BFD that does not come up, OSPF routers with other settings. BIRD is
/// asked only when a peer has BFD. Loop thread; BIRD is asked on a thread of ours, as it may be slow.
class NeighborWatch {
 public:
  struct Options {
    std::string socket;                    ///< BIRD's
    std::string log;                       ///< that BIRD writes
    std::function<SharedJson()> config;    ///< the running configuration, see config/feature.h
    std::function<uint64_t()> generation;  ///< of it: it is read again when this is another
    std::chrono::milliseconds period = std::chrono::seconds(5);
  };
  NeighborWatch(EventLoop& loop, Options options);
  ~NeighborWatch();
  NeighborWatch(const NeighborWatch&) = delete;
  NeighborWatch& operator=(const NeighborWatch&) = delete;

  /// As of the last look.
  std::vector<std::string> alarms() const;
  /// Looks now.
  void look();

 private:
  using Clock = std::chrono::steady_clock;
  void read_log();
  void look_at_bfd();

  EventLoop& loop_;
  Options options_;
  BirdClient client_;  ///< the thread's
  EventLoop::TimerId timer_;
  SharedJson config_;
  bool has_bfd_ = false, has_ospf_ = false;
  std::optional<uint64_t> generation_;
  std::optional<uint64_t> read_to_;  ///< of the log
  std::string rest_;                 ///< of it: a line without its end
  std::vector<std::string> missing_, bfd_;
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<OspfRefusal, Clock::time_point>> refused_;
  bool asking_ = false;
  config::Background background_;  ///< last, so that it ends first
};

}  // namespace floof::bird
