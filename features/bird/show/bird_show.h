// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show protocols` and `show route`: BIRD's own view, from what floofd parsed of its replies. Render
// functions are pure.
#pragma once

#include <string>

#include "shell/registry.h"
#include "shell/table.h"

namespace floof::bird {

void register_show(shell::Registry& registry);

std::string render_protocols(const shell::Json& protocols);
/// Everything that is known about each of the given protocols.
std::string render_protocol_details(const shell::Json& protocols);
/// One line per route and next hop, the best of each prefix marked.
std::string render_bird_routes(const shell::Json& routes, shell::Table::Flow& flow);
/// One line per BFD session.
std::string render_bfd(const shell::Json& sessions);
/// How many routes are in which table.
std::string render_route_counts(const shell::Json& counts);
/// All attributes of each route.
std::string render_bird_route_details(const shell::Json& routes, shell::Table::Flow& flow);

}  // namespace floof::bird
