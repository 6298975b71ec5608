// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-dataplane as a part of the machine that a commit changes. Its interface is declarative: it always gets the
// whole desired state and finds the difference itself, so undo, a restart of either side and a commit are the same
// call. A connection that carries nothing tells when the dataplane died; as soon as a new one listens (tried each 100
// ms) it gets the last state, leniently. Settings that need a restart of the dataplane are brought in by asking
// floof-init. One that ends while a commit speaks to it, as for a restart, has a successor, which is told the same.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/ipc/ipc.h"
#include "config/feature.h"

namespace floof::dataplane {

struct BackendOptions {
  std::string run_dir;                             ///< holds dataplane.sock and init.sock
  std::function<void()> pulse{};                   ///< called at least ten times a second while a call waits
  std::chrono::milliseconds connect_limit{5000};   ///< a dataplane that is just restarting is waited for that long
  std::chrono::milliseconds answer_limit{60000};   ///< for one stage or publish
  std::chrono::milliseconds restart_limit{20000};  ///< until a restarted dataplane answers
  /// Restarts the dataplane; by default floof-init is asked.
  std::function<Result<>()> restart{};
};

/// Thread: the loop's. Calls wait, bounded by the limits above.
std::unique_ptr<config::Backend> make_backend(BackendOptions options, EventLoop& loop);

/// Has floof-init start the dataplane anew, as asked for: it ends in good order. Answers before it is gone.
Result<ipc::Json> restart(const std::string& run_dir);

/// Sends one request to the dataplane and gives its answer: for `show` and `clear`. An Error when it does not answer.
Result<ipc::Json> ask(const std::string& run_dir, const ipc::Json& request,
                      std::chrono::milliseconds limit = std::chrono::seconds(5));
/// The same, for what is only passed on: the text of its answer, or of a failure. Any thread.
std::string ask_for_text(const std::string& run_dir, const ipc::Json& request,
                         std::chrono::milliseconds limit = std::chrono::seconds(5));
/// The same for an answer in pieces: gives the text of the last one.
std::string ask_for_pieces(const std::string& run_dir, const ipc::Json& request, const ipc::Client::Taker& taker);

}  // namespace floof::dataplane
