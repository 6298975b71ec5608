// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/file_choices.h"

#include <algorithm>
#include <filesystem>

namespace floof::shell {

std::vector<Choice> file_choices(const std::string& partial) {
  constexpr size_t kMost = 1000;
  const size_t slash = partial.rfind('/') + 1;  // 0: none
  const std::string folder = partial.substr(0, slash), begin = partial.substr(slash);
  std::vector<Choice> out;
  std::error_code wrong;
  for (std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, wrong), end;
       !wrong && entry != end && out.size() < kMost; entry.increment(wrong)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(begin) && (name[0] != '.' || begin.starts_with('.'))) {
      std::error_code ignored;
      const bool is_folder = entry->is_directory(ignored);
      out.push_back({folder + name + (is_folder ? "/" : ""), is_folder ? "Folder" : ""});
    }
  }
  std::sort(out.begin(), out.end(), [](const Choice& a, const Choice& b) { return a.word < b.word; });
  return out;
}

}  // namespace floof::shell
