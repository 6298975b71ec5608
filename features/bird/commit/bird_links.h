// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a change of interfaces does to what BIRD runs over them: sessions of neighbours that are no longer there, whose
// link comes or goes or whose own address is taken away, adjacencies, gateways of static routes. BIRD learns of it from
// Linux, not from bird.conf. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "features/bird/commit/bird_changes.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// Adds to `changes`, as judged by sessions, what interfaces of `after` that are other than in `before` do to sessions
/// that are up, to adjacencies and to static routes.
void judge_by_interfaces(std::vector<BirdChange>& changes, const Json& before, const Json& after,
                         const std::vector<Protocol>& protocols, const std::vector<OspfNeighbor>& neighbors);

/// Protocols of sessions that are up with an address which the router no longer has: their connection is dead, or what
/// they announce leads nowhere. They have to restart.
std::vector<std::string> homeless_sessions(const Json& config, const std::vector<Protocol>& protocols);

/// Those, and those whose subnet went while another one of ours has the neighbour. `protocols` as BIRD has them now.
std::vector<std::string> renumbered_sessions(const Json& before, const Json& after,
                                             const std::vector<Protocol>& protocols);

}  // namespace floof::bird
