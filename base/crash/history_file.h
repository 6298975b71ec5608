// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace floof {

/// The entries of a history, {"NAME": [{"id": 1, ...}, ...]} with numbers that ascend, as objects. None when there is
/// no such file. Errors: it cannot be read, or is damaged, with this remedy. Any thread.
Result<nlohmann::json> read_history(const std::string& file, const char* name, const std::string& remedy);
/// What such a file says.
std::string history_text(const char* name, nlohmann::json entries);

/// "2026-11-30T08:12:31Z", of seconds since 1970.
std::string utc_text(int64_t seconds);

}  // namespace floof
