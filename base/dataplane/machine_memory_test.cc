// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/machine_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace floof {
namespace {

TEST(MachineMemory, TheLeastOfMachineAndGroups) {
  const TestFolder folder;
  const std::string groups = folder.path() + "/groups";
  std::filesystem::create_directories(groups + "/a/b");
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name) << text;
  };
  const auto memory = [&] {
    return machine_memory(folder.path() + "/meminfo", folder.path() + "/cgroup", groups) >> 20;
  };
  EXPECT_EQ(memory(), 1024u) << "nothing is known";
  write("meminfo", "MemTotal:        4194304 kB\nMemFree:          100 kB\n");
  EXPECT_EQ(memory(), 4096u);
  write("cgroup", "0::/a/b\n");
  EXPECT_EQ(memory(), 4096u);
  write("groups/a/b/memory.max", "max\n");
  EXPECT_EQ(memory(), 4096u);
  write("groups/a/memory.max", "536870912\n");
  EXPECT_EQ(memory(), 512u);
  write("groups/a/b/memory.max", "268435456\n");
  EXPECT_EQ(memory(), 256u);
  write("meminfo", "MemTotal: x\n");
  write("cgroup", "1:memory:/a\n");
  EXPECT_EQ(memory(), 1024u);
  EXPECT_GT(machine_memory(), uint64_t{64} << 20);
}

}  // namespace
}  // namespace floof
