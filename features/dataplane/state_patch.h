// SPDX-License-Identifier: GPL-3.0-or-later
//
// The difference of two desired states, so that a commit need not carry what both sides have already. Operations of
// RFC 6902, of which only "add", "remove" and "replace" are used. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>

namespace floof::dataplane {

/// What makes `after` of `before`. Not the least possible, but never much more than `after` itself.
nlohmann::json state_diff(const nlohmann::json& before, const nlohmann::json& after);

/// Applies a patch from anywhere. False when it is none or does not fit; `state` is worth nothing then.
bool apply_patch(nlohmann::json& state, const nlohmann::json& patch);

}  // namespace floof::dataplane
