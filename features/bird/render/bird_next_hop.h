// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which address of ours stands in what we announce. BIRD takes it when a session comes up and never looks again; for
// the session's own family that is its own address, with which it lives and dies. For the other family (IPv6 over IPv4
// or the other way round, without RFC 8950) the export filter says it, so that a commit moves it by filtering again.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/prefix.h"
#include "features/policy/policy.h"

namespace floof::bird {

/// The address of "fe80::1%e0", with or without a link. Pure.
std::optional<IpAddress> address_in(std::string_view text);

/// The interface that a neighbour is on; empty: behind routers, or not known. `neighbor` as configured or as BIRD says.
std::string link_of(const nlohmann::json& config, const policy::PeerPolicy& peer, const std::string& neighbor);

/// An internal peer with BFD on a connected subnet: the session is bound to the link, so that BFD watches one hop as
/// others do there (RFC 5882, 10.2). Its routes are resolved as those of any internal peer.
bool watches_link(const nlohmann::json& config, const policy::PeerPolicy& peer, const std::string& neighbor);

/// Whether routes of `family` travel over a session of the other one, with next hops of their own family.
bool is_carried_by_other(const policy::PeerPolicy& peer, const std::string& neighbor, Family family);

/// The interface whose addresses such routes get as their next hop: that to the neighbour, or of the session's source.
/// Empty: the kernel chooses.
std::string next_hop_interface(const nlohmann::json& config, const policy::PeerPolicy& peer,
                               const std::string& neighbor);

/// Families of which a session can announce nothing, since no address of ours could be the next hop: a sentence for
/// each.
std::vector<std::string> next_hops_missing(const nlohmann::json& config, const policy::Policies& policies);

/// Its first address of `family` that is no link-local one.
std::optional<IpAddress> own_next_hop(const nlohmann::json& config, const std::string& interface, Family family);

/// Whether routes of others keep their next hop, when `next-hop-self` and `-reflected` say otherwise.
struct NextHopSelf {
  bool all = false, external = false, reflected = false;
};
NextHopSelf next_hop_self(const policy::PeerPolicy& peer);

}  // namespace floof::bird
