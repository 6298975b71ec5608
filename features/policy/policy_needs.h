// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "features/outside/outside_needs.h"

namespace floof::policy {

/// What the policies of judged configuration JSON (config/feature.h) need to know of the outside, and how it is to be
/// asked for. Peers that exchange nothing, or whose policy says `trust`, need nothing but what `limit auto` asks for.
/// Pure; any thread.
outside::OutsideNeeds needs_of(const nlohmann::json& config);

}  // namespace floof::policy
