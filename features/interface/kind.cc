// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/kind.h"

#include <algorithm>
#include <vector>

namespace floof::interface {

namespace {

std::vector<const Kind*>& known_kinds() {
  static std::vector<const Kind*> all;
  return all;
}

}  // namespace

void add_kind(const Kind& kind) {
  if (find_kind(kind.name) == nullptr) {
    known_kinds().push_back(&kind);
  }
}

const Kind* find_kind(std::string_view name) {
  const auto& all = known_kinds();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Kind* kind) { return kind->name == name; });
  return at == all.end() ? nullptr : *at;
}

}  // namespace floof::interface
