// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show dataplane punt`: what the router's own kernel gets, by interface and kind.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::lcp {

void register_show(shell::Registry& registry);

/// From the dataplane's "punt" data. `all`: also what counted nothing. Pure.
std::string render_punt(const shell::Json& rows, bool all);

}  // namespace floof::lcp
