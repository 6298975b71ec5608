// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <utility>

namespace floof {

/// "65535:65281" for "no-export": well-known communities (RFC 1997, 3765, 7999, 8326) by the names that other routers
/// know. Empty for everything else. Pure.
constexpr std::string_view community_named(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"graceful-shutdown", "65535:0"},       {"blackhole", "65535:666"},
      {"no-export", "65535:65281"},           {"no-advertise", "65535:65282"},
      {"no-export-subconfed", "65535:65283"}, {"no-peer", "65535:65284"},
  };
  for (const auto& [known, numbers] : kNames) {
    if (known == name) {
      return numbers;
    }
  }
  return {};
}

}  // namespace floof
