// SPDX-License-Identifier: GPL-3.0-or-later
//
// YAML as a small tree of our own. The only file that includes yaml-cpp is yaml.cc; its exceptions end there.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace floof::pathvector {

struct Field;

struct Yaml {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;           ///< of a scalar
  size_t line = 0;            ///< where it begins, counted from 1
  std::vector<Yaml> items;    ///< of a list
  std::vector<Field> fields;  ///< of a map, in the text's order, each key once

  const Yaml* find(std::string_view key) const;
};

struct Field {
  std::string key;
  Yaml value;
};

struct Document {
  Yaml root;
  /// Keys that a map has twice: the first one counts.
  std::vector<std::pair<std::string, size_t>> repeated;
};

/// The first document of `text`, with aliases and merge keys (`<<`) filled in. Refuses, with the line, what is no YAML,
/// more than 1 MB, nested deeper than 32 levels, or larger than 100,000 values once aliases are filled in. Never
/// throws. Pure; any thread.
Result<Document> read_yaml(std::string_view text);

}  // namespace floof::pathvector
