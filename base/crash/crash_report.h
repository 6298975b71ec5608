// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a program of ours leaves when it crashes: a report with the signal, the fault's address and where each thread
// was, in `<run-dir>/crash/PROGRAM.PID`. Nothing is looked up while it crashes: names and lines come later, from
// another process of the same program (base/crash/crash_symbols.h). floof-init has a program that hangs do the same,
// by SIGABRT.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace floof::crash {

/// Where the report of a process is written.
std::string report_file(const std::string& run_dir, std::string_view program, pid_t pid);

/// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT leave a report, and end the program as they would have.
/// Makes the folder. Once, by the main thread, before others start. Does nothing under a sanitizer, which reports by
/// itself.
void install(const std::string& run_dir, std::string_view program);

/// Takes these signals out of a set that a thread is about to block: a fault that is blocked leaves no report.
void leave_open(sigset_t& set);

/// A stack for the report of the thread that makes it: one whose own stack is full has no other room. Not copied.
class Stack {
 public:
  Stack();
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

 private:
  static constexpr size_t kBytes = 128 << 10;
  void* memory_;
};

}  // namespace floof::crash
