// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/state_patch.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace floof::dataplane {

namespace {

using Json = nlohmann::json;

class Differ {
 public:
  Json take() { return std::move(out_); }

  void compare(const std::string& path, const Json& before, const Json& after) {
    if (before == after) {
      return;
    }
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
      compare(path + '/' + std::to_string(i), before[i], after[i]);
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

bool add_at(Json& parent, const std::string& step, const Json& value) {
  if (parent.is_object()) {
    parent[step] = value;
    return true;
  }
  const auto at = parent.is_array() ? place(step, parent.size() + 1) : std::nullopt;
  if (at) {
    parent.insert(parent.begin() + static_cast<ptrdiff_t>(*at), value);
  }
  return at.has_value();
}

bool remove_at(Json& parent, const std::string& step) {
  if (child(parent, step) == nullptr) {
    return false;
  }
  if (parent.is_object()) {
    parent.erase(step);
  } else {
    parent.erase(*place(step, parent.size()));
  }
  return true;
}

bool apply_one(Json& state, const Json& change) {
  const auto member = [&](const char* name) {
    const auto at = change.is_object() ? change.find(name) : change.end();
    return change.is_object() && at != change.end() ? &*at : nullptr;
  };
  const Json *op = member("op"), *path = member("path"), *value = member("value");
  if (op == nullptr || path == nullptr || !path->is_string()) {
    return false;
  }
  auto steps = steps_of(path->get_ref<const std::string&>());
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
    *at = *value;
    return true;
  }
  return (*op == "add" && value != nullptr && add_at(*at, steps->back(), *value)) ||
         (*op == "remove" && remove_at(*at, steps->back()));
}

}  // namespace

Json state_diff(const Json& before, const Json& after) {
  Differ differ;
  differ.compare("", before, after);
  return differ.take();
}

bool apply_patch(Json& state, const Json& patch) {
  return patch.is_array() &&
         std::all_of(patch.begin(), patch.end(), [&](const Json& change) { return apply_one(state, change); });
}

}  // namespace floof::dataplane
