// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/outside/outside_cache_daemon.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace floof::outside {
namespace {

class OutsideCache : public testing::Test {
 protected:
  void SetUp() override { EXPECT_TRUE(load().empty()); }
  std::vector<CachedItem> load() { return load_cache(folder_, complaints_, {}); }
  std::string only_file() { return std::filesystem::directory_iterator(folder_)->path(); }

  CachedItem item_{
      {ItemKind::as_set, "RIPE::AS-FOO"}, *as_set_data({*parse_prefix("192.0.2.0/24")}, {}, {1}), 1'700'000'000, "rr"};
  const TestFolder made_;
  const std::string folder_ = made_.path() + "/cache";
  std::vector<std::string> complaints_;
};

TEST_F(OutsideCache, KeepsItemsWithTheirAge) {
  ASSERT_TRUE(write_cached(folder_, item_).ok());
  struct stat about {};
  ASSERT_EQ(stat(only_file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  auto found = load();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, item_.key);
  EXPECT_EQ(found[0].fetched, item_.fetched);
  EXPECT_EQ(found[0].source, "rr");
  EXPECT_EQ(difference(ItemKind::as_set, item_.data.get(), *found[0].data), "");
  touch_cached(folder_, item_.key, 1'700'000'060);
  EXPECT_EQ(load()[0].fetched, 1'700'000'060);
  remove_cached(folder_, item_.key);
  EXPECT_TRUE(load().empty());
  EXPECT_TRUE(complaints_.empty());
}

TEST_F(OutsideCache, DamagedFilesAreNotUsed) {
  ASSERT_TRUE(write_cached(folder_, item_).ok());
  std::ifstream in(only_file());
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  for (size_t at = 0; at < whole.size(); at++) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const std::string path = [&] {
      EXPECT_TRUE(write_cached(folder_, item_).ok());
      return only_file();
    }();
    std::ofstream(path, std::ios::trunc) << damaged;
    complaints_.clear();
    for (const CachedItem& found : load()) {
      EXPECT_EQ(found.key, item_.key) << at;
      EXPECT_EQ(difference(ItemKind::as_set, item_.data.get(), *found.data), "") << at;
    }
  }
  std::ofstream(folder_ + "/as-set-x.new") << "left over";
  std::ofstream(folder_ + "/as-set-x") << "";
  complaints_.clear();
  load();
  EXPECT_EQ(complaints_.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/as-set-x.new"));
}

}  // namespace
}  // namespace floof::outside
