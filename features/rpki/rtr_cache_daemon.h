// SPDX-License-Identifier: GPL-3.0-or-later
//
// A cache for RTR's routers on a loopback address: BIRD asks it, as it would ask a validator. Programs of root and of
// our own user only. Where users may have low ports, anybody could stand in our place while floofd is away: so the
// listening socket is kept by somebody who stays (floof-init), and is there before there is something to tell. Loop
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "features/rpki/rtr.h"

namespace floof::rpki {

class RtrCache {
 public:
  /// Who keeps the listening socket for the next floofd. Both may be absent.
  struct Keeper {
    std::function<UniqueFd()> recall;  ///< what an earlier floofd gave, or no descriptor
    std::function<void(int)> keep;     ///< -1: it is not needed any more
  };
  RtrCache(EventLoop& loop, IpAddress address, uint16_t port, Keeper keeper = {});
  ~RtrCache();
  RtrCache(const RtrCache&) = delete;
  RtrCache& operator=(const RtrCache&) = delete;

  /// Takes its place. Routers wait for `serve`: nothing is better than an empty answer, as they keep what they have.
  void listen();
  /// These count from now on; routers that are connected are told. `vrps` are sorted, not null.
  void serve(rtr::VrpsPtr vrps);
  /// Closes everything, until `listen` or `serve` is called again.
  void stop();

  const rtr::VrpsPtr& served() const { return vrps_; }  ///< null: nothing yet
  uint32_t serial() const { return serial_; }
  size_t routers() const { return routers_.size(); }
  /// Those of them that have got everything once.
  size_t synced() const;
  /// Empty, or why it cannot listen, or that nobody knows what it serves.
  std::string problem() const;

 private:
  struct Router {
    UniqueFd socket;
    uint8_t version = rtr::kNewestVersion;
    std::vector<uint8_t> input;
    std::string output;
    size_t sent = 0;   ///< of output
    rtr::VrpsPtr all;  ///< still to be sent, from `next` on
    size_t next = 0;
    uint32_t serial = 0;  ///< what the answer under way comes to
    bool answering = false;
    bool synced = false;  ///< it has once learnt everything, so that news are of interest
  };
  struct Step {
    uint32_t serial;  ///< what it leads to
    std::vector<rtr::Change> changes;
  };

  Result<UniqueFd> make_listener() const;
  std::optional<UniqueFd> recalled() const;
  void open_door();
  void accept_some();
  void ready(int fd, uint32_t events);
  bool read_some(Router& router);
  bool hear(Router& router);
  void refuse(const Router& router, const std::string& why);
  bool flush(Router& router);
  void refill(Router& router) const;
  void answer_all(Router& router) const;
  void answer_since(Router& router, uint16_t session, uint32_t serial) const;
  void finish(Router& router) const;
  void watch(Router& router);
  void drop(int fd);

  EventLoop& loop_;
  const IpAddress address_;
  const uint16_t port_;
  const uint16_t session_;
  const Keeper keeper_;
  uint32_t serial_ = 0;
  rtr::VrpsPtr vrps_;
  std::deque<Step> steps_;
  size_t step_sizes_ = 0;
  UniqueFd listener_;
  EventLoop::TimerId retry_ = 0;
  std::string problem_;
  EventLoop::Clock::time_point alone_since_{}, complained_{};
  std::map<int, Router> routers_;
};

}  // namespace floof::rpki
