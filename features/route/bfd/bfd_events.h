// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BFD (RFC 5880) finds out, the moment it does. BIRD's thread of BFD writes it into a log of BIRD's (features/bird
// has it render one, bounded) before BIRD begins to withdraw the neighbour's routes one by one: the log is followed
// here. Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/event_loop.h"
#include "base/fd.h"

namespace floof::route {

/// In the run folder.
inline constexpr std::string_view kBfdEventsFile = "bird.events";

struct BfdChange {
  IpAddress neighbor;
  bool up = false;  ///< else it was up and is not any more
  friend bool operator==(const BfdChange&, const BfdChange&) = default;
};

/// Nothing for lines that tell of nothing of the kind. Pure.
std::optional<BfdChange> parse_bfd_event(std::string_view line);

class BfdEvents {
 public:
  struct Options {
    std::string folder;  ///< of the log
    /// As long a neighbour counts as lost at most when nothing more is heard of it: BIRD's routes have followed then.
    std::chrono::milliseconds limit = std::chrono::seconds(60);
  };
  /// `changed` is told of a neighbour that is lost, and when it does not count as lost any more. What is in the log at
  /// the start is old. Without a log, or where it cannot be followed (which is logged), nothing is told.
  BfdEvents(EventLoop& loop, Options options, std::function<void(const IpAddress&, bool lost)> changed);
  ~BfdEvents();
  BfdEvents(const BfdEvents&) = delete;
  BfdEvents& operator=(const BfdEvents&) = delete;

 private:
  void notified();
  void open_log(bool at_end);
  void read_log();
  void take(const BfdChange& change);

  EventLoop& loop_;
  const Options options_;
  std::function<void(const IpAddress&, bool lost)> changed_;
  UniqueFd notify_;
  UniqueFd log_;
  std::string rest_;  ///< the beginning of a line
  std::map<IpAddress, EventLoop::TimerId> lost_;
};

}  // namespace floof::route
