// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/blocklist.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace floof::outside {

namespace {

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  line = line.substr(0, line.find_first_of("#;"));
  const size_t begin = line.find_first_not_of(kBlank);
  return begin == std::string_view::npos ? std::string_view()
                                         : line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

std::optional<uint32_t> asn_of(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) {
    text.remove_prefix(2);
  }
  uint32_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(out) : std::nullopt;
}

}  // namespace

Result<PlainList> parse_plain_list(std::string_view text) {
  constexpr size_t kMost = 5'000'000;
  PlainList out;
  std::vector<uint32_t> asns;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    number++;
    if (line.empty()) {
      continue;
    }
    if (const auto asn = asn_of(line)) {
      asns.push_back(*asn);
    } else if (const auto prefix = parse_prefix(line); prefix && prefix->length() > 0) {
      out.prefixes.push_back(*prefix);
    } else if (const auto address = parse_ip(line)) {
      out.prefixes.emplace_back(*address, address->is_ip4() ? 32 : 128);
    } else {  // the line is not quoted: the file may be somebody's secret
      return Error{"", fmt::format("line {} is neither a prefix nor an AS number", number),
                   "write one a line, comments behind #"};
    }
    if (asns.size() + out.prefixes.size() > kMost) {
      return Error{"", "the list is too long", ""};
    }
  }
  out.asns = joined_ranges(std::move(asns));
  return out;
}

NamedAsns::Ranges joined_ranges(std::vector<uint32_t> asns) {
  std::sort(asns.begin(), asns.end());
  NamedAsns::Ranges out;
  for (const uint32_t asn : asns) {
    if (!out.empty() && (asn == out.back().last || asn - 1 == out.back().last)) {
      out.back().last = asn;
    } else {
      out.push_back({asn, asn});
    }
  }
  return out;
}

}  // namespace floof::outside
