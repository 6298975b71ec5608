// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "features/bird/talk/bird_condition.h"

// Words are separated by line feeds. Whatever they are, the condition has only BIRD's own words and numbers in it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty() && words.size() < 100) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto condition = floof::bird::route_condition(words);
  if (!condition.ok()) {
    return 0;
  }
  const bool harmless = std::all_of(condition->begin(), condition->end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(" ()[]=!<>&|~.,:_*?").find(c) != std::string_view::npos;
  });
  if (!harmless ||
      std::count(condition->begin(), condition->end(), '(') != std::count(condition->begin(), condition->end(), ')')) {
    std::abort();
  }
  return 0;
}
