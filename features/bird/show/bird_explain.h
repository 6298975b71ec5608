// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"
#include "features/policy/evaluate/evaluate.h"

namespace floof::bird {

/// `explain route <prefix> from <peer>`: the policy of a peer (features/policy/evaluate/evaluate.h) walked with a route
/// as BIRD has received it, and what BIRD did with that route. `arguments`: "prefix", "peer"; with "path" (and
/// "communities", an array, "next-hop", "rpki") a route that need not exist; "to": also announced to this peer.
/// {"prefix","peer","routes":[{"neighbor","received":{...route_json},"evaluation":{...},"export":{...}?,"bird":{"verdict":
/// "accepted"|"refused"|"unknown","best","reason"?,"local-pref"?},"differs"?: text}]}. `hypothetical` true when
/// the route was given. Blocks as long as the client does. An Error when there is no such peer, or no such route.
Result<Json> explain_route(BirdClient& client, const Json& config, const outside::Outside& outside,
                           const Json& arguments);

/// The state of a route as the running BIRD's tables floof_roa4 and floof_roa6 have it; nothing when there are none.
/// Once BIRD has not answered, this and its copies do not ask again: one for each run.
policy::RpkiAsk rpki_of_bird(BirdClient& client);

/// The policy tests of `config` that come out wrong (features/policy/policy_tests.h), with the RPKI states of the
/// running BIRD where nothing else knows them. `outside` may be null.
std::vector<Error> failed_policy_tests(BirdClient& client, const Json& config, const outside::Outside* outside);

// -- Pure parts, for tests ------------------------------------------------------------------------------------------

/// A route of an import table as evaluate_import takes it; nothing when BIRD's words have another form.
std::optional<policy::Route> received_route(const Route& route);
/// In what BIRD's verdict and that of the evaluation differ; empty when they agree or raw texts decide.
std::string difference(const policy::Evaluation& evaluation, const Json& bird);

}  // namespace floof::bird
