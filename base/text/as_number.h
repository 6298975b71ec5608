// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace floof {

/// "64500", "AS64500", or as RFC 5396 writes large ones "6.100" (asdot), as a number from 0 to 4294967295; nothing when
/// it is none. Pure; any thread.
std::optional<uint32_t> parse_as_number(std::string_view text);

}  // namespace floof
