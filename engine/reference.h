// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the graph tells about itself, as Markdown for docs/reference/. Control thread.
#pragma once

#include <string>

#include "engine/graph.h"

namespace floof::engine {

/// Every node, drop reason and counter with its help.
std::string counters_reference(const Graph& graph);
/// The picture of nodes and edges (Mermaid).
std::string graph_reference(const Graph& graph);

}  // namespace floof::engine
