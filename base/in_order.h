// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof {

/// The order in which parts are made that say whom they need: each has a `name` and `after`, names of others; "*" is
/// all that do not say "*" themselves. What is not ordered stays as it is. An Error names who needs somebody missing,
/// or a circle.
template <typename Part>
Result<std::vector<const Part*>> in_order(const std::vector<const Part*>& parts) {
  const auto must_wait = [&](const Part& part, const Part& other) {
    const auto says = [](const Part& p, std::string_view name) {
      return std::find(p.after.begin(), p.after.end(), name) != p.after.end();
    };
    return &part != &other && (says(part, other.name) || (says(part, "*") && !says(other, "*")));
  };
  for (const Part* part : parts) {
    for (const auto& name : part->after) {
      if (name != "*" && std::none_of(parts.begin(), parts.end(), [&](const Part* p) { return p->name == name; })) {
        return Error{"feature " + std::string(part->name), "comes after " + std::string(name) + ", which is not there",
                     "this is a fault of the program, not of the configuration"};
      }
    }
  }
  std::vector<const Part*> out, left = parts;
  while (!left.empty()) {
    const auto next = std::find_if(left.begin(), left.end(), [&](const Part* part) {
      return std::none_of(left.begin(), left.end(), [&](const Part* other) { return must_wait(*part, *other); });
    });
    if (next == left.end()) {
      return Error{"feature " + std::string(left.front()->name), "what it comes after comes after it",
                   "this is a fault of the program, not of the configuration"};
    }
    out.push_back(*next);
    left.erase(next);
  }
  return out;
}

}  // namespace floof
