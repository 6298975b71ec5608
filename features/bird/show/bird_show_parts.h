// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to features/bird/show/*_show.cc: what `register_show` adds.
#pragma once

#include "shell/registry.h"

namespace floof::bird {

/// Routes of a peer of BGP, and those that policies refused.
void register_peer_routes(shell::Registry& registry);
/// `explain route`.
void register_explain(shell::Registry& registry);

/// The option `limit` of commands that show routes.
shell::Option limit_option();
/// Asks for routes of BIRD's (bird_show_data.h), as many as `limit` of `words` says at most. The data are an array of
/// them; warnings tell when there are more, or when they are not what they were asked to be.
shell::Reply ask_routes(shell::Context& context, const shell::Invocation& words, shell::Json arguments,
                        std::string (*render)(const shell::Json&));

std::string render_peer_routes(const shell::Json& routes);
std::string render_rejected(const shell::Json& routes);
std::string render_explanation(const shell::Json& explanation);

}  // namespace floof::bird
