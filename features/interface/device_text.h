// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace floof::interface {

/// What the dataplane tells of a device of this machine ("devices" in interface_apply.cc), for people: "25 Gbit/s", and
/// what already uses it: "interface e0" or "has 192.0.2.1/24, default route", empty: nothing. Pure; any JSON.
std::string speed_text(const nlohmann::json& device);
std::string use_text(const nlohmann::json& device);

}  // namespace floof::interface
