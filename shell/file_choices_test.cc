// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/file_choices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/test_folder.h"

namespace floof::shell {
namespace {

TEST(FileChoices, WhatBeginsSo) {
  const TestFolder made;
  const std::string here = made.path();
  for (const char* name : {"/b.conf", "/a.conf", "/.hidden"}) {
    std::ofstream(here + name) << "x";
  }
  mkdir((here + "/archive").c_str(), 0700);
  const auto words = [](const std::string& partial) {
    std::string out;
    for (const Choice& choice : file_choices(partial)) {
      out += choice.word.substr(choice.word.rfind('/', choice.word.size() - 2) + 1) + " ";
    }
    return out;
  };
  EXPECT_EQ(words(here + "/"), "a.conf archive/ b.conf ");
  EXPECT_EQ(words(here + "/a"), "a.conf archive/ ");
  EXPECT_EQ(words(here + "/."), ".hidden ");
  EXPECT_EQ(words(here + "/archive/"), "");
  EXPECT_EQ(words(here + "/nowhere/x"), "");
  EXPECT_EQ(file_choices(here)[0].word, here + "/");
}

}  // namespace
}  // namespace floof::shell
