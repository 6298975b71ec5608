// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text/json_lists.h"

#include <algorithm>

namespace floof {

namespace {

constexpr size_t kDeepest = 64;
constexpr size_t kMostMembers = 256;
constexpr size_t kLongest = 4096;

}  // namespace

bool JsonLists::read(std::string_view text) {
  return Json::sax_parse(text.begin(), text.end(), static_cast<nlohmann::json_sax<Json>*>(this));
}

bool JsonLists::start_object(size_t) {
  if (depth_ > 0 && !in_list() && keys_.size() + 1 == depth_) {
    keys_.push_back(key_);
  }
  depth_++;
  if (in_list() && depth_ == entry_depth()) {
    entry_ = Json::object();
  }
  return depth_ <= kDeepest;
}

bool JsonLists::end_object() {
  const bool taken = !in_list() || depth_ != entry_depth() || (*take_)(entry_);
  depth_--;
  if (!in_list() && keys_.size() == depth_ && !keys_.empty()) {
    keys_.pop_back();
  }
  return taken;
}

bool JsonLists::start_array(size_t) {
  if (in_list() && depth_ == list_depth_) {
    return false;  // an entry that is no object
  }
  if (!in_list() && keys_.size() + 1 == depth_) {
    std::string path;
    for (const std::string& key : keys_) {
      path += key + '/';
    }
    path += key_;
    if (const auto at = takes_.find(path); at != takes_.end()) {
      found_.insert(path);
      take_ = &at->second;
      list_depth_ = depth_ + 1;
    }
  }
  depth_++;
  return depth_ > 1 && depth_ <= kDeepest;
}

bool JsonLists::end_array() {
  if (in_list() && depth_ == list_depth_) {
    take_ = nullptr;
  }
  depth_--;
  return true;
}

bool JsonLists::key(string_t& name) {
  key_ = name.substr(0, kLongest);
  return true;
}

bool JsonLists::string(string_t& text) { return value_of(text.substr(0, kLongest)); }

bool JsonLists::value_of(Json value) {
  if (depth_ == 0 || (in_list() && depth_ == list_depth_)) {
    return false;
  }
  if (depth_ != (in_list() ? entry_depth() : 1)) {
    return true;
  }
  Json& object = in_list() ? entry_ : head_;
  object[key_] = std::move(value);
  return object.size() <= kMostMembers;
}

}  // namespace floof
