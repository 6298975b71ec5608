// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

namespace floof::bgp {

/// Who may speak BGP with this router, for the dataplane, which keeps others from TCP port 179:
/// {"hosts": [addresses], "ranges": [prefixes], "unnumbered": [interfaces], "ports": [179, ...], "anybody": false}.
/// Peers that are disabled count: theirs are no strangers. Also neighbours that `bird raw` writes as addresses; one
/// that it writes otherwise makes "anybody" true. Pure.
nlohmann::json speakers(const nlohmann::json& config);

}  // namespace floof::bgp
