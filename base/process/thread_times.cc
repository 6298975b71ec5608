// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/thread_times.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/file.h"

namespace floof {

std::optional<ThreadTimes> thread_times(pid_t thread) {
  const std::string folder = "/proc/" + std::to_string(thread);
  const std::string stat = read_file(folder + "/stat").value_or("");
  const std::string schedule = read_file(folder + "/schedstat").value_or("");
  const size_t name_end = stat.rfind(") ");
  uint64_t runs = 0, waits = 0;
  if (name_end == std::string::npos || name_end + 2 >= stat.size() ||
      std::sscanf(schedule.c_str(), "%" SCNu64 " %" SCNu64, &runs, &waits) != 2) {
    return std::nullopt;
  }
  return ThreadTimes{stat[name_end + 2], std::chrono::nanoseconds(runs), std::chrono::nanoseconds(waits)};
}

}  // namespace floof
