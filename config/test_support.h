// SPDX-License-Identifier: GPL-3.0-or-later
//
// For tests of X_config.cc: configurations from set lines, errors as text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/feature.h"
#include "config/tree.h"

namespace floof::config::test {

/// Configuration JSON of set lines; a line that does not load fails the test.
inline Json config_of(std::string_view lines) {
  static const auto schema = Schema::load(embedded_modules());
  const Loaded loaded = load(Tree(*schema), lines, TextFormat::set);
  for (const Error& error : loaded.errors) {
    ADD_FAILURE() << error.text();
  }
  return loaded.tree.for_features();
}

/// What a feature has against the lines: one text for each error.
inline std::vector<std::string> complaints(const Feature& feature, std::string_view lines) {
  std::vector<std::string> out;
  for (const Error& error : feature.validate(config_of(lines))) {
    EXPECT_FALSE(error.path.empty()) << error.text();
    EXPECT_FALSE(error.reason.empty()) << error.text();
    EXPECT_FALSE(error.remedy.empty()) << error.text();
    out.push_back(error.path + ": " + error.reason);
  }
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace floof::config::test
