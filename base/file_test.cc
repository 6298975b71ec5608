// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"
#include "base/test_folder.h"

namespace floof {
namespace {

class FileTest : public testing::Test {
 protected:
  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {})); }
  TestFolder home_;
  const std::string folder_ = home_.path(), path_ = folder_ + "/it";
};

TEST_F(FileTest, ReplacesWhatWasThere) {
  const std::string text(200'000, 'x');
  ASSERT_TRUE(replace_file(path_, "old").ok());
  ASSERT_TRUE(replace_file(path_, text, {.durable = true, .modified = 1'700'000'000}).ok());
  EXPECT_EQ(read_file(path_), text);
  struct stat about {};
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  EXPECT_EQ(about.st_mtime, 1'700'000'000);
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, LinksBesideItAreNotFollowed) {
  ASSERT_TRUE(replace_file(folder_ + "/other", "other").ok());
  ASSERT_EQ(symlink((folder_ + "/other").c_str(), (path_ + ".new").c_str()), 0);
  ASSERT_TRUE(replace_file(path_, "text").ok());
  EXPECT_EQ(read_file(folder_ + "/other"), "other");
  EXPECT_EQ(read_file(path_), "text");
}

TEST_F(FileTest, WhatDoesNotFitLeavesTheOldOne) {
  ASSERT_TRUE(replace_file(path_, "old").ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto done = replace_file(path_, std::string(10'000, 'x'), {"keeping it", "make room"});
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text(), path_ + ": keeping it: File too large; make room");
  EXPECT_EQ(read_file(path_), "old");
  EXPECT_EQ(files(), 1U);
  EXPECT_FALSE(replace_file(folder_ + "/no/such/folder", "x").ok());
}

TEST_F(FileTest, AReaderThatIsGoneIsReported) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  reader.reset();
  signal(SIGPIPE, SIG_IGN);
  EXPECT_FALSE(write_all(writer.get(), "x"));
}

}  // namespace
}  // namespace floof
