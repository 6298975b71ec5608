// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "shell/registry.h"

namespace floof::outside {

/// `show bgp irr|peeringdb|rpki|blocklist`, `bgp refresh` and `bgp match`.
void register_show(shell::Registry& registry);

/// Answers of floofd as text. Pure.
std::string render_irr(const shell::Json& data);
std::string render_as_set(const shell::Json& data);
std::string render_peeringdb(const shell::Json& data);
std::string render_rpki(const shell::Json& data);
std::string render_blocklist(const shell::Json& data);
std::string render_match(const shell::Json& match);

}  // namespace floof::outside
