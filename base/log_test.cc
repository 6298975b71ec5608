// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include <gtest/gtest.h>

#include <regex>

namespace floof {
namespace {

TEST(Log, OneLineWithoutControlCharacters) {
  log::start("tester", log::Level::info);
  testing::internal::CaptureStderr();
  log::warning("a{}b", "\n\x1b[31m\x7f");
  log::debug("not written at this level");
  const std::string text = testing::internal::GetCapturedStderr();
  const std::regex shape(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z tester: warning: a\\x0a\\x1b\[31m\\x7fb\n)");
  EXPECT_TRUE(std::regex_match(text, shape)) << text;
}

}  // namespace
}  // namespace floof
