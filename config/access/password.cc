// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/password.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>

namespace floof::config {

bool is_password_hash(std::string_view text) {
  constexpr std::array<std::string_view, 10> kMethods = {"$y$",  "$gy$", "$7$", "$2a$", "$2b$",
                                                         "$2y$", "$6$",  "$5$", "$1$",  "$sha1$"};
  constexpr size_t kShortest = 25;  // of a whole hash; a setting without its hash is shorter
  const auto method = std::find_if(kMethods.begin(), kMethods.end(), [&](auto m) { return text.starts_with(m); });
  return method != kMethods.end() && text.size() >= kShortest && text.size() < CRYPT_OUTPUT_SIZE &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; }) &&
         text.find_first_of(":;*!\\") == std::string_view::npos;
}

Result<std::string> password_hash(std::string_view password) {
  if (is_password_hash(password)) {
    return std::string(password);
  }
  if (password.empty() || password.size() >= CRYPT_MAX_PASSPHRASE_SIZE) {
    return Error{"", "a password has 1 to 511 bytes", ""};
  }
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const auto work = std::make_unique<crypt_data>();
  const std::string text(password);
  const char* hash = crypt_gensalt_rn("$y$", 0, nullptr, 0, setting, sizeof setting) == nullptr
                         ? nullptr
                         : crypt_rn(text.c_str(), setting, work.get(), sizeof *work);
  if (hash == nullptr || !is_password_hash(hash)) {
    return Error{"", "libcrypt could not hash the password", "give a hash that `mkpasswd -m yescrypt` has made"};
  }
  return std::string(hash);
}

}  // namespace floof::config
