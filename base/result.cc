// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/result.h"

#include <cerrno>
#include <string_view>
#include <system_error>

namespace floof {

std::string Error::text() const {
  std::string out;
  if (!path.empty()) {
    out += path + ": ";
  }
  out += reason;
  if (!remedy.empty()) {
    out += "; " + remedy;
  }
  return out;
}

Error errno_error(std::string path, std::string_view doing, std::string remedy) {
  const int code = errno;
  std::string reason(doing);
  reason += ": " + std::generic_category().message(code);
  return Error{std::move(path), std::move(reason), std::move(remedy)};
}

}  // namespace floof
