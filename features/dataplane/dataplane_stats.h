// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/engine.h"
#include "features/dataplane/participant.h"

namespace floof::dataplane {

/// What `show dataplane drops|nodes|workers|samples` tells ("drops", "nodes", "workers", "drop-samples"); null for
/// other names. Read from the stats segment, so workers are not disturbed. Control thread.
Json show_engine(engine::Engine& engine, const std::string& run_dir, const std::string& what);

}  // namespace floof::dataplane
