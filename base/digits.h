// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decimal numbers in texts that others wrote. Pure; any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace floof {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// The number that the whole text is; nothing when it is none, or does not fit.
template <std::unsigned_integral T = uint64_t>
std::optional<T> whole_number(std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

}  // namespace floof
