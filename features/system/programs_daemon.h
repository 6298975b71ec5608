// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace floof::system {

/// The router's programs, for `show system`. Asks floof-init and waits for its answer for half a second, unless
/// `trouble` (InitLink::trouble) says that it does not answer. Any thread.
/// {"uptime-s": the router's, "programs": {"bird": as Child::status, ...}, "alarms": [text, ...]}; when floof-init does
/// not answer there is no uptime, `programs` is as it wrote them down last, with the state of today, and an alarm says
/// so.
nlohmann::json programs_state(const std::string& run_dir, const std::string& state_dir, const std::string& trouble);
/// The alarm about a floof-init with this trouble; empty when it has none.
std::string init_alarm(const std::string& trouble);

/// For `show system crashes`: {"crashes": [...]}, newest first, as crash::to_json has them. `arguments`: "id" for that
/// one alone, whole; "program" for its own; "detail" for all of them whole. Any thread.
Result<nlohmann::json> crashes(const std::string& state_dir, const nlohmann::json& arguments);

/// For `show system incidents`: {"incidents": [...]}, newest first: as Incidents::to_json has them, of all programs,
/// with "program", and ends of programs from the history of crashes, with "crash", their number. Any thread.
Result<nlohmann::json> incidents(const std::string& state_dir);

/// For `clear system crashes`; null, or why floof-init did not do it. Any thread.
Result<nlohmann::json> acknowledge_crashes(const std::string& run_dir);

}  // namespace floof::system
