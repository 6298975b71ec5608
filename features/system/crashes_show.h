// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show system crashes` and `clear system crashes`: ends of programs that nobody asked for.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::system {

void register_crashes(shell::Registry& registry);

/// A line each, newest first; {"crashes": [as crash::to_json]}. Pure.
std::string render_crashes(const shell::Json& data);
/// All that is known of each: cause, effect, remedy, last words, where its threads were. Pure.
std::string render_whole_crashes(const shell::Json& data);

}  // namespace floof::system
