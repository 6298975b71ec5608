// SPDX-License-Identifier: GPL-3.0-or-later
//
// Looks into configuration JSON that cannot fail: what is missing or of another type reads as empty, zero or false.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace floof::config {

/// The member `key` of an object; a null value when there is none.
inline const nlohmann::json& member(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json none;
  const auto it = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && it != object.end() ? *it : none;
}

/// The member `key` when it is an array, else an empty array.
inline const nlohmann::json& items(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json none = nlohmann::json::array();
  const nlohmann::json& found = member(object, key);
  return found.is_array() ? found : none;
}

inline std::string text_of(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json& found = member(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

inline uint64_t number_of(const nlohmann::json& object, std::string_view key, uint64_t otherwise = 0) {
  const nlohmann::json& found = member(object, key);
  const bool usable = found.is_number_unsigned() || (found.is_number_integer() && found.get<int64_t>() >= 0);
  return usable ? found.get<uint64_t>() : otherwise;
}

inline bool flag_of(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json& found = member(object, key);
  return found.is_boolean() && found.get<bool>();
}

/// The strings of an array.
inline std::vector<std::string> texts(const nlohmann::json& object, std::string_view key) {
  std::vector<std::string> out;
  for (const nlohmann::json& item : items(object, key)) {
    if (item.is_string()) {
      out.push_back(item.get<std::string>());
    }
  }
  return out;
}

}  // namespace floof::config
