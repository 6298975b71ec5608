// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

namespace floof {

/// The whole content of a file; nothing when it cannot be opened or read. `flags` are added to those of open(2), such
/// as O_NOFOLLOW. Any thread.
std::optional<std::string> read_file(const std::string& path, int flags = 0);

}  // namespace floof
