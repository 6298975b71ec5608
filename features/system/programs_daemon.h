// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace floof::system {

/// The router's programs, for `show system`. Asks floof-init and waits for its answer (InitClient). Loop thread.
/// {"uptime-s": the router's, "programs": {"bird": as Child::status, ...}}; when floof-init does not answer there is no
/// uptime, `programs` has "pid" and "state" of those that it started last, and "alarm" says so.
nlohmann::json programs_state(const std::string& run_dir);

}  // namespace floof::system
