// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace floof {

/// The whole content of a file; nothing when it cannot be opened or read. `flags` are added to those of open(2), such
/// as O_NOFOLLOW. Any thread.
std::optional<std::string> read_file(const std::string& path, int flags = 0);

/// Writes all of it to a descriptor that blocks; false with errno, when only a part could be written. Any thread.
bool write_all(int fd, std::string_view text);

/// Whether `file` is there and was written not before `than`, by their times of modification. Any thread.
bool is_not_older(const std::string& file, const std::string& than);

struct Replacing {
  std::string_view doing = "writing";  ///< for the Error
  std::string_view remedy = "check the space on the disk";
  bool durable = false;                  ///< it is on the disk before it has its name: a power cut leaves old or new
  std::optional<int64_t> modified = {};  ///< its time of modification, in seconds since 1970
};
/// Puts a new file with that text, mode 0600, in the place of `path`, so that nobody ever sees a half one. On an Error,
/// with `path`, the old one stays and nothing else does. The folder is not synced. Any thread.
Result<> replace_file(const std::string& path, std::string_view text, const Replacing& how = {});

}  // namespace floof
