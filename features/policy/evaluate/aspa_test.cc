// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/aspa.h"

#include <gtest/gtest.h>

namespace floof::policy {
namespace {

// 1 and 2 are transit-free; 10 is a customer of 1, 20 of 2, 100 of 10, 200 of 20. 30 says nothing.
const Aspas kAspas{{1, {0}}, {2, {0}}, {10, {1}}, {20, {2}}, {100, {10}}, {200, {20}}};

struct Row {
  const char* path;
  AspaState upstream, downstream;
};

TEST(Aspa, PathsBothWays) {
  const auto valid = AspaState::valid, invalid = AspaState::invalid, unknown = AspaState::unknown;
  const Row rows[] = {
      {"", invalid, invalid},
      {"10 {100}", invalid, invalid},
      {"100", valid, valid},
      {"10 100", valid, valid},
      {"10 10 100 100", valid, valid},
      {"1 10 100", valid, valid},
      {"20 100", invalid, valid},         // two: a provider's route to a provider's peer is nobody's business
      {"20 2 1 10 100", invalid, valid},  // up, across, down
      {"20 2 10 100", invalid, valid},    // up, across between 10 and 2, down
      {"200 20 100", invalid, valid},     // up by nobody, across, down to 200
      {"1 20 2", invalid, invalid},       // 20 leaks its provider's route to 1
      {"1 10 2 20", invalid, invalid},
      {"30 10 100", invalid, valid},   // up, and across from 10 to 30
      {"1 30 100", invalid, invalid},  // neither 100 nor 1 is a customer of 30
      {"1 30 31 100", invalid, invalid},
      {"30 31 10 100", invalid, unknown},
      {"1 30", unknown, valid},
      {"1 30 31", unknown, unknown},
  };
  for (const Row& row : rows) {
    const auto path = parse_as_path(row.path);
    ASSERT_TRUE(path) << row.path;
    const AspaVerdict up = aspa_upstream(*path, kAspas), down = aspa_downstream(*path, kAspas);
    EXPECT_EQ(up.state, row.upstream) << row.path << ": " << up.why;
    EXPECT_EQ(down.state, row.downstream) << row.path << ": " << down.why;
  }
}

}  // namespace
}  // namespace floof::policy
