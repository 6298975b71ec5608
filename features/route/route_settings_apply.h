// SPDX-License-Identifier: GPL-3.0-or-later
//
// The "route" part of a desired state as the dataplane reads it: a list of VRFs. Pure.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "features/route/bgp_feed/bgp_feed.h"

namespace floof::route {

using Json = nlohmann::json;

/// One VRF's.
struct RouteSettings {
  std::string name = "default";
  uint32_t feed_table = 0;  ///< the kernel table of what BIRD chooses beside BGP; 0: none
  bool feeds = false;       ///< whether BIRD has the two feed protocols
  FeedOptions best, all;
  unsigned multipath = 1;
  bool copy_to_kernel = false;  ///< the default VRF only
  unsigned igp_settles_s = 0;   ///< how long other protocols of BIRD's need to come up; 0: there are none
  struct Peer {
    std::string name;
    bool internal = false;
    friend bool operator==(const Peer&, const Peer&) = default;
  };
  std::unordered_map<uint32_t, Peer> peers;  ///< by the id in BIRD's private communities
};

struct DesiredRoutes {
  size_t max_routes = 0;                ///< of all VRFs together, from the "dataplane" part; 0: by the machine's size
  std::map<VrfId, RouteSettings> vrfs;  ///< the default one among them, also if nothing was said of it
};

/// What feeds and tables are when nothing else is said: the default VRF's own ones, none for others.
RouteSettings default_settings(VrfId vrf);
/// Absent parts keep their defaults. Errors name what is malformed, what two VRFs would share, and interfaces in a VRF
/// that is not listed.
Result<DesiredRoutes> parse_settings(const Json& desired);

}  // namespace floof::route
