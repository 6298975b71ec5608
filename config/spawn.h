// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace floof::config {

/// Starts arguments[0] (looked up in PATH) with these descriptors as its standard ones; input -1: /dev/null. It gets
/// default signals, no other descriptor that is close-on-exec, and an environment of its own: LC_ALL=C and PATH. The
/// caller waits for it. Any thread.
Result<pid_t> spawn_program(const std::vector<std::string>& arguments, int input, int output, int errors);

}  // namespace floof::config
