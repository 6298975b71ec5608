// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show system incidents` and `clear system incidents`: alarms that are, and that were.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::system {

void register_incidents(shell::Registry& registry);

/// A line each, newest first; {"incidents": [as Incidents::to_json, and ends of programs]}. Pure.
std::string render_incidents(const shell::Json& data);
/// The same with effect and remedy. Pure.
std::string render_whole_incidents(const shell::Json& data);

}  // namespace floof::system
