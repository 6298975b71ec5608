// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/result.h"

namespace floof {

/// Makes an empty network namespace with the name `name` as `ip netns add` does (bind-mounted at /run/netns/NAME), or
/// keeps the one that is there. Works inside `ip netns exec`, whose private mounts nobody else sees: the mount is made
/// where process 1 (or the oldest ancestor that we may look at) lives and comes to us by propagation. Single-threaded
/// callers; forks.
Result<void> make_named_netns(const std::string& name);

/// Removes the name; the namespace ends with its last user. No error when there is none.
Result<void> remove_named_netns(const std::string& name);

/// Sets the loopback device of the calling thread's namespace up.
Result<void> set_loopback_up();

}  // namespace floof
