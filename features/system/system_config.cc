// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <pwd.h>

#include "base/json_view.h"
#include "config/feature.h"

namespace floof::system {

namespace {

using config::Json;

bool has_account(const std::string& name) {
  passwd entry{};
  std::vector<char> buffer(16384);
  passwd* found = nullptr;
  return getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found != nullptr;
}

std::vector<std::string> warnings(const Json& config) {
  std::vector<std::string> out;
  for (const Json& user : items(member(member(config, "system"), "login"), "user")) {
    const std::string name = text_of(user, "name");
    if (name == "root") {
      out.push_back("system login user root: root is a super-user whatever its class says");
    } else if (!has_account(name)) {
      out.push_back(
          fmt::format("system login user {}: this machine has no such account yet ('adduser {}')", name, name));
    }
  }
  return out;
}

}  // namespace

const config::Feature& config_feature() {
  static const config::Feature feature{.name = "system", .warnings = warnings};
  return feature;
}

}  // namespace floof::system
