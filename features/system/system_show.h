// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's commands about the router as a whole: `show system`, `show system commit`, `show system logging`, `show
// configuration`, `show version`, and ping and traceroute, which run in the router's network namespace and show their
// output as it comes.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::system {

void register_show(shell::Registry& registry);

/// Commit history, newest first. Pure.
std::string render_history(const shell::Json& history);
/// What waits: a commit to be confirmed, one for a later time, and who edits; from the answer to `history`. Pure.
std::string render_waiting(const shell::Json& answer);
/// The audit log, oldest first, and whether it was verified. Pure.
std::string render_logging(const shell::Json& data);
/// State of the programs and whatever else the daemon tells. Pure.
std::string render_system(const shell::Json& system);

}  // namespace floof::system
