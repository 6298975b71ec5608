// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to bird_render*.cc: policies (features/policy/policy.h) as BIRD's filters.
#pragma once

#include <string>
#include <vector>

#include "features/bird/render/bird_render_parts.h"
#include "features/policy/policy.h"

namespace floof::bird {

/// Whether a peer may ask for blackholes, for which ROAs count without their maximum length.
bool wants_any_length(const policy::Policies& policies);
/// Functions that all filters share.
void render_policy_functions(Scribe& scribe);
void render_import_filter(Scribe& scribe, const policy::PeerPolicy& peer);
/// Our own next hop where the filter has to say it, see bird_next_hop.h.
struct OwnHop {
  Family family;
  std::optional<IpAddress> address;  ///< nothing: there is none, and what would need it is not announced
  std::string link;                  ///< to the neighbour; empty over several hops
};
/// `name` is quoted; `hop` null: BIRD's own.
void render_export_filter(Scribe& scribe, const policy::PeerPolicy& peer, const std::string& name, const OwnHop* hop);
void render_raw_texts(Scribe& scribe, const std::vector<policy::RawText>& texts, const std::string& then);

/// Condition that the route's prefix is in one of the sets; empty when it cannot be. Long sets are defined on the way,
/// so it is not called inside of a filter.
std::string in_prefixes(Scribe& scribe, const std::vector<NamedPrefixes>& sets);
/// A set of AS numbers: a literal, or the name of one that was defined on the way.
std::string asn_set(Scribe& scribe, const NamedAsns& asns);

/// "(65000,100) ~ bgp_community".
std::string has_community(const policy::Community& community);
void add_community(Scribe& scribe, const policy::Community& community);
void remove_community(Scribe& scribe, const policy::Community& community);

}  // namespace floof::bird
