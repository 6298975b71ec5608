// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace floof::config {
namespace {

class SecretsTest : public testing::Test {
 protected:
  SecretBox box() const {
    auto loaded = SecretBox::load(file_);
    EXPECT_TRUE(loaded) << loaded.error().text();
    return std::move(*loaded);
  }
  static mode_t mode(const std::string& file) {
    struct stat about {};
    EXPECT_EQ(stat(file.c_str(), &about), 0);
    return about.st_mode & 0777;
  }
  std::string content() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const TestFolder made_;
  const std::string folder_ = made_.path();
  const std::string file_ = folder_ + "/box.key";
};

TEST_F(SecretsTest, RoundTrip) {
  const SecretBox first = box();
  EXPECT_EQ(first.damage(), "");
  for (const std::string& clear :
       {std::string("swordfish"), std::string(), std::string("a\0b\n\xff", 5), std::string(70000, 'x')}) {
    const std::string sealed = first.seal(clear);
    EXPECT_TRUE(sealed.starts_with("$F1$"));
    EXPECT_EQ(sealed.find_first_not_of("$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    EXPECT_EQ(*first.open(sealed), clear);
    EXPECT_EQ(first.seal(clear), sealed) << "prints stay the same";
    EXPECT_EQ(*box().open(sealed), clear) << "after a restart";
  }
  EXPECT_NE(first.seal("swordfish"), first.seal("swordfisi"));
  const SecretBox copy = first;
  EXPECT_EQ(copy.seal("x"), first.seal("x"));
}

TEST_F(SecretsTest, ChangedTextIsRefused) {
  const SecretBox here = box();
  const std::string sealed = here.seal("swordfish");
  for (size_t i = 4; i < sealed.size(); i++) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = here.open(changed);
    ASSERT_FALSE(opened) << i;
    EXPECT_FALSE(opened.error().remedy.empty());
    EXPECT_EQ(opened.error().text().find("swordfish"), std::string::npos);
    EXPECT_FALSE(here.open(sealed.substr(0, i))) << i;
  }
  for (const char* nonsense : {"", "$F1$", "$F1$!!", "$F2$AAAA", "swordfish", "$F1$AAAA AAAA"}) {
    EXPECT_FALSE(here.open(nonsense)) << nonsense;
  }
  EXPECT_FALSE(here.open(sealed + "A"));
}

TEST_F(SecretsTest, AnotherRouterCannotReadThem) {
  const std::string sealed = box().seal("swordfish");
  std::filesystem::remove(file_);
  const auto opened = box().open(sealed);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "the text was encrypted with the key of another router");
}

TEST_F(SecretsTest, TheKeyIsItsOwnersOnly) {
  box();
  EXPECT_EQ(mode(file_), 0600U);
  ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
  box();
  EXPECT_EQ(mode(file_), 0600U) << "mended";
}

TEST_F(SecretsTest, ADamagedKeyIsSetAside) {
  const std::string sealed = box().seal("swordfish"), good = content();
  for (const std::string& bad : {std::string(), good.substr(0, 20), std::string(5000, 'x'), good + "x",
                                 good.substr(0, 25) + (good[25] == 'A' ? 'B' : 'A') + good.substr(26)}) {
    std::ofstream(file_) << bad;
    const SecretBox fresh = box();
    EXPECT_NE(fresh.damage().find("put a copy of the old file back"), std::string::npos);
    EXPECT_EQ(fresh.damage().find(good.substr(16, 20)), std::string::npos) << "the key is never printed";
    EXPECT_TRUE(std::filesystem::exists(file_ + ".damaged"));
    EXPECT_FALSE(fresh.open(sealed));
    EXPECT_EQ(*fresh.open(fresh.seal("new")), "new");
    EXPECT_EQ(box().damage(), "") << "told once";
  }
  std::ofstream(file_) << good;
  EXPECT_EQ(*box().open(sealed), "swordfish");
}

TEST_F(SecretsTest, WithoutAFolderThereIsAnError) {
  const auto nowhere = SecretBox::load(folder_ + "/none/box.key");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().text().find("box.key"), std::string::npos);
  std::filesystem::create_directory(file_);
  EXPECT_FALSE(SecretBox::load(file_)) << "a folder is no key";
}

}  // namespace
}  // namespace floof::config
