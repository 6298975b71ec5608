// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dataplane's API: one socket on which floofd says what should be, and asks what is.
//
// The desired state is always whole for everybody here. On the wire it may be a patch (state_patch.h) against the state
// that this dataplane runs and floofd published last: `publish` answers a version, which nobody else's state ever has,
// and `stage` with another "base" is refused as "unknown-base", upon which floofd sends all of it. `stage` lets every
// participant (interface, lcp, neighbor, route, ...) check it against the machine; `publish` makes it so by the
// difference; if a participant fails the last state that worked is published again. The state that was published last
// is kept in `<run-dir>/applied.json`, and a dataplane that was killed re-applies it by itself, leniently, before
// anybody asks. Control thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/ipc/ipc.h"
#include "base/result.h"
#include "engine/engine.h"
#include "features/dataplane/memory_watch_apply.h"
#include "features/dataplane/participant.h"
#include "features/dataplane/state_patch.h"

namespace floof::dataplane {

class Api {
 public:
  struct Setup {
    EventLoop& loop;
    engine::Engine& engine;
    std::string run_dir;
    engine::EngineOptions options;           ///< what the engine was started with
    std::vector<Participant*> participants;  ///< in the order in which they publish; they outlive this
    Incidents* incidents = nullptr;          ///< as do they
  };
  explicit Api(Setup setup);
  ~Api();

  /// Re-applies applied.json, if there is one: errors are logged, what can work does. Before `listen`.
  void restore();
  /// Serves `<run-dir>/dataplane.sock`.
  Result<void> listen();
  /// Answers one request; what the socket does. Public for tests.
  Json answer(const Json& request);

 private:
  Json answer_stage(const Json& request);
  std::vector<Error> let_stage(const Json& desired, bool lenient);
  std::vector<Error> stage_now(bool lenient);
  void go_back();
  Json publish();
  void abort();
  Json alarms();
  void answer_late(const Json& request, const ipc::Reply& reply);
  struct Telling;
  std::unique_ptr<Listing> list(const std::string& what, const Json& arguments);
  void go_on(const std::shared_ptr<Telling>& telling);
  Json show(const std::string& what, const Json& arguments);
  Json restart_needed(const Json& desired) const;
  Result<void> store(const std::string& text) const;

  Json warnings() const;

  Setup setup_;
  MemoryWatch memory_;
  std::unique_ptr<ipc::Server> server_;
  States states_;
  std::string instance_;  ///< random: what a version starts with
  std::string version_;   ///< of the state that runs
  uint64_t published_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Engine options from the "dataplane" part of a desired state; what is absent or wrong keeps its default.
engine::EngineOptions engine_options(const Json& desired, std::string run_dir);
/// The desired state in `<run-dir>/applied.json`; null when there is none or it cannot be read.
Json stored_state(const std::string& run_dir);

}  // namespace floof::dataplane
