// SPDX-License-Identifier: GPL-3.0-or-later
//
// The commands that change configuration, the same for every feature: what may be configured is known to the daemon
// alone. One candidate is shared by all sessions.
#pragma once

#include <string>
#include <vector>

#include "shell/registry.h"
#include "shell/reply.h"

namespace floof::shell {

/// Where in the tree `edit` has gone. One thread.
class ConfigurationMode {
 public:
  /// Registers set, delete, show, compare, commit, rollback, discard, load, edit, up and top. `this` must outlive it.
  void add_commands(Registry& registry);

  const std::vector<std::string>& level() const { return level_; }
  /// "[edit interface e0]"
  std::string banner() const;
  void up();
  void top() { level_.clear(); }

  /// Whether the candidate differs from what runs.
  static bool changed(Context& context);

 private:
  std::vector<std::string> here(const std::vector<std::string>& words) const;
  std::vector<Choice> complete(Context& context, std::string_view mode, const std::vector<std::string>& words,
                               const std::string& partial) const;
  Reply edit(Context& context, std::string_view operation, const std::vector<std::string>& words) const;
  Reply show(Context& context, const Invocation& invocation) const;
  void add_edit_commands(Registry& registry);
  void add_move_commands(Registry& registry);
  void add_commit_commands(Registry& registry);
  void add_load_commands(Registry& registry);

  std::vector<std::string> level_;
};

/// Configuration text of `which` ("running" or "candidate") below `path` in the form that the pipes ask for.
Reply show_configuration(Context& context, std::string_view which, const std::vector<std::string>& path, Format format);
/// The choices that the daemon offers behind `words`; mode is "set", "delete" or "show".
std::vector<Choice> complete_configuration(Context& context, std::string_view mode,
                                           const std::vector<std::string>& words, const std::string& partial);
/// The difference to what runs, or to history entry `to`.
Reply compare(Context& context, std::optional<size_t> to);

}  // namespace floof::shell
