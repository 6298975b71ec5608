// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dataplane/machine_memory.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/file.h"

namespace floof {

namespace {

/// The number that a text begins with.
std::optional<uint64_t> leading_number(std::string_view text) {
  uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() ? std::optional(out) : std::nullopt;
}

/// What follows `name` and blanks.
std::string_view text_after(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  text = at == std::string_view::npos ? "" : text.substr(at + name.size());
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

}  // namespace

uint64_t machine_memory(const std::string& meminfo_file, const std::string& cgroup_file, const std::string& groups) {
  constexpr uint64_t kUnknown = uint64_t{1} << 30;
  const std::string meminfo = read_file(meminfo_file).value_or("");
  const auto kilobytes = leading_number(text_after(meminfo, "MemTotal:"));
  uint64_t out = kilobytes.value_or(0) == 0 ? kUnknown : *kilobytes << 10;
  const std::string said = read_file(cgroup_file).value_or("");
  std::string_view group = text_after(said, "0::");
  group = group.substr(0, group.find('\n'));
  // A limit of any group above counts, too.
  while (!group.empty() && group != "/") {
    const std::string limit = read_file(groups + std::string(group) + "/memory.max").value_or("");
    out = std::min(out, leading_number(limit).value_or(out));
    group = group.substr(0, group.rfind('/'));
  }
  return out;
}

uint64_t machine_memory() { return machine_memory("/proc/meminfo", "/proc/self/cgroup", "/sys/fs/cgroup"); }

}  // namespace floof
