// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/feed_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"

namespace floof {
namespace {

class FeedKey : public testing::Test {
 protected:
  TestFolder home_;
  const std::string folder_ = home_.path();
};

TEST_F(FeedKey, IsOneForAllAndForItsUserOnly) {
  ASSERT_TRUE(can_sign());
  std::vector<std::string> keys(8);
  std::vector<std::thread> threads;
  for (std::string& key : keys) {
    threads.emplace_back([this, &key] { key = feed_key(folder_).ok() ? *feed_key(folder_) : "none"; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::string& key : keys) {
    EXPECT_EQ(key.size(), 32u);
    EXPECT_EQ(key, keys[0]);
  }
  struct stat about {};
  ASSERT_EQ(stat((folder_ + "/feed.key").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing else is left";
}

TEST_F(FeedKey, WhatIsNoKeyIsReplacedAndALinkNotFollowed) {
  ASSERT_TRUE(replace_file(folder_ + "/feed.key", "short"));
  const auto first = feed_key(folder_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->size(), 32u);
  std::filesystem::remove(folder_ + "/feed.key");
  ASSERT_TRUE(replace_file(folder_ + "/elsewhere", std::string(32, 'a')));
  std::filesystem::create_symlink(folder_ + "/elsewhere", folder_ + "/feed.key");
  EXPECT_FALSE(feed_key(folder_).ok());
  EXPECT_FALSE(feed_key(folder_ + "/no-such-folder").ok());
}

}  // namespace
}  // namespace floof
