// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl's commands about interfaces. The render functions are pure: the dataplane's "interface" data in, text out.
#pragma once

#include <string>

#include "shell/registry.h"

namespace floof::interface {

/// Adds `show interface`, `show interface NAME`, `show interface counters`, `show interface devices` and `clear
/// counters`.
void register_show(shell::Registry& registry);

/// One line per interface, further addresses below it, and why it is down.
std::string render_interfaces(const shell::Json& interfaces);
/// Packets, bytes, drops and errors per interface.
std::string render_counters(const shell::Json& interfaces);
/// Devices of the machine, as the dataplane lists them.
std::string render_devices(const shell::Json& devices);
/// Everything about each of the given interfaces.
std::string render_details(const shell::Json& interfaces);

/// Interface names for completion, by asking the daemon.
std::vector<shell::Choice> interface_choices(shell::Context& context);

}  // namespace floof::interface
