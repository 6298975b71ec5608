// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show ip route`, `show ip fib` and `show feeds`: what each source says about a prefix (RIB), which source
// is believed, and what packets really use (FIB, with the MAC address that they leave with). Render functions are pure.
#pragma once

#include <string>
#include <string_view>

#include "shell/registry.h"
#include "shell/table.h"

namespace floof::route {

void register_show(shell::Registry& registry);

/// One line per candidate and next hop.
std::string render_routes(const shell::Json& routes, shell::Table::Flow& flow);
/// All candidates and the FIB entry of what an address meets.
std::string render_lookup(const shell::Json& routes, std::string_view asked);
/// The same of a prefix: {"routes":[...],"covering":route,"more-specific":N}.
std::string render_prefix(const shell::Json& found, std::string_view asked);
/// One line per path of each FIB entry.
std::string render_fib(const shell::Json& routes, shell::Table::Flow& flow);
std::string render_feeds(const shell::Json& feeds);
std::string render_summary(const shell::Json& summary);

}  // namespace floof::route
