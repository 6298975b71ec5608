// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json_view.h"

namespace floof {

namespace {

using Json = nlohmann::json;

std::optional<uint64_t> natural(const Json& value) {
  const bool usable = value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
  return usable ? std::optional(value.get<uint64_t>()) : std::nullopt;
}

std::optional<uint32_t> natural32(const Json& value) {
  const auto number = natural(value);
  return number && *number <= UINT32_MAX ? std::optional(static_cast<uint32_t>(*number)) : std::nullopt;
}

}  // namespace

const Json& member(const Json& object, std::string_view key) {
  static const Json none;
  if (!object.is_object()) {
    return none;
  }
  const auto at = object.find(key);
  return at == object.end() ? none : *at;
}

const Json& items(const Json& object, std::string_view key) {
  static const Json none = Json::array();
  const Json& found = member(object, key);
  return found.is_array() ? found : none;
}

const Json& object_of(const Json& object, std::string_view key) {
  static const Json none = Json::object();
  const Json& found = member(object, key);
  return found.is_object() ? found : none;
}

std::string text_of(const Json& object, std::string_view key) {
  const Json& found = member(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

uint64_t number_of(const Json& object, std::string_view key, uint64_t otherwise) {
  return natural(member(object, key)).value_or(otherwise);
}

std::optional<uint32_t> number_if(const Json& object, std::string_view key) { return natural32(member(object, key)); }

bool flag_of(const Json& object, std::string_view key, bool otherwise) {
  const Json& found = member(object, key);
  return found.is_boolean() ? found.get<bool>() : otherwise;
}

std::vector<std::string> texts(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& item : items(object, key)) {
    if (item.is_string()) {
      out.push_back(item.get<std::string>());
    }
  }
  return out;
}

std::vector<uint32_t> numbers(const Json& object, std::string_view key) {
  std::vector<uint32_t> out;
  for (const Json& item : items(object, key)) {
    if (const auto number = natural32(item)) {
      out.push_back(*number);
    }
  }
  return out;
}

}  // namespace floof
