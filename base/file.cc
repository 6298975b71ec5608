// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/fd.h"

namespace floof {

std::optional<std::string> read_file(const std::string& path, int flags) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!file) {
    return std::nullopt;
  }
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t got = read(file.get(), buffer, sizeof buffer);
    if (got > 0) {
      out.append(buffer, static_cast<size_t>(got));
    } else if (got == 0) {
      return out;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(put, 0)));
  }
  return true;
}

bool is_not_older(const std::string& file, const std::string& than) {
  struct stat one {
  }, other{};
  return stat(file.c_str(), &one) == 0 && stat(than.c_str(), &other) == 0 &&
         std::pair(one.st_mtim.tv_sec, one.st_mtim.tv_nsec) >= std::pair(other.st_mtim.tv_sec, other.st_mtim.tv_nsec);
}

Result<> replace_file(const std::string& path, std::string_view text, const Replacing& how) {
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  const UniqueFd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  bool good = file && write_all(file.get(), text);
  if (good && how.modified) {
    const timespec times[2] = {{*how.modified, 0}, {*how.modified, 0}};
    good = futimens(file.get(), times) == 0;
  }
  good = good && (!how.durable || fsync(file.get()) == 0) && rename(fresh.c_str(), path.c_str()) == 0;
  if (!good) {
    const Error error = errno_error(path, how.doing, std::string(how.remedy));
    unlink(fresh.c_str());
    return error;
  }
  return {};
}

}  // namespace floof
