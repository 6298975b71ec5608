// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/login_daemon.h"

#include "base/json_view.h"

namespace floof::system {

std::optional<config::UserClass> Logins::find(const config::Tree& running, uint64_t generation,
                                              const std::string& user) {
  if (generation_ != generation) {
    generation_ = generation;
    classes_.clear();
    const config::Json config = running.for_features();
    for (const config::Json& entry : items(member(member(config, "system"), "login"), "user")) {
      if (const auto known = config::user_class(text_of(entry, "class"))) {
        classes_[text_of(entry, "name")] = *known;
      }
    }
  }
  const auto found = classes_.find(user);
  return found == classes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace floof::system
