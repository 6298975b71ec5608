// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "config/tree.h"

namespace floof::config {

namespace {

struct Place {
  size_t words = 0;  ///< how many of the line's words name what the next word is looked up in
  Node node = nullptr;
};

/// Containers and lists that the path runs through, each with how many words lead to it, innermost last.
std::vector<Place> places(const Path& path) {
  std::vector<Place> out;
  size_t count = 0;
  for (const auto& step : path) {
    count += 1 + step.keys.size();
    if (!is_term(step.node)) {
      out.push_back({count, step.node});
    }
  }
  return out;
}

/// How many words the first statement has, and how many of them the next one begins with.
struct Cut {
  size_t end = 0, shared = 0;
};

Cut first_cut(const Schema& schema, std::span<const std::string> words) {
  for (size_t end = 1; end < words.size(); end++) {
    const auto path = parse_path(schema, words.first(end), PathMode::set);
    if (!path || path->empty() || !is_term(path->back().node)) {
      continue;
    }
    const auto all = places(*path);
    const auto sentence =
        std::find_if(all.begin(), all.end(), [](const Place& place) { return is_sentence(place.node); });
    for (size_t i = all.size(); sentence != all.end() && i-- > static_cast<size_t>(sentence - all.begin());) {
      if (schema.child(all[i].node, words[end]) != nullptr) {
        return {end, all[i].words};
      }
    }
    return {};
  }
  return {};
}

}  // namespace

std::vector<Words> statements(const Schema& schema, std::span<const std::string> words) {
  std::vector<Words> out;
  Words rest(words.begin(), words.end());
  for (Cut cut = first_cut(schema, rest); cut.end > 0; cut = first_cut(schema, rest)) {
    out.emplace_back(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(cut.end));
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(cut.shared), rest.begin() + static_cast<ptrdiff_t>(cut.end));
  }
  out.push_back(std::move(rest));
  return out;
}

}  // namespace floof::config
