// SPDX-License-Identifier: GPL-3.0-or-later
//
// How FloofOS marks the routes that it puts into Linux's main table itself, which are no news to the route table.
#pragma once

#include <cstdint>

namespace floof::route {

/// rtm_protocol of the default routes to floof0, which features/lcp makes, and their metric. Nobody else has the
/// number.
inline constexpr uint8_t kOwnProtocol = 44;
inline constexpr uint32_t kOwnMetric = 4096;
/// rtm_protocol of the copies that `dataplane kernel-routes all` puts there (kernel_copy.h).
inline constexpr uint8_t kCopyProtocol = 43;

}  // namespace floof::route
