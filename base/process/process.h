// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace floof {

/// A process that cannot be mixed up with a later one of the same pid.
struct ProcessId {
  pid_t pid = 0;
  uint64_t start_time = 0;  ///< clock ticks after boot, /proc/PID/stat field 22; 0 = unknown
};

/// The start time of `pid`, or 0 when there is no such process or it is a zombie.
uint64_t process_start_time(pid_t pid);
/// How long it has been running; 0 when that is not known.
std::chrono::milliseconds process_age(const ProcessId& process);
/// Whether it was stopped (SIGSTOP, or a debugger) and so takes no signal but SIGKILL.
bool process_stopped(pid_t pid);

struct Launch {
  std::string path;  ///< looked up in PATH when it has no '/'
  std::vector<std::string> arguments;
  std::string log;  ///< file that standard output and error are appended to
  int output = -1;  ///< or, not owned, a descriptor for them (base/process/log_pump.h)
};

/// Starts a program as leader of its own process group with default signals, /dev/null as standard input and no other
/// descriptor.
Result<pid_t> spawn(const Launch& launch);

/// A descriptor of exactly this process (pidfd), whoever's child it is: readable once it has ended. Empty when it has.
UniqueFd open_process(const ProcessId& process);
/// Sends it a signal; a later process of the same pid never gets it.
void signal_process(const UniqueFd& process, int signal);
/// Kills what is left of the group that this process leads or has led.
void kill_group(const UniqueFd& process, pid_t pid);
/// Kills (SIGKILL) exactly this process and waits until it is gone, at most `limit`. True when there was one to kill.
bool kill_process(const ProcessId& process, std::chrono::milliseconds limit);

/// A program as floof-init writes it down for its successor.
struct SavedProcess {
  ProcessId id;          ///< pid 0: it was not running
  nlohmann::json about;  ///< as of Child::remember
};
struct SavedProcesses {
  pid_t writer = 0;                    ///< who wrote them; 0 when the file is missing or garbage
  std::chrono::milliseconds began{0};  ///< on the steady clock: when the first of these floof-inits began
  std::map<std::string, SavedProcess> programs;
};
/// Writes them to `path` (JSON), in one step: a reader finds the old or the new list. The writer is this process.
Result<void> save_processes(const std::string& path, const SavedProcesses& processes);
/// What `save_processes` wrote.
SavedProcesses load_processes(const std::string& path);

/// "exit status 1", "signal 9 (Killed)".
std::string describe_exit(int wait_status);

}  // namespace floof
