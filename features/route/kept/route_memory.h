// SPDX-License-Identifier: GPL-3.0-or-later
//
// The routes of a VRF over a death of the dataplane: first packets have what is in the file (route_file.h), in a
// fraction of a second, then the RIB has it back, in slices beside everything else, and has it kept. Feeds wait until
// it is done, so that packets need not wait for them. Control thread only.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "features/route/kept/route_file.h"

namespace floof::route {

class RouteMemory {
 public:
  struct Setup {
    EventLoop& loop;
    Rib& rib;
    std::string path;
    std::function<ProcessId()> bird;  ///< the one that runs now
    RouteKeeper::NameOf name_of;
  };
  /// What came back. `same_bird`: the BIRD that told the routes lives, so that its next full answer replaces them.
  struct Restored {
    size_t routes = 0;
    bool same_bird = false;
    std::chrono::microseconds forwarded{};  ///< until packets had them all
    std::chrono::microseconds took{};       ///< until the RIB had
  };
  /// Begins; `ready` is called once, at once when there is nothing to bring back.
  RouteMemory(Setup setup, std::function<void(const Restored&)> ready);
  /// The file stays, marked as ended in good order: it is of use to a successor only while BIRD lives.
  ~RouteMemory();
  RouteMemory(const RouteMemory&) = delete;
  RouteMemory& operator=(const RouteMemory&) = delete;

  bool restoring() const { return kept_.has_value(); }
  const Restored& what_came_back() const { return restored_; }
  /// The routes go, and so does the file.
  void forget();
  /// Once a second. `complete`: BIRD has told all that there is.
  void every_second(bool complete);
  /// In bytes, 0 when nothing is kept.
  size_t bytes() const { return keeper_ && keeper_->failure().empty() ? keeper_->bytes() : 0; }
  /// Why nothing is kept; empty while it is.
  std::string failure() const { return keeper_ ? keeper_->failure() : failure_; }

 private:
  enum class Step : uint8_t { load, publish, tell };
  bool load_some();
  bool tell_some();
  bool do_some();
  void restore_some();
  void restored();
  void done();

  Setup setup_;
  std::function<void(const Restored&)> ready_;
  std::unique_ptr<RouteKeeper> keeper_;
  std::optional<KeptRoutes> kept_;
  Step step_ = Step::load;
  std::vector<GroupId> groups_;  ///< by the path's place
  std::string failure_;
  Restored restored_;
  std::chrono::steady_clock::time_point started_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace floof::route
