// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "config/access/access.h"
#include "config/feature.h"

namespace floof::system {

/// The class that `system login user` gives to a user in a configuration (config/feature.h). Pure; any thread.
std::optional<config::UserClass> login_class(const config::Json& config, std::string_view user);

}  // namespace floof::system
