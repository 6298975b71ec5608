// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <charconv>

#include "base/text/community_names.h"
#include "features/policy/policy.h"

namespace floof::policy {

std::optional<Community> parse_community(std::string_view text) {
  if (const std::string_view named = community_named(text); !named.empty()) {
    text = named;
  }
  Community out;
  out.size = 0;
  for (;;) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (out.size == 3 || part.empty()) {
      return std::nullopt;
    }
    if (part != "*") {
      uint32_t number = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
      if (error != std::errc() || end != part.data() + part.size()) {
        return std::nullopt;
      }
      out.parts[out.size] = number;
    }
    out.size++;
    if (colon == std::string_view::npos) {
      break;
    }
    text.remove_prefix(colon + 1);
  }
  const bool small = out.size == 3 || (out.parts[0].value_or(0) <= 65535 && out.parts[1].value_or(0) <= 65535);
  return out.size >= 2 && small ? std::optional(out) : std::nullopt;
}

std::string to_string(const Community& community) {
  std::string out;
  for (size_t i = 0; i < community.size; i++) {
    out += (i == 0 ? "" : ":") + (community.parts[i] ? fmt::to_string(*community.parts[i]) : std::string("*"));
  }
  return out;
}

bool is_own_mark(const Community& community, uint32_t asn) {
  const auto& function = community.parts[1];
  return community.size == 3 && community.parts[0].value_or(asn) == asn &&
         (!function || *function == kOriginFunction || *function == kRejectFunction);
}

}  // namespace floof::policy
