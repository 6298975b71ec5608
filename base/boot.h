// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace floof {

/// Now, on the clock that runs on while the machine sleeps: milliseconds since it was started. Any thread.
int64_t boot_clock_ms();
/// Differs from boot to boot; 36 characters, or none when the kernel does not tell. Any thread.
std::string boot_id();

}  // namespace floof
