// SPDX-License-Identifier: GPL-3.0-or-later
//
// Private to features/bird: words of BIRD's answers. All take any bytes.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/digits.h"

namespace floof::bird {

inline std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Takes the next word off `text`.
inline std::string_view word(std::string_view& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(first);
  const size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(end);
  return out;
}

// "key: value" split at the first colon that a blank or the end follows.
inline std::optional<std::pair<std::string, std::string>> key_value(std::string_view text) {
  text = trimmed(text);
  for (size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    if (at + 1 == text.size() || text[at + 1] == ' ') {
      return std::pair(std::string(trimmed(text.substr(0, at))), std::string(trimmed(text.substr(at + 1))));
    }
  }
  return std::nullopt;
}

}  // namespace floof::bird
