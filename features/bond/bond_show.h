// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's `show bond` and `show lacp`, from the dataplane's "bond" data (BondControl::view).
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::bond {

void register_show(shell::Registry& registry);

/// All pure. Who of each bond carries, and how much of the flows.
std::string render_bonds(const shell::Json& bonds);
/// What each port of LACP knows of its partner.
std::string render_lacp(const shell::Json& bonds);
/// The same with both ends' states, machines and timers.
std::string render_lacp_details(const shell::Json& bonds);
std::string render_lacp_counters(const shell::Json& bonds);

}  // namespace floof::bond
