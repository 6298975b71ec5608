// SPDX-License-Identifier: GPL-3.0-or-later
//
// Words that a person has shortened.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/tree.h"

namespace floof::config {

namespace {

/// The only name that begins so, or the word as it stands. An Error when there are several.
Result<std::string> only_name(const Schema& schema, Node parent, const Words& before, const std::string& word) {
  std::vector<std::string> fits;
  for (const std::string& name : schema.child_names(parent)) {
    const Node node = schema.child(parent, name);
    if (!word.empty() && name.starts_with(word) && node != nullptr && !is_key(node)) {
      fits.push_back(name);
    }
  }
  if (fits.size() > 1) {
    return Error{join_words(before), fmt::format("\"{}\" is ambiguous: {}", word, fmt::join(fits, ", ")),
                 "type more letters"};
  }
  // What holds secrets is written in full, so that whoever keeps lines (a history, a log) knows it when he sees it.
  return fits.empty() || is_confidential(schema.child(parent, fits[0])) ? word : fits[0];
}

}  // namespace

Result<Words> spelled_out(const Schema& schema, std::span<const std::string> words) {
  Words out(words.begin(), words.end());
  Node parent = nullptr;
  for (size_t at = 0; at < out.size();) {
    if (schema.child(parent, out[at]) == nullptr) {
      auto name = only_name(schema, parent, Words(out.begin(), out.begin() + static_cast<ptrdiff_t>(at)), out[at]);
      if (!name) {
        return name.error();
      }
      out[at] = std::move(*name);
    }
    const Node node = schema.child(parent, out[at]);
    if (node == nullptr || is_key(node) || is_term(node)) {
      break;
    }
    at += 1 + (is_list(node) ? keys_of(node).size() : 0);
    parent = node;
  }
  return out;
}

}  // namespace floof::config
