// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

namespace floof {

/// A folder of a unit test or a fuzz target, which goes away with all that is in it. Nobody can guess its name.
class TestFolder {
 public:
  TestFolder() {
    if (mkdtemp(name_) == nullptr) {
      std::perror(name_);
      abort();
    }
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(name_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string path() const { return name_; }

 private:
  char name_[sizeof "/tmp/floof-test-XXXXXX"] = "/tmp/floof-test-XXXXXX";
};

}  // namespace floof
