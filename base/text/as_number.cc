// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text/as_number.h"

#include <charconv>

namespace floof {

namespace {

template <typename T>
std::optional<T> whole(std::string_view text) {
  T out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<uint32_t> parse_as_number(std::string_view text) {
  if (text.size() > 2 && (text[0] | 0x20) == 'a' && (text[1] | 0x20) == 's') {
    text.remove_prefix(2);
  }
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) {
    return whole<uint32_t>(text);
  }
  const auto high = whole<uint16_t>(text.substr(0, dot)), low = whole<uint16_t>(text.substr(dot + 1));
  return high && low ? std::optional(uint32_t{*high} << 16 | *low) : std::nullopt;
}

}  // namespace floof
