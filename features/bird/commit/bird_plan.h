// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "config/feature.h"
#include "features/bird/commit/bird_changes.h"

namespace floof::bird {

/// What BIRD will do, in sentences for `commit plan`. Pure, any thread.
std::vector<config::PlanStep> bird_plan(const std::vector<BirdChange>& changes);

}  // namespace floof::bird
