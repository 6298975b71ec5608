// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"

namespace floof::bird {

/// BFD (RFC 5880) as the running BIRD sees it. [{"neighbor","interface","state","since","state-s"?,"interval-ms",
/// "timeout-ms","peer"?}], by neighbour; "peer" names the BGP peer there. `state` is that of RFC 5880: AdminDown, Down,
/// Init, Up. "interval-ms": how often we send; "timeout-ms": silence after which it is down, 0 while it is. Blocks as
/// long as the client does; an Error when BIRD cannot be asked.
Result<Json> show_bfd(BirdClient& client, const Json& config);

// -- Pure parts -----------------------------------------------------------------------------------------------------

/// `server_time` of `show status`, `protocols` of `show protocols all`.
Json bfd_json(const std::vector<BfdSession>& sessions, const std::vector<Protocol>& protocols,
              std::string_view server_time, const Json& config);
/// What belongs to a session's entry of show_bgp_peer: its element of bfd_json, or {"state":"Missing"} when there is
/// none. `neighbor` in BIRD's words, "fe80::1%e0".
Json bfd_of(const Json& sessions, const std::string& neighbor);

}  // namespace floof::bird
