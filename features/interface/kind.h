// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kinds of interfaces beside those with a device of their own, which other features bring (a bond): what the dataplane
// takes as `device` in the desired state. The feature's apply_feature() adds its kind before anything is staged, and
// its participant gives such interfaces what they send by (Interfaces::carry). Control thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace floof::interface {

struct Kind {
  std::string_view name;  ///< `type` of the device
  /// Judges the whole `device`; the Error's path is behind "interface NAME".
  Result<> (*check)(const nlohmann::json& device);
};

/// `kind` lives as long as the program. The same one again changes nothing.
void add_kind(const Kind& kind);
const Kind* find_kind(std::string_view name);  ///< null: there is none

}  // namespace floof::interface
