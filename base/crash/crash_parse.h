// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace floof::crash {

/// A report of base/crash/crash_report.h as it was written, or as much of it as its writer could.
struct Report {
  struct Thread {
    std::string name;
    std::vector<uintptr_t> frames;  ///< where it was, then where each call would have come back
  };
  /// A piece of a file in the memory of the program.
  struct Map {
    uintptr_t start = 0, end = 0;
    uint64_t offset = 0;   ///< in the file
    std::string identity;  ///< device and inode
    std::string path;
  };
  int signal = 0;
  bool sent = false;  ///< by `sender`, which may be the program itself; else a fault at `address`
  pid_t sender = 0;
  uintptr_t address = 0;
  std::vector<Thread> threads;  ///< first the one that crashed
  std::vector<Map> maps;
};

/// Takes what makes sense and leaves out what does not: a crashed program wrote it. Pure.
Report parse_report(std::string_view text);
/// As /proc/PID/maps has them; only those of files. Pure.
std::vector<Report::Map> parse_maps(std::string_view text);

}  // namespace floof::crash
