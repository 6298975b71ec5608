// SPDX-License-Identifier: GPL-3.0-or-later
//
// Looks into JSON that cannot fail: what is missing or of another type reads as empty, zero or false. For what a schema
// has judged before, and for what others say and is compared, not believed. Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace floof {

/// The member `key` of an object; a null value when there is none.
const nlohmann::json& member(const nlohmann::json& object, std::string_view key);
/// The member `key` when it is an array, else an empty array.
const nlohmann::json& items(const nlohmann::json& object, std::string_view key);
/// The member `key` when it is an object, else an empty object.
const nlohmann::json& object_of(const nlohmann::json& object, std::string_view key);
std::string text_of(const nlohmann::json& object, std::string_view key);
uint64_t number_of(const nlohmann::json& object, std::string_view key, uint64_t otherwise = 0);
/// Nothing when the member is no number of 32 bits.
std::optional<uint32_t> number_if(const nlohmann::json& object, std::string_view key);
bool flag_of(const nlohmann::json& object, std::string_view key, bool otherwise = false);
/// The strings, or the numbers of 32 bits, of an array.
std::vector<std::string> texts(const nlohmann::json& object, std::string_view key);
std::vector<uint32_t> numbers(const nlohmann::json& object, std::string_view key);

}  // namespace floof
