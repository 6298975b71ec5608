// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show vlan`, from the dataplane's "interface" data.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::vlan {

void register_show(shell::Registry& registry);

/// Pure. By parent and tags: which interface has what, and how much came and went.
std::string render_vlans(const shell::Json& interfaces);

}  // namespace floof::vlan
