// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/password.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include <memory>

namespace floof::config {
namespace {

bool fits(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();
  const char* again = crypt_rn(password.c_str(), hash.c_str(), work.get(), sizeof *work);
  return again != nullptr && hash == again;
}

TEST(Password, IsHashedOnce) {
  const std::string hash = *password_hash("correct horse");
  EXPECT_TRUE(hash.starts_with("$y$"));
  EXPECT_TRUE(is_password_hash(hash));
  EXPECT_TRUE(fits("correct horse", hash));
  EXPECT_FALSE(fits("correct horsf", hash));
  EXPECT_EQ(*password_hash(hash), hash);
  EXPECT_NE(*password_hash("correct horse"), hash) << "salted";
}

TEST(Password, HashesOfOtherKindsStay) {
  for (const char* known :
       {"$6$rounds=5000$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
        "jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$abcdefgh$yW4vq7AoVqmPbzCyqYNWH0"}) {
    EXPECT_EQ(*password_hash(known), known);
  }
}

TEST(Password, WhatOnlyLooksLikeAHashIsAPassword) {
  for (const char* plain : {"$y$", "$y$short", "$6$with blank and more than enough letters",
                            "$F1$AAAAAAAAAAAAAAAAAAAAAAAAAA", "y$j9T$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*0"}) {
    EXPECT_FALSE(is_password_hash(plain)) << plain;
    EXPECT_TRUE(fits(plain, *password_hash(plain))) << plain;
  }
  EXPECT_FALSE(password_hash(""));
  EXPECT_FALSE(password_hash(std::string(600, 'x')));
  EXPECT_EQ(password_hash(std::string(600, 'x')).error().text().find("xxx"), std::string::npos);
}

}  // namespace
}  // namespace floof::config
