// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace floof {

/// Bytes of memory that the machine has, or less when a control group that this process is in (cgroup 2) may not have
/// as much. Read anew each time. Any thread.
uint64_t machine_memory();

/// The same of another machine: its /proc/meminfo, /proc/self/cgroup, and where its groups are mounted. A gigabyte when
/// nothing of it can be understood.
uint64_t machine_memory(const std::string& meminfo_file, const std::string& cgroup_file, const std::string& groups);

}  // namespace floof
