// SPDX-License-Identifier: GPL-3.0-or-later
//
// ping and traceroute: who can be reached, and by which way. floofd runs the programs in the router's network
// namespace; their output is shown as it comes, or read for `| json`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "shell/registry.h"

namespace floof::system {

void register_reach(shell::Registry& registry);

/// What ping printed: {"address","transmitted","received","errors","loss-percent","rtt-ms":{"min","average","max",
/// "deviation"},"replies":[{"from","sequence","ttl","ms"}],"messages":[what else it said]}. Pure; any bytes.
shell::Json ping_data(const std::string& address, std::string_view text);
/// What traceroute printed: {"address","hops":[{"hop","answers":[{"from","ms":[...],"flag"?}],"silent":n}],
/// "messages"}; `silent` counts probes without an answer. Pure; any bytes.
shell::Json traceroute_data(const std::string& address, std::string_view text);

/// "AS64500 Example Net", or nothing for an address whose AS nobody knows.
using AsOf = std::function<std::string(const std::string& address)>;
/// A line of traceroute's with the AS behind each address: " 2  192.0.2.1 [AS64500 Example Net]  0.1 ms". Pure.
std::string with_as(std::string_view line, const AsOf& as_of);

}  // namespace floof::system
