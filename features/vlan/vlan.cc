// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/vlan.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace floof::vlan {

namespace {

using Json = nlohmann::json;

std::optional<unsigned> small_number(std::string_view text, unsigned most) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = error == std::errc() && end == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
  return whole && out <= most ? std::optional(out) : std::nullopt;
}

/// A whole number of a JSON value, or nothing.
std::optional<unsigned> json_number(const Json& json, unsigned least, unsigned most) {
  const int64_t value = json.is_number_integer() ? json.get<int64_t>() : -1;
  return value >= least && value <= most ? std::optional(static_cast<unsigned>(value)) : std::nullopt;
}

Error wrong(std::string_view field, const Json& value, std::string remedy) {
  return {"vlan " + std::string(field), "cannot be " + value.dump(), std::move(remedy)};
}

const Json& field(const Json& object, const char* key) {
  static const Json none;
  const auto at = object.find(key);
  return at == object.end() ? none : *at;
}

/// Without making JSON of the word: this runs for thousands of interfaces in each commit.
bool is_word(const Json& value, std::string_view word) {
  const auto* const text = value.get_ptr<const Json::string_t*>();
  return text != nullptr && *text == word;
}

Result<> read_tags(const Json& device, VlanSpec& out) {
  const Json &outer = field(device, "outer"), &inner = field(device, "inner");
  if (is_word(outer, "any") || is_word(outer, "untagged") || is_word(outer, "default")) {
    out.match = is_word(outer, "any") ? Match::any : is_word(outer, "untagged") ? Match::untagged : Match::rest;
    if (!inner.is_null()) {
      return wrong("inner", inner, "an inner tag needs the number of an outer one");
    }
    return {};
  }
  const auto id = json_number(outer, kLeastId, kGreatestId);
  if (!id) {
    return wrong("outer", outer, "use 1 to 4094, any, untagged or default");
  }
  out.outer = static_cast<uint16_t>(*id);
  if (is_word(inner, "any")) {
    out.match = Match::outer_and_any;
  } else if (!inner.is_null()) {
    const auto inner_id = json_number(inner, kLeastId, kGreatestId);
    if (!inner_id) {
      return wrong("inner", inner, "use 1 to 4094 or any");
    }
    out.match = Match::two;
    out.inner = static_cast<uint16_t>(*inner_id);
  }
  return {};
}

/// {"46": 5}
template <size_t N>
Result<> read_map(const Json& map, std::string_view name, unsigned most, std::array<std::optional<uint8_t>, N>& out) {
  if (map.is_null()) {
    return {};
  }
  if (!map.is_object()) {
    return wrong(name, map, "use an object");
  }
  for (const auto& [key, value] : map.items()) {
    const auto from = small_number(key, N - 1);
    const auto to = json_number(value, 0, most);
    if (!from || !to) {
      return wrong(name, Json{{key, value}}, "map 0 to " + std::to_string(N - 1) + " to 0 to " + std::to_string(most));
    }
    out[*from] = static_cast<uint8_t>(*to);
  }
  return {};
}

Result<> read_priority(const Json& priority, Priority& out) {
  if (priority.is_null()) {
    return {};
  }
  if (!priority.is_object()) {
    return wrong("priority", priority, "use an object");
  }
  if (const Json& fixed = field(priority, "fixed"); !fixed.is_null()) {
    const auto value = json_number(fixed, 0, 7);
    if (!value) {
      return wrong("priority fixed", fixed, "use 0 to 7");
    }
    out.fixed = static_cast<uint8_t>(*value);
  }
  if (auto read = read_map(field(priority, "dscp"), "priority dscp", 7, out.to_pcp); !read) {
    return read;
  }
  return read_map(field(priority, "pcp"), "priority pcp", 63, out.to_dscp);
}

}  // namespace

bool Priority::chooses_pcp() const {
  return std::any_of(to_pcp.begin(), to_pcp.end(), [](const auto& pcp) { return pcp.has_value(); });
}

bool Priority::writes_dscp() const {
  return std::any_of(to_dscp.begin(), to_dscp.end(), [](const auto& dscp) { return dscp.has_value(); });
}

Result<VlanSpec> parse_vlan(const Json& device) {
  if (!device.is_object()) {
    return Error{"vlan", "is no object", ""};
  }
  VlanSpec out;
  if (const Json& parent = field(device, "parent"); !parent.is_string() || parent.get<std::string>().empty()) {
    return wrong("parent", parent, "name an interface");
  } else {
    out.parent = parent.get<std::string>();
  }
  if (const Json& protocol = field(device, "protocol"); is_word(protocol, "802.1ad")) {
    out.protocol = OuterProtocol::dot1ad;
  } else if (!protocol.is_null() && !is_word(protocol, "802.1q")) {
    return wrong("protocol", protocol, "use 802.1q or 802.1ad");
  }
  if (auto read = read_tags(device, out); !read) {
    return read.error();
  }
  if (auto read = read_priority(field(device, "priority"), out.priority); !read) {
    return read.error();
  }
  return out;
}

std::optional<uint8_t> parse_dscp(std::string_view text) {
  if (text.empty()) {
    return {};
  }
  if (const auto number = small_number(text, 63)) {
    return static_cast<uint8_t>(*number);
  }
  if (text.size() == 3 && text.starts_with("cs") && text[2] >= '0' && text[2] <= '7') {
    return static_cast<uint8_t>((text[2] - '0') * 8);
  }
  if (text.size() == 4 && text.starts_with("af") && text[2] >= '1' && text[2] <= '4' && text[3] >= '1' &&
      text[3] <= '3') {
    return static_cast<uint8_t>((text[2] - '0') * 8 + (text[3] - '0') * 2);
  }
  return text == "ef"   ? std::optional<uint8_t>(46)
         : text == "va" ? std::optional<uint8_t>(44)
         : text == "le" ? std::optional<uint8_t>(1)
                        : std::nullopt;
}

}  // namespace floof::vlan
