// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "features/peeringdb/peeringdb.h"

namespace floof::peeringdb {

/// A network with its ports, as PeeringDB has them.
struct MatchSide {
  uint32_t asn = 0;
  Network network;
  std::vector<Port> ports;
  bool known = true;  ///< PeeringDB has the network
};

/// Where two networks meet, a letter that asks for peering there, and the lines that would configure it:
/// {"asn","name","own-asn","exchanges":[{"exchange","own":[...],"other":[...]}],"request","configuration":[...]},
/// with "unknown": [asn, ...] when PeeringDB lacks one of them.
/// Texts of PeeringDB are reduced to printable ones; the lines hold only numbers and addresses. Pure; any thread.
nlohmann::json match_networks(const MatchSide& own, const MatchSide& other);

}  // namespace floof::peeringdb
