// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdio>
#include <cstdlib>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

namespace floof {

/// What the parts of one program offer each other, found by type: `offers.offer(*rib_)` in one, `offers.get<Rib>()` in
/// another that comes after it. Objects are not owned; whoever offers one keeps it until those that came later are
/// gone. One thread.
class Offers {
 public:
  template <typename T>
  void offer(T& object) {
    objects_.emplace_back(typeid(T), &object);
  }
  /// The first of this type. That nobody offers one is a fault of the program (an `after` is missing) and ends it.
  template <typename T>
  T& get() const {
    if (T* found = find<T>()) {
      return *found;
    }
    std::fprintf(stderr, "nobody offers %s: an `after` is missing in the list of features\n", typeid(T).name());
    std::abort();
  }
  /// The same, or null.
  template <typename T>
  T* find() const {
    for (const auto& [type, object] : objects_) {
      if (type == typeid(T)) {
        return static_cast<T*>(object);
      }
    }
    return nullptr;
  }
  /// All of a type of which many offer one, in the order in which they were offered.
  template <typename T>
  std::vector<T*> all() const {
    std::vector<T*> out;
    for (const auto& [type, object] : objects_) {
      if (type == typeid(T)) {
        out.push_back(static_cast<T*>(object));
      }
    }
    return out;
  }

 private:
  std::vector<std::pair<std::type_index, void*>> objects_;
};

}  // namespace floof
