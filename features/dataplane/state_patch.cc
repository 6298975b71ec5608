// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/state_patch.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace floof::dataplane {

namespace {

using Json = nlohmann::json;

class Differ {
 public:
  Json take() { return std::move(out_); }

  /// They differ.
  void compare(const std::string& path, const Json& before, const Json& after) {
    if (before.is_object() && after.is_object() && name_of(before) == name_of(after)) {
      objects(path, before, after);
    } else if (before.is_array() && after.is_array()) {
      arrays(path, before, after);
    } else {
      add("replace", path, &after);
    }
  }

 private:
  /// Entries of lists have names; what has another one is another thing.
  static const Json& name_of(const Json& object) {
    static const Json kNone;
    const auto at = object.find("name");
    return at == object.end() ? kNone : *at;
  }

  static std::string below(const std::string& path, const std::string& key) {
    std::string out = path + '/';
    for (const char c : key) {  // RFC 6901
      out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
    }
    return out;
  }

  void add(const char* op, const std::string& path, const Json* value = nullptr) {
    Json step = {{"op", op}, {"path", path}};
    if (value != nullptr) {
      step["value"] = *value;
    }
    out_.push_back(std::move(step));
  }

  void objects(const std::string& path, const Json& before, const Json& after) {
    for (const auto& [key, value] : before.items()) {
      if (!after.contains(key)) {
        add("remove", below(path, key));
      }
    }
    for (const auto& [key, value] : after.items()) {
      const auto old = before.find(key);
      if (old == before.end()) {
        add("add", below(path, key), &value);
      } else if (*old != value) {
        compare(below(path, key), *old, value);
      }
    }
  }

  /// What stands between the equal beginnings and ends: entry by entry when there are as many as before.
  void arrays(const std::string& path, const Json& before, const Json& after) {
    const size_t shorter = std::min(before.size(), after.size());
    size_t front = 0, back = 0;
    while (front < shorter && before[front] == after[front]) {
      front++;
    }
    while (back < shorter - front && before[before.size() - 1 - back] == after[after.size() - 1 - back]) {
      back++;
    }
    const bool as_many = before.size() == after.size();
    for (size_t i = front; as_many && i < after.size() - back; i++) {
      if (before[i] != after[i]) {
        compare(path + '/' + std::to_string(i), before[i], after[i]);
      }
    }
    for (size_t i = before.size() - back; !as_many && i-- > front;) {
      add("remove", path + '/' + std::to_string(i));
    }
    for (size_t i = front; !as_many && i < after.size() - back; i++) {
      add("add", path + '/' + std::to_string(i), &after[i]);
    }
  }

  Json out_ = Json::array();
};

/// The steps of a JSON pointer (RFC 6901), or nothing.
std::optional<std::vector<std::string>> steps_of(const std::string& path) {
  std::vector<std::string> out;
  for (size_t i = 0; i < path.size(); i++) {
    if (path[i] == '/') {
      out.emplace_back();
    } else if (out.empty()) {
      return std::nullopt;
    } else if (path[i] != '~') {
      out.back() += path[i];
    } else if (++i < path.size() && (path[i] == '0' || path[i] == '1')) {
      out.back() += path[i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return out;
}

/// A place in an array of `size`, or nothing.
std::optional<size_t> place(const std::string& step, size_t size) {
  size_t out = 0;
  const auto [end, code] = std::from_chars(step.data(), step.data() + step.size(), out);
  const bool good = code == std::errc() && end == step.data() + step.size() && out < size;
  return good ? std::optional(out) : std::nullopt;
}

Json* child(Json& parent, const std::string& step) {
  if (parent.is_object()) {
    const auto at = parent.find(step);
    return at == parent.end() ? nullptr : &*at;
  }
  const auto at = parent.is_array() ? place(step, parent.size()) : std::nullopt;
  return at ? &parent[*at] : nullptr;
}

Json change(const char* op, const std::string& path, Json value = nullptr) {
  Json out = {{"op", op}, {"path", path}};
  if (std::string_view(op) != "remove") {
    out["value"] = std::move(value);
  }
  return out;
}

/// `back` becomes the change that undoes it.
bool add_at(Json& parent, const std::string& step, const std::string& path, const Json& value, Json& back) {
  if (parent.is_object()) {
    const auto [at, fresh] = parent.emplace(step, value);
    back = fresh ? change("remove", path) : change("replace", path, std::exchange(*at, value));
    return true;
  }
  const auto at = parent.is_array() ? place(step, parent.size() + 1) : std::nullopt;
  if (at) {
    parent.insert(parent.begin() + static_cast<ptrdiff_t>(*at), value);
    back = change("remove", path);
  }
  return at.has_value();
}

bool remove_at(Json& parent, const std::string& step, const std::string& path, Json& back) {
  Json* const old = child(parent, step);
  if (old == nullptr) {
    return false;
  }
  back = change("add", path, std::move(*old));
  if (parent.is_object()) {
    parent.erase(step);
  } else {
    parent.erase(*place(step, parent.size()));
  }
  return true;
}

bool apply_one(Json& state, const Json& wanted, Json& back) {
  const auto member = [&](const char* name) {
    const auto at = wanted.is_object() ? wanted.find(name) : wanted.end();
    return wanted.is_object() && at != wanted.end() ? &*at : nullptr;
  };
  const Json *op = member("op"), *path = member("path"), *value = member("value");
  if (op == nullptr || path == nullptr || !path->is_string()) {
    return false;
  }
  const auto& text = path->get_ref<const std::string&>();
  auto steps = steps_of(text);
  if (!steps) {
    return false;
  }
  Json* at = &state;
  const bool replaces = *op == "replace";
  for (size_t i = 0; at != nullptr && i + (replaces ? 0 : 1) < steps->size(); i++) {
    at = child(*at, (*steps)[i]);
  }
  if (at == nullptr || (!replaces && steps->empty())) {
    return false;
  }
  if (replaces && value != nullptr) {
    back = change("replace", text, std::exchange(*at, *value));
    return true;
  }
  return (*op == "add" && value != nullptr && add_at(*at, steps->back(), text, *value, back)) ||
         (*op == "remove" && remove_at(*at, steps->back(), text, back));
}

}  // namespace

Json state_diff(const Json& before, const Json& after) {
  Differ differ;
  if (before != after) {
    differ.compare("", before, after);
  }
  return differ.take();
}

bool apply_patch(Json& state, const Json& patch, Json* back) {
  if (!patch.is_array()) {
    return false;
  }
  std::vector<Json> undo;
  for (const Json& wanted : patch) {
    undo.emplace_back();
    if (!apply_one(state, wanted, undo.back())) {
      undo.pop_back();
      Json ignored;
      std::for_each(undo.rbegin(), undo.rend(), [&](const Json& one) { (void)apply_one(state, one, ignored); });
      return false;
    }
  }
  if (back != nullptr) {
    *back = Json::array();
    std::move(undo.rbegin(), undo.rend(), std::back_inserter(*back));
  }
  return true;
}

void States::stage(Json next) {
  drop();
  before_ = std::exchange(state_, std::move(next));
  back_ = nullptr;
  staged_ = true;
}

bool States::stage_patch(const Json& patch) {
  drop();
  staged_ = apply_patch(state_, patch, &back_);
  return staged_;
}

void States::keep() {
  staged_ = false;
  before_ = back_ = nullptr;
}

void States::drop() {
  if (!std::exchange(staged_, false)) {
    return;
  }
  if (back_.is_null()) {
    state_ = std::move(before_);
  } else {
    (void)apply_patch(state_, back_);
  }
  keep();
}

}  // namespace floof::dataplane
