// SPDX-License-Identifier: GPL-3.0-or-later
//
// BGP: peers, policies and originated prefixes. BIRD speaks the protocol (features/bird renders bird.conf); this folder
// holds the schema (bgp.yang), the rules that a configuration must keep (bgp_config.cc) and the commands that show
// peers (bgp_show.cc). What BIRD learns comes back to the dataplane by the route feeds (features/route), where a path
// names its peer by a small number: the peer id below.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace floof::bgp {

/// Number of each configured peer in the desired state and in the feeds' communities: 1 + its place among the sorted
/// names. `config` is configuration JSON (config/feature.h). Pure; any thread.
std::map<std::string, uint32_t> peer_ids(const nlohmann::json& config);

}  // namespace floof::bgp
