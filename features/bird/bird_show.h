// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show protocols` and `show route`: BIRD's own view, from what floofd parsed of its replies. Render
// functions are pure.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::bird {

void register_show(shell::Registry& registry);

/// The option `limit` of commands that show routes.
shell::Option limit_option();
/// Asks for routes of BIRD's (features/bird/bird_show_data.h), as many as `limit` of `words` says at most. The data are
/// an array of them; warnings tell when there are more, or when they are not what they were asked to be.
shell::Reply ask_routes(shell::Context& context, const shell::Invocation& words, shell::Json arguments,
                        std::string (*render)(const shell::Json&));

std::string render_protocols(const shell::Json& protocols);
/// Everything that is known about each of the given protocols.
std::string render_protocol_details(const shell::Json& protocols);
/// One line per route and next hop, the best of each prefix marked.
std::string render_bird_routes(const shell::Json& routes);
/// One line per BFD session.
std::string render_bfd(const shell::Json& sessions);
/// How many routes are in which table.
std::string render_route_counts(const shell::Json& counts);
/// All attributes of each route.
std::string render_bird_route_details(const shell::Json& routes);

}  // namespace floof::bird
