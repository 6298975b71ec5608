// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD does when its configuration changes, told before it does: which protocols start, stop or restart, and which
// only filter their routes again. It compares two texts that bird_render.h made, by BIRD 2's own rules
// (nest/proto.c proto_reconfigure, proto/bgp/bgp.c bgp_reconfigure): a protocol restarts when anything but its filters,
// limits, description or BFD differs; when the router id changes, all of them do. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/feature.h"

namespace floof::bird {

struct BirdChange {
  enum class Kind { starts, stops, restarts, filters };
  Kind kind;
  std::string name;  ///< what it is for people: "peer a", "protocol ospf_v2"
  bool bgp;          ///< it is a BGP session
};

/// In the order of the new text; protocols that go are last.
std::vector<BirdChange> bird_changes(std::string_view before, std::string_view after);
std::vector<config::PlanStep> bird_plan(const std::vector<BirdChange>& changes);

}  // namespace floof::bird
