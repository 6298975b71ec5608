// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to features/bgp/*_show.cc: what `register_show` adds.
#pragma once

#include "shell/registry.h"

namespace floof::bgp {

/// Routes of a peer, clear, maintenance.
void register_peer_commands(shell::Registry& registry);
/// `explain route`.
void register_explain(shell::Registry& registry);

/// <name> of a configured peer.
shell::Argument peer_argument();

std::string render_peer_routes(const shell::Json& routes);
std::string render_rejected(const shell::Json& routes);
std::string render_explanation(const shell::Json& explanation);

}  // namespace floof::bgp
