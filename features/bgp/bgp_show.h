// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show bgp`: sessions (RFC 4271) as BIRD has them. Render functions are pure.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::bgp {

void register_show(shell::Registry& registry);

/// <name> of a configured peer.
shell::Argument peer_argument();

std::string render_summary(const shell::Json& summary, const std::string& tag = {});
std::string render_peer(const shell::Json& peer);

}  // namespace floof::bgp
