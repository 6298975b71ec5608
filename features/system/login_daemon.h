// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/access/access.h"
#include "config/tree/tree.h"

namespace floof::system {

/// The classes that `system login user` gives, as far as they are in force. Loop thread.
class Logins {
 public:
  /// Class of a user in the running configuration, which has changed when `generation` has.
  std::optional<config::UserClass> find(const config::Tree& running, uint64_t generation, const std::string& user);

 private:
  std::map<std::string, config::UserClass> classes_;
  std::optional<uint64_t> generation_;
};

}  // namespace floof::system
