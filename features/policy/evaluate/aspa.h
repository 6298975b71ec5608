// SPDX-License-Identifier: GPL-3.0-or-later
//
// AS_PATH verification by ASPA (draft-ietf-sidrops-aspa-verification). Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "features/policy/evaluate/as_path.h"

namespace floof::policy {

enum class AspaState : uint8_t { unknown, valid, invalid };

struct AspaVerdict {
  AspaState state = AspaState::unknown;
  std::string why;  ///< "AS64999 does not name AS64500 as its provider"
};

/// Providers by customer AS; one that is absent attests nothing.
using Aspas = std::map<uint32_t, std::vector<uint32_t>>;

/// For a route learnt from a customer, a peer or a route server and its clients (section 6.1). That the path begins
/// with the neighbour is another check's business.
AspaVerdict aspa_upstream(const AsPath& path, const Aspas& aspas);
/// For a route learnt from a provider (section 6.2).
AspaVerdict aspa_downstream(const AsPath& path, const Aspas& aspas);

}  // namespace floof::policy
