// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"
#include "features/policy/policy.h"

namespace floof::bird {

/// BIRD's `show route export` tells a route as the export filter left it. This makes of it what goes out, as far as
/// BIRD itself changes it behind the filter (RFC 4271, 5.1; RFC 5065; RFC 7947): our AS number in front of the path, no
/// local preference and no MED of others for external peers, this router's own next hop unless another one is closer.
/// An own next hop of which BIRD does not tell the address becomes "self". `route` as from route_json, of the session
/// `to` of a peer in `policies`. Pure; any thread.
void make_as_sent(Json& route, const Json& config, const policy::Policies& policies, const policy::PeerPolicy& to,
                  const Protocol& session);

}  // namespace floof::bird
