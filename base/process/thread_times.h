// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace floof {

/// What a thread of any process does, as the kernel tells it.
struct ThreadTimes {
  char state = 'R';                ///< /proc/TID/stat: R, S, D, T (stopped), t (a debugger has it), Z
  std::chrono::nanoseconds runs;   ///< how long it has run
  std::chrono::nanoseconds waits;  ///< how long it could run and had no CPU
};

/// Nothing when there is no such thread, or the kernel does not tell. Any thread.
std::optional<ThreadTimes> thread_times(pid_t thread);

}  // namespace floof
