// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show dataplane`: why packets were dropped, what the graph's nodes cost, what the workers do. Render
// functions are pure.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::dataplane {

void register_show(shell::Registry& registry);

/// Reasons that have counted something; with `zero` also the others.
std::string render_drops(const shell::Json& drops, bool zero = false);
/// Nodes that were called; with `idle` also the others.
std::string render_nodes(const shell::Json& nodes, bool idle = false);
std::string render_memory(const shell::Json& memory);
std::string render_workers(const shell::Json& workers);
/// The last packets of each drop reason with their first bytes.
std::string render_samples(const shell::Json& samples);

}  // namespace floof::dataplane
