// SPDX-License-Identifier: GPL-3.0-or-later
//
// Questions to Internet Routing Registries (RFC 2622) as bgpq4 asks them, and its answers. bgpq4 ends with status 0 and
// an empty list for a set that is unknown or empty, so emptiness is judged by whoever puts the three answers together.
// Everything here is pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/prefix.h"
#include "base/result.h"

namespace floof::irr {

/// Whether `name` may be asked for: AS-EXAMPLE, AS64500:AS-EXAMPLE, RIPE::AS-EXAMPLE or AS64500. Nothing else reaches
/// a command line.
bool is_as_set(std::string_view name);
/// The as-sets in a text of PeeringDB: "RIPE::AS-A, AS-B". Empty when any of its words is none.
std::vector<std::string> as_sets_in(std::string_view text);

enum class Question { ip4, ip6, members };
/// The command that asks `server` ("host", "host:port"; empty: bgpq4's own) for a set that is_as_set.
std::vector<std::string> command(Question question, const std::string& server, const std::vector<std::string>& sources,
                                 const std::string& as_set);

/// What a server refused or could not answer of what bgpq4 asked, from what that wrote beside its answer: bgpq4 ends
/// with status 0 then as well, and lacks what it was not told. Empty: nothing.
std::string server_error(std::string_view complaints);

/// Answers; may be empty, never partly read. An Error, without path, for what is not bgpq4's JSON, for prefixes of the
/// wrong family and for a default route, which would let everything pass.
Result<std::vector<Prefix>> parse_prefixes(std::string_view json, Family family);
Result<std::vector<uint32_t>> parse_members(std::string_view json);

}  // namespace floof::irr
