// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

namespace floof::crash {

/// What every program with crash::install does first: told `--symbolise FILE`, it prints as JSON what that report of a
/// crash of its own says, and is to end with the status given here:
/// {"signal":n, "address":"0x..." or "sender":n, "threads":[{"name","frames":["function at file:line", ...]}, ...]}.
/// Names come from the program's own symbols and debug information; a file that was replaced since gives none.
std::optional<int> symbolise(int argc, char** argv);

}  // namespace floof::crash
