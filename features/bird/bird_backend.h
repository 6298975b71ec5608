// SPDX-License-Identifier: GPL-3.0-or-later
//
// BIRD as a part of the machine that a commit changes. What happens to bird.conf, all in the run directory:
//
//   stage     rendered into bird.conf.new.XXXXXX (mode 0600: it holds passwords) and judged by `bird -p`
//   publish   the old file stays as bird.conf.previous, the new one takes its name, and BIRD is told
//             `configure "bird.conf" timeout 60`: were floofd to die now, BIRD goes back by itself
//   confirm   `configure confirm`
//   undo      `configure undo`, and the old file takes its name back
//
// The empty file bird.conf.unconfirmed lives from publish to confirm or undo; if it is found later, nobody knows what
// BIRD runs, and the next publish configures it even when the text is the same. A text that is the same as before is
// otherwise not applied at all, so a commit that is not about routing never disturbs it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "config/feature.h"
#include "features/bird/watch/bird_holds.h"
#include "features/outside/outside.h"

namespace floof::bird {

struct BirdOptions {
  std::string run_dir;  ///< holds bird.conf and bird.ctl
  /// For dumps of tables, made when one is configured. BIRD writes there, and only there, what a user gives a name.
  std::string dump_dir = "/var/lib/floof/main/mrt";
  std::string bird_program = "bird";
  /// Called at least ten times a second while a call waits; may be empty.
  std::function<void()> pulse;
  /// What policies of this configuration know of the outside at this moment; by default nothing.
  std::function<std::shared_ptr<const outside::Outside>(const config::Json& config)> outside;
  /// Sessions that stay down whatever is configured; by default none.
  std::shared_ptr<Holds> holds;
  /// Gets BIRD started; by default floof-init is asked.
  std::function<Result<void>()> start_bird;
  std::chrono::seconds check_limit{20};        ///< for `bird -p`
  std::chrono::seconds reconfigure_limit{60};  ///< until BIRD has taken a configuration
  std::chrono::seconds start_limit{15};        ///< until a started BIRD answers
  std::chrono::seconds undo_after{60};         ///< BIRD goes back when not confirmed by then
};

/// Thread: floofd's loop. Calls wait, bounded by the limits above.
std::unique_ptr<config::Backend> make_bird_backend(BirdOptions options);

}  // namespace floof::bird
