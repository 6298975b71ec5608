// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to features/bgp/*_show.cc: what `register_show` adds.
#pragma once

#include "shell/registry.h"

namespace floof::bgp {

/// clear, maintenance.
void register_peer_commands(shell::Registry& registry);

}  // namespace floof::bgp
