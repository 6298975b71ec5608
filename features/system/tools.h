// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace floof::system {

/// Argument vectors of the programs that floofd runs for a user. Addresses and numbers are parsed and printed anew, so
/// nothing that a user typed can become an option. Pure; any thread.
/// `arguments`: "address" (fe80::1%e0 too), "count" 1..100000, "size" 0..65507, "source" (address or interface).
Result<std::vector<std::string>> ping_command(const nlohmann::json& arguments);
/// `arguments`: "address", "source" (an address).
Result<std::vector<std::string>> traceroute_command(const nlohmann::json& arguments);

}  // namespace floof::system
