// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace floof::bgp {

/// What `bgp maintenance <peer|all> drain|down|off [message "text"]` makes of the configuration: edits in words (as
/// "set bgp peer x maintenance drain") and the comment of the commit. drain: RFC 8326 both ways; down: the session is
/// closed, with the message (RFC 9003); off: as before, but for the shutdown-message, which stays. `arguments`: "peer",
/// "mode", "message". An Error for a peer that does not exist, another mode, a message with off. Pure; any thread.
struct Maintenance {
  std::vector<std::vector<std::string>> edits;
  std::string comment;
};
Result<Maintenance> maintenance_of(const nlohmann::json& config, const nlohmann::json& arguments);

}  // namespace floof::bgp
