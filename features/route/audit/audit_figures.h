// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the audits of routes have found, as counters in the segment of the dataplane (docs/reference/counters.md).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace floof::route {

struct AuditFigure {
  std::string_view name, unit, help;
};
/// In the order of AuditFigures.
inline constexpr std::array<AuditFigure, 5> kAuditFigures{{
    {"route-audit-passes", "passes", "Times that each route was compared with what packets use."},
    {"route-audit-fib", "faults",
     "Routes and groups of next hops by which packets did not go as the route table says."},
    {"route-audit-kept", "faults", "Differences in the file for a restart of the dataplane, put right."},
    {"route-audit-bird", "faults", "Routes of BGP that were not here as BIRD has them, put right."},
    {"route-audit-linux", "routes", "Routes that Linux had changed without telling, taken over."},
}};
using AuditFigures = std::array<uint64_t, kAuditFigures.size()>;  ///< since start

}  // namespace floof::route
