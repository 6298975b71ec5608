// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace floof {

/// The run folder belongs to the floof-init that has it locked, as long as that lives.
struct RunLock {
  UniqueFd lock;
  pid_t replaced = 0;  ///< who had it, hung, and was killed
};

/// Takes the lock. Who has it and does not answer on `init.sock` within `patience` hangs (or is stopped) and is killed:
/// what it had started lives on and is taken over, so a wrong judgement costs nothing. An Error when the holder
/// answers, or is just starting or stopping and so has no socket.
Result<RunLock> take_run_dir(const std::string& run_dir, std::chrono::milliseconds patience = std::chrono::seconds(3));

}  // namespace floof
