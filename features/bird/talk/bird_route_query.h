// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `show route ...` asks of BIRD. Every word of a command is checked or printed anew. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// Commands for `arguments`, whose answers belong together. Where to look, at most one of:
///   "protocol" or "peer"    routes that came from it (by the user's name, BIRD's, or a type: static, ospf, bgp)
///   "import"                what a peer sent, as it came; tables of BIRD's that have it, for each of "channels"
///   "export", "noexport", "preexport"   what a peer gets; what it does not get; what it would get without its filter
/// (with "session" the name is BIRD's of one session)
/// and which:
///   "prefix" or "address"   longest match; with "exact": only that prefix; with "in": that and all inside
///   "family" 4 or 6, "table" ip4, ip6 or BIRD's name of a table
///   "filtered"              those that the import policy refused
///   "filter"                those that the import policy of this peer would accept
///   "where"                 array of words, see bird_condition.h
///   "count"                 only how many
/// `protocols`: what BIRD has, needed where asks_for_sessions.
Result<std::vector<std::string>> route_commands(const Json& config, const Json& arguments,
                                                const std::vector<Protocol>& protocols = {});

/// Whether `arguments` name what only BIRD knows: an unnumbered peer, or no peer.
bool asks_for_sessions(const Json& config, const Json& arguments);

/// `name` as BIRD knows it, quoted: the protocols of a peer, else the name itself made harmless.
std::vector<std::string> protocol_symbols(const Json& config, const std::vector<Protocol>& protocols,
                                          const std::string& name);

}  // namespace floof::bird
