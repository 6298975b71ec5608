// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show route verify`: goes once through everything (fib_audit.h) and tells what was found.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::route {

void register_verify(shell::Registry& registry);
/// Of the last complete pass, and since the dataplane started.
std::string render_verify(const shell::Json& audit);

}  // namespace floof::route
