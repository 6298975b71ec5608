// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace floof {

/// Reads lists of flat objects out of a JSON text that somebody else wrote, entry by entry: the whole as a tree would
/// take ten times the text, and of a hostile one seventy times. Any thread.
class JsonLists : private nlohmann::json_sax<nlohmann::json> {
 public:
  using Json = nlohmann::json;
  /// Gets an entry's members that are texts (cut after 4096 bytes), numbers, booleans or null. False: it is wrong.
  using Take = std::function<bool(const Json& entry)>;

  /// Calls for each entry of a list which stands in objects only: "data" is in the outer one, "a/b" in the object "a".
  void on(std::string path, Take take) { takes_[std::move(path)] = std::move(take); }
  /// False when it is no JSON object, nested deeper than 64, has an entry that is no object or has more than 256
  /// members, or one that was wrong.
  bool read(std::string_view text);
  /// After `read`: whether the list was there.
  bool found(std::string_view path) const { return found_.contains(path); }
  /// After `read`: the plain members of the outer object.
  const Json& head() const { return head_; }

 private:
  bool start_object(size_t) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool key(string_t& name) override;
  bool string(string_t& text) override;
  bool number_integer(number_integer_t value) override { return value_of(value); }
  bool number_unsigned(number_unsigned_t value) override { return value_of(value); }
  bool number_float(number_float_t value, const string_t&) override { return value_of(value); }
  bool boolean(bool value) override { return value_of(value); }
  bool null() override { return value_of(nullptr); }
  bool binary(binary_t&) override { return false; }
  bool parse_error(size_t, const std::string&, const Json::exception&) override { return false; }

  bool value_of(Json value);
  bool in_list() const { return take_ != nullptr; }
  size_t entry_depth() const { return list_depth_ + 1; }

  std::map<std::string, Take> takes_;
  std::set<std::string, std::less<>> found_;
  Json head_ = Json::object(), entry_;
  std::vector<std::string> keys_;  ///< on the way here, while it leads through objects only
  std::string key_;
  size_t depth_ = 0;
  size_t list_depth_ = 0;       ///< of the list that is being read
  const Take* take_ = nullptr;  ///< of that list
};

}  // namespace floof
