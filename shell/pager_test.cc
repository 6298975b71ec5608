// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/pager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/fd.h"

namespace floof::shell {
namespace {

TEST(Pager, WithoutATerminalNothingIsAddedOrHeldBack) {
  char path[] = "/tmp/floof-pager-XXXXXX";
  UniqueFd file(mkstemp(path));
  ASSERT_TRUE(file);
  unlink(path);
  EXPECT_FALSE(is_rich_terminal(file.get()));
  EXPECT_FALSE(wants_colour(file.get()));
  UniqueFd before(dup(STDOUT_FILENO));
  dup2(file.get(), STDOUT_FILENO);
  std::string text;
  for (int i = 0; i < 5000; i++) {
    text += "line\n";
  }
  page(text);
  dup2(before.get(), STDOUT_FILENO);
  std::string got(text.size() + 10, '\0');
  const ssize_t count = pread(file.get(), got.data(), got.size(), 0);
  EXPECT_EQ(got.substr(0, static_cast<size_t>(std::max<ssize_t>(0, count))), text);
}

}  // namespace
}  // namespace floof::shell
