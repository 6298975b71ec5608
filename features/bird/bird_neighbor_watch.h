// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/event_loop.h"
#include "features/bird/bird_client.h"
#include "features/bird/bird_reply.h"
#include "features/bird/bird_text.h"

namespace floof::bird {

/// What an OSPF router says that we refuse as a neighbour, in a line of BIRD's log.
struct OspfRefusal {
  std::string protocol;  ///< "floof_ospf2"
  std::string neighbor;  ///< its router id, or its address
  std::string interface;
  std::string reason;   ///< "dead interval mismatch", "area mismatch", ...
  uint64_t theirs = 0;  ///< their value
};
/// Nothing when the line is about something else. Takes any bytes. Pure.
std::optional<OspfRefusal> parse_ospf_refusal(std::string_view line);
/// "OSPFv3 on e1: 198.51.100.2 ...: what differs and what to set". Pure.
std::string refusal_alarm(const OspfRefusal& refusal, const Json& config);
/// Peers whose session is up while the BFD session that was asked for is not. `sessions` as from bfd_json. Pure.
std::vector<std::string> bfd_alarms(const Json& sessions, const std::vector<Protocol>& protocols,
                                    std::string_view server_time, const Json& config);

/// Looks every few seconds for neighbours with which something does not work that the configuration asks for, and that
/// nothing else tells: a family without next hop, BFD that does not come up, OSPF routers with other settings. BIRD is
/// asked only when a peer has BFD. Loop thread; a look blocks as long as BIRD takes for `show protocols`, two seconds
/// at most.
class NeighborWatch {
 public:
  struct Options {
    std::string socket;                    ///< BIRD's
    std::string log;                       ///< that BIRD writes
    std::function<Json()> config;          ///< the running configuration, see config/feature.h
    std::function<uint64_t()> generation;  ///< of it: it is read again when this is another
    std::function<void()> pulse{};
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
  BirdClient client_;
  EventLoop::TimerId timer_;
  Json config_;
  bool has_bfd_ = false, has_ospf_ = false;
  std::optional<uint64_t> generation_;
  std::optional<uint64_t> read_to_;  ///< of the log
  std::string rest_;                 ///< of it: a line without its end
  std::vector<std::string> missing_, bfd_;
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<OspfRefusal, Clock::time_point>> refused_;
};

}  // namespace floof::bird
