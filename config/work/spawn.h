// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace floof::config {

/// Starts arguments[0] (looked up in PATH) with these descriptors as its standard ones; input -1: /dev/null. It gets
/// default signals, no other descriptor that is close-on-exec, and an environment of its own: LC_ALL=C and PATH. The
/// caller waits for it. Any thread.
Result<pid_t> spawn_program(const std::vector<std::string>& arguments, int input, int output, int errors);

/// Whatever a stranger makes a program do, it leaves memory for the router, writes no file, and leaves no core with its
/// input in it.
inline constexpr uint64_t kMostMemory = uint64_t{2} << 30;

/// Words before a command that set these limits and give up root for good: a user number that nothing else has, since
/// processes of one user may read each other's memory and with it a key; where there are not so many numbers (in
/// containers) the user floof-fetch if there is one, else nobody. No further groups, no new privileges (prlimit and
/// setpriv of util-linux). Empty when we are not root, and with one warning in the log when this machine cannot do it.
/// The first call tries it and waits for that. Any thread.
std::vector<std::string> unprivileged();
/// Whether `unprivileged` gives words.
bool gives_up_root();

}  // namespace floof::config
