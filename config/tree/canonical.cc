// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/prefix.h"
#include "base/text/as_number.h"
#include "base/text/community_names.h"
#include "config/access/password.h"

namespace floof::config {

namespace {

std::optional<uint32_t> number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

template <typename T>
Result<std::string> spell(const Result<T>& value) {
  return value ? Result<std::string>(to_string(*value)) : Result<std::string>(value.error());
}

Result<std::string> next_hop(std::string_view text) {
  const size_t percent = text.find('%');
  if (percent != std::string_view::npos && percent + 1 == text.size()) {
    return Error{"", "no interface follows the %", "write ADDRESS%INTERFACE, such as fe80::1%e0"};
  }
  if (percent == 0) {
    return std::string(text);
  }
  const auto address = parse_ip(text.substr(0, percent));
  if (!address) {
    return address.error();
  }
  if (percent == std::string_view::npos) {
    return to_string(*address);
  }
  return to_string(*address) + std::string(text.substr(percent));
}

/// Small areas are written as numbers, others like addresses; both spellings are read.
Result<std::string> area(std::string_view text) {
  std::optional<uint32_t> value = number(text);
  if (!value) {
    const auto dotted = parse_ip4(text);
    if (!dotted) {
      return Error{"", fmt::format("\"{}\" is not an area", text),
                   "give a number or four numbers with dots, such as 0 or 10.0.0.1"};
    }
    value = dotted->value();
  }
  return *value <= 0xffff ? fmt::format("{}", *value) : to_string(Ip4(*value));
}

/// Other texts are left to the schema.
Result<std::string> community_pattern(std::string_view text) {
  const std::string_view named = community_named(text);
  return std::string(named.empty() ? text : named);
}

/// Registries know no difference between small and capital letters (RFC 2622, 2).
Result<std::string> as_set(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

Result<std::string> community(std::string_view text) {
  const Error wrong{
      "", fmt::format("\"{}\" is not a community", text),
      "give A:B with both at most 65535, a large one A:B:C with each at most 4294967295, or a name such as "
      "no-export"};
  if (const std::string_view named = community_named(text); !named.empty()) {
    return std::string(named);
  }
  std::vector<uint32_t> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(':', at), text.size());
    const auto value = number(text.substr(at, end - at));
    if (!value) {
      return wrong;
    }
    parts.push_back(*value);
    at = end + 1;
  }
  if (parts.size() == 2 && parts[0] <= 0xffff && parts[1] <= 0xffff) {
    return fmt::format("{}:{}", parts[0], parts[1]);
  }
  return parts.size() == 3 ? Result<std::string>(fmt::format("{}:{}:{}", parts[0], parts[1], parts[2])) : wrong;
}

/// What is no AS number is left to the schema.
Result<std::string> as_number(std::string_view text) {
  const auto asn = parse_as_number(text);
  return asn ? fmt::to_string(*asn) : std::string(text);
}

/// "AS64512-AS65534", also with the two dots of other languages.
Result<std::string> as_range(std::string_view text) {
  const size_t dots = text.find(".."), sign = dots != std::string_view::npos ? dots : text.find('-');
  const auto first = parse_as_number(text.substr(0, sign));
  if (sign == std::string_view::npos || !first) {
    return as_number(text);
  }
  const auto last = parse_as_number(text.substr(sign + (dots != std::string_view::npos ? 2 : 1)));
  return last ? fmt::format("{}-{}", *first, *last) : std::string(text);
}

/// What a BGP neighbour reads when its session ends (RFC 9003). BIRD has no way to write a quote into a text.
Result<std::string> message(std::string_view text) {
  constexpr size_t kMost = 255;
  if (text.find('"') != std::string_view::npos) {
    return Error{"", "the message has a double quote, which BIRD cannot send", "write ' instead, or leave it out"};
  }
  if (text.size() > kMost) {
    return Error{"", fmt::format("the message has {} octets, and a neighbour reads at most {}", text.size(), kMost),
                 "shorten it; letters other than those of ASCII have two octets or more"};
  }
  return std::string(text);
}

struct Kind {
  std::string_view name, description, hint;
  Result<std::string> (*spell)(std::string_view);
};

const std::array<Kind, 14> kKinds = {{
    {"address", "an address such as 192.0.2.1 or 2001:db8::1", "<address>",
     [](std::string_view t) { return spell(parse_ip(t)); }},
    {"ip4", "an IPv4 address such as 192.0.2.1", "<ipv4-address>",
     [](std::string_view t) { return spell(parse_ip4(t)); }},
    {"prefix", "a prefix such as 192.0.2.0/24 or 2001:db8::/32", "<prefix>",
     [](std::string_view t) { return t == "default" ? Result<std::string>("0.0.0.0/0") : spell(parse_prefix(t)); }},
    {"interface-address", "an address with its length such as 192.0.2.1/24 or 2001:db8::1/64", "<address/length>",
     [](std::string_view t) { return spell(parse_interface_address(t)); }},
    {"mac", "a MAC address such as 02:00:5e:00:01:0a", "<mac>", [](std::string_view t) { return spell(parse_mac(t)); }},
    {"next-hop", "a next hop such as 192.0.2.1 or fe80::1%e0, or an interface such as %e0",
     "<address>[%<interface>]|%<interface>", next_hop},
    {"area", "an area such as 0 or 10.0.0.1", "<area>", area},
    {"community", "a community such as 65000:100 or no-export", "<community>", community},
    {"community-pattern", "a community such as 65000:100, 65000:* or no-export", "<community>", community_pattern},
    {"as-number", "an AS number such as 64500, AS64500 or 6.100", "<as-number>", as_number},
    {"as-range", "an AS number or a range such as 64512-65534", "<as-number>", as_range},
    {"as-set", "an as-set such as AS-EXAMPLE", "<as-set>", as_set},
    {"message", "one line of at most 255 octets without double quotes", "<text>", message},
    {"password", "a password, or its hash as crypt(5) writes it", "<password>", password_hash},
}};

const Kind* find(std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (kind.name == name) {
      return &kind;
    }
  }
  return nullptr;
}

}  // namespace

Result<std::string> canonical(std::string_view kind, std::string_view text) {
  const Kind* known = find(kind);
  return known != nullptr ? known->spell(text) : Result<std::string>(std::string(text));
}

std::string_view describe_kind(std::string_view kind) {
  const Kind* known = find(kind);
  return known != nullptr ? known->description : "text";
}

std::string_view hint_of_kind(std::string_view kind) {
  const Kind* known = find(kind);
  return known != nullptr ? known->hint : "<text>";
}

}  // namespace floof::config
