// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to bird_render*.cc: policies (features/bgp/policy.h) as BIRD's filters.
#pragma once

#include <string>
#include <vector>

#include "features/bgp/policy.h"
#include "features/bird/bird_render_parts.h"

namespace floof::bird {

/// Whether a peer may ask for blackholes, for which ROAs count without their maximum length.
bool wants_any_length(const bgp::Policies& policies);
/// Functions that all filters share.
void render_policy_functions(Scribe& scribe);
void render_import_filter(Scribe& scribe, const bgp::PeerPolicy& peer);
/// Our own next hop where the filter has to say it, see bird_next_hop.h.
struct OwnHop {
  Family family;
  std::optional<IpAddress> address;  ///< nothing: there is none, and what would need it is not announced
  std::string link;                  ///< to the neighbour; empty over several hops
};
/// `name` is quoted; `hop` null: BIRD's own.
void render_export_filter(Scribe& scribe, const bgp::PeerPolicy& peer, const std::string& name, const OwnHop* hop);
void render_raw_texts(Scribe& scribe, const std::vector<bgp::RawText>& texts, const std::string& then);

/// Condition that the route's prefix is in one of the sets; empty when it cannot be. Long sets are defined on the way,
/// so it is not called inside of a filter.
std::string in_prefixes(Scribe& scribe, const std::vector<bgp::NamedPrefixes>& sets);
/// A set of AS numbers: a literal, or the name of one that was defined on the way.
std::string asn_set(Scribe& scribe, const bgp::NamedAsns& asns);

/// "(65000,100) ~ bgp_community".
std::string has_community(const bgp::Community& community);
void add_community(Scribe& scribe, const bgp::Community& community);
void remove_community(Scribe& scribe, const bgp::Community& community);

}  // namespace floof::bird
