// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace floof::config {

/// Whether `text` parses to exactly `expected`, with the members of objects in its order. Makes no second tree to
/// compare with, which takes far longer. Pure; any thread.
bool reads_as(std::string_view text, const nlohmann::json& expected);

}  // namespace floof::config
