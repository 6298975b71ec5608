// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/boot.h"

#include <ctime>
#include <fstream>

namespace floof {

int64_t boot_clock_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string out;
  file >> out;
  return out;
}

}  // namespace floof
