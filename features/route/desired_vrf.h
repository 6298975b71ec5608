// SPDX-License-Identifier: GPL-3.0-or-later
//
// The "route" part of a desired state is a list with an entry for each VRF: {"vrf": number, "name", ...}. The features
// that add to it, or read it, find theirs here. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace floof::route {

/// That of a VRF, made when there is none: the default one's has the name "default".
nlohmann::json& vrf_in(nlohmann::json& desired, VrfId vrf);
/// An empty object when there is none.
const nlohmann::json& vrf_of(const nlohmann::json& desired, VrfId vrf);

}  // namespace floof::route
