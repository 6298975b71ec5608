// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "config/feature.h"

namespace floof::dataplane {

/// What the dataplane will do on its way from one desired state to another: objects of each list that come, go or
/// change, by name, and a restart when settings need one. Pure, any thread.
std::vector<config::PlanStep> dataplane_plan(const config::Json& before, const config::Json& after,
                                             const std::vector<std::string>& restart_for);

}  // namespace floof::dataplane
