// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "features/route/bgp_feed/bgp_feed.h"

namespace floof::route {

/// Compares what BIRD has of BGP with what the RIB has, once an hour and on request: has one feed after the other tell
/// all again (BgpFeed::check). BIRD spends some seconds with a million routes. What has changed meanwhile differs as
/// well, so a difference is a fault only if the other feed and Linux had nothing new from two seconds before (a busy
/// BIRD tells one feed later than the other) to half a second after; that BIRD has a route no more without having
/// withdrawn it is one always. Loop thread.
class FeedCheck {
 public:
  using Clock = std::chrono::steady_clock;
  /// Of the last time, both feeds together.
  struct Status {
    uint64_t runs = 0;  ///< since start
    Clock::time_point ended{};
    Clock::duration took{};
    uint64_t routes = 0;
    uint64_t wrong = 0;           ///< all are put right
    uint64_t changed = 0;         ///< that differed and may have changed meanwhile
    std::vector<Prefix> samples;  ///< the first of those that were wrong
    uint64_t wrong_ever = 0;      ///< since start
    Prefix latest;                ///< of those
  };
  using Feeds = std::array<BgpFeed*, 2>;

  /// `feeds`: those there are now, null when there are none. `linux_news`: how often Linux has told of routes.
  FeedCheck(EventLoop& loop, std::function<Feeds()> feeds, std::function<uint64_t()> linux_news);
  ~FeedCheck();
  FeedCheck(const FeedCheck&) = delete;
  FeedCheck& operator=(const FeedCheck&) = delete;

  /// Begins now, or soon again while one is under way.
  void soon();
  const Status& status() const { return status_; }

 private:
  enum class Phase : uint8_t { idle, before, begin, telling, after };
  void go_on(Phase phase, std::chrono::milliseconds later);
  void step();
  void begin(BgpFeed& feed, uint64_t others);
  void judge(const BgpFeed::Check& check);
  void next(const Feeds& feeds);
  void end();

  EventLoop& loop_;
  std::function<Feeds()> feeds_;
  std::function<uint64_t()> linux_news_;
  EventLoop::TimerId timer_ = 0;
  Phase phase_ = Phase::idle;
  size_t at_ = 0;       ///< which feed
  uint64_t news_ = 0;   ///< of the other one and Linux, before
  bool quiet_ = false;  ///< nobody has had news but what the checks have brought
  uint64_t runs_ = 0;   ///< of this one, before
  bool twice_ = false;  ///< this feed was checked already, and something was not told
  bool again_ = false;  ///< somebody asked meanwhile
  Status current_;
  Clock::time_point started_{};
  Status status_;
};

}  // namespace floof::route
