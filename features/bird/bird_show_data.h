// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "features/bird/bird_client.h"
#include "features/bird/bird_text.h"

namespace floof::bird {

/// What `show` tells about routing protocols, asked of the running BIRD. All take the running configuration, to map
/// BIRD's names back to the user's; all block as long as the client does, and give an Error when BIRD cannot be asked.

/// {"router-id","asn","version","peers":[{"name","neighbor","remote-as","state","since","uptime-s","received","imported",
/// "accepted","exported","last-error","protocol","description","families":[...]}]}, peers sorted by name. `state` is
/// that of RFC 4271, or "Disabled", or "Missing" when BIRD does not know the peer. An unnumbered peer with several
/// neighbours has an entry for each.
Result<Json> show_bgp_summary(BirdClient& client, const Json& config);

/// One peer with everything BIRD knows: the fields above and "local-as","neighbor-id","source","hold-timer",
/// "keepalive-timer","session","capabilities","neighbor-capabilities","channels". An Error when there is no such peer.
Result<Json> show_bgp_peer(BirdClient& client, const Json& config, const std::string& name);

/// [{"name","peer"?,"protocol","table","state","since","info","channels":[...],"details":{...}}]. With `name` (a peer's
/// name or BIRD's) only that one, an Error when there is none.
Result<Json> show_protocols(BirdClient& client, const Json& config, const std::string& name = {});

/// [{"prefix","table","protocol","peer"?,"preference","metric","best","type","source","since","from","next-hops":
/// [{"gateway","interface","weight"}],"source-as","as-path","local-pref","med","origin","communities",
/// "large-communities","attributes":{...}}]. `arguments`: "prefix" or "address" (longest match; with "exact": only that
/// prefix), "protocol" or "peer", "family" 4 or 6, "filtered" (rejected routes), "limit" (1000). Empty when nothing
/// matches.
Result<Json> show_route(BirdClient& client, const Json& config, const Json& arguments);

// -- Pure parts, for tests ------------------------------------------------------------------------------------------

Json bgp_summary(const std::vector<Protocol>& protocols, const Status& status, const Json& config);
Json protocol_json(const Protocol& protocol, const Json& config);
Json route_json(const Route& route, const Json& config);
/// The user's peer that BIRD's protocol belongs to; empty for other protocols.
std::string peer_of_protocol(std::string_view protocol, const Json& config);
/// BIRD command for `arguments`, every word of it checked.
Result<std::string> route_command(const Json& config, const Json& arguments);

}  // namespace floof::bird
