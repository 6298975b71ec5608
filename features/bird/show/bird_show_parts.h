// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to features/bird/show/*_show.cc: what `register_show` adds.
#pragma once

#include <string>

#include "shell/registry.h"
#include "shell/table.h"

namespace floof::bird {

/// Routes of a peer of BGP, and those that policies refused.
void register_peer_routes(shell::Registry& registry);
/// `explain route`.
void register_explain(shell::Registry& registry);

/// Asks for routes of BIRD's (bird_show_data.h), as many as `limit` of `words` says at most, and shows them. Warnings
/// tell when there are more, or when they are not what they were asked to be.
using RenderRoutes = std::string (*)(const shell::Json& routes, shell::Table::Flow& flow);
shell::Reply ask_routes(shell::Context& context, const shell::Invocation& words, shell::Json arguments,
                        RenderRoutes render, std::string none = "no routes\n");

std::string render_peer_routes(const shell::Json& routes, shell::Table::Flow& flow);
std::string render_rejected(const shell::Json& routes, shell::Table::Flow& flow);
std::string render_explanation(const shell::Json& explanation);

}  // namespace floof::bird
