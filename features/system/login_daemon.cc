// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/login_daemon.h"

#include "base/json_view.h"

namespace floof::system {

std::optional<config::UserClass> login_class(const config::Json& config, std::string_view user) {
  for (const config::Json& entry : items(member(member(config, "system"), "login"), "user")) {
    if (text_of(entry, "name") == user) {
      return config::user_class(text_of(entry, "class"));
    }
  }
  return std::nullopt;
}

}  // namespace floof::system
