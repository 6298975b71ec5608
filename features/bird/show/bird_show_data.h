// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"
#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

/// What `show` tells about routing protocols, asked of the running BIRD. All take the running configuration, to map
/// BIRD's names back to the user's; all block as long as the client does, and give an Error when BIRD cannot be asked.

/// {"router-id","asn","version","peers":[{"name","neighbor","remote-as","state","since","state-s"?,"uptime-s","received","imported",
/// "accepted","exported","last-error","protocol","description","families":[...]}]}, peers sorted by name. `state` is
/// that of RFC 4271 since "state-s" seconds, or "Disabled", or "Missing" when BIRD does not know the peer. An
/// unnumbered peer with several neighbours has an entry for each. With `tag` only peers that have it. Each entry has
/// "tags", "maintenance" and, when there is one, "message" (RFC 9003). "recovery-s": BIRD was restarted and exports
/// nothing for at most so many seconds more.
Result<Json> show_bgp_summary(BirdClient& client, const Json& config, const std::string& tag = {});

/// One peer with everything BIRD knows: the fields above and "local-as","neighbor-id","source","hold-timer",
/// "keepalive-timer","session","role","neighbor-role","capabilities","neighbor-capabilities","channels" (with "limits":
/// {"import"|"receive"|"export": {"most","now","hit", "action"}}), where BFD is wanted "bfd" (bird_bfd.h); of a peer
/// with several neighbors the first, the others in "more-sessions". An Error when there is no such peer.
Result<Json> show_bgp_peer(BirdClient& client, const Json& config, const std::string& name);

/// [{"name","peer"?,"protocol","table","state","since","info","channels":[...],"details":{...}}]. With `name` (a peer's
/// name or BIRD's) only that one, an Error when there is none.
Result<Json> show_protocols(BirdClient& client, const Json& config, const std::string& name = {});

/// Takes the next routes of an answer, an array; false: nobody wants more.
using TakeRoutes = std::function<bool(Json routes)>;

/// Routes in BIRD's order, which is none, as they come: [{"prefix","table","protocol","peer"?,"preference","metric",
/// "best","type","source","since","from","age-s","next-hops":[{"gateway","interface","weight"}],"source-as","as-path",
/// "local-pref","med","origin","communities","large-communities","attributes":{...}}]. `arguments`: those of
/// bird_route_query.h, and "limit" (else all) and "rejected": refused routes, with "reason" (a name), "reason-text" and
/// "code". Returns {"more","policy-applied"}: there are others beyond the limit; asked for what a peer sent, of which
/// BIRD has no table, these are routes as the import policy left them. With "count":
/// [{"table","routes","all-routes","networks"}]. Holds some hundred routes at a time.
Result<Json> show_route(BirdClient& client, const Json& config, const Json& arguments, const TakeRoutes& take);

// -- Pure parts, for tests ------------------------------------------------------------------------------------------

Json bgp_summary(const std::vector<Protocol>& protocols, const Status& status, const Json& config,
                 const std::string& tag = {});
Json protocol_json(const Protocol& protocol, const Json& config);
Json route_json(const Route& route, const PeerNames& names);
Json route_json(const Route& route, const Json& config);
/// Adds the reasons to refused routes: of the large community that the import filter left.
void add_reasons(Json& routes, const Json& config);
/// The others were refused by what leaves none: "limit" where one that keeps routes out is reached, "raw" where the
/// peer has texts of the user's own in its import. Where both may be, none. `protocols` of `show protocols all`.
void guess_reasons(Json& routes, const Json& config, const std::vector<Protocol>& protocols);

}  // namespace floof::bird
