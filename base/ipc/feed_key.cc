// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/feed_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"

namespace floof {

namespace {

constexpr size_t kKeyBytes = 16;

bool is_key(const std::string& text) {
  return text.size() == 2 * kKeyBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return isxdigit(c) != 0; });
}

/// A file with a new key under a name of its own; the name.
Result<std::string> write_new(const std::string& path) {
  std::array<unsigned char, kKeyBytes> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return errno_error(path, "asking for random numbers");
  }
  std::string text, name = path + ".XXXXXX";
  for (const unsigned char byte : bytes) {
    text += fmt::format("{:02x}", byte);
  }
  const UniqueFd file(mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (!file || !write_all(file.get(), text)) {
    return errno_error(path, "writing", "check the run directory and the space in it");
  }
  return name;
}

}  // namespace

Result<std::string> feed_key(const std::string& run_dir) {
  static const bool signs = can_sign();
  if (!signs) {
    return std::string();
  }
  const std::string path = run_dir + "/feed.key";
  for (int tries = 0; tries < 3; tries++) {
    if (auto key = read_file(path, O_NOFOLLOW)) {
      if (is_key(*key)) {
        return std::move(*key);
      }
      unlink(path.c_str());  // nobody could use it
    }
    const auto made = write_new(path);
    if (!made) {
      return made.error();
    }
    // Not renamed: of two who make one at the same time both get the first.
    const bool linked = link(made->c_str(), path.c_str()) == 0 || errno == EEXIST;
    const int error = errno;
    unlink(made->c_str());
    if (!linked) {
      errno = error;
      return errno_error(path, "making it", "check the run directory");
    }
  }
  return Error{path, "cannot be read", "remove it"};
}

Result<> sign_with(int fd, const void* address, unsigned size, const std::string& key) {
  tcp_md5sig wanted{};
  std::memcpy(&wanted.tcpm_addr, address, std::min<size_t>(size, sizeof wanted.tcpm_addr));
  wanted.tcpm_keylen = static_cast<uint16_t>(std::min<size_t>(key.size(), TCP_MD5SIG_MAXKEYLEN));
  std::memcpy(wanted.tcpm_key, key.data(), wanted.tcpm_keylen);
  return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &wanted, sizeof wanted) == 0
             ? Result<>()
             : Result<>(errno_error("TCP MD5", "signing a connection"));
}

bool can_sign() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in anybody{};
  anybody.sin_family = AF_INET;
  anybody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return fd && sign_with(fd.get(), &anybody, sizeof anybody, "x").ok();
}

}  // namespace floof
