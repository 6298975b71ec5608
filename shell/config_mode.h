// SPDX-License-Identifier: GPL-3.0-or-later
//
// The commands that change configuration, the same for every feature: what may be configured is known to the daemon
// alone. Which candidate is meant, the daemon knows (config/editors.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shell/registry.h"
#include "shell/reply.h"

namespace floof::shell {

/// Where in the tree `edit` has gone. One thread.
class ConfigurationMode {
 public:
  explicit ConfigurationMode(std::vector<ForeignForm> foreign = {}) : foreign_(std::move(foreign)) {}

  /// Registers set, delete, show, compare, commit, rollback, discard, load, save, edit, up and top. `this` must outlive
  /// it.
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
  Argument path_argument(std::string help, std::string_view mode) const;
  void point_at_mistake(Reply& reply, const std::vector<std::string>& line) const;
  Reply go_to(Context& context, const std::vector<std::string>& words);
  Reply edit(Context& context, std::string_view operation, const std::vector<std::string>& words) const;
  Reply show(Context& context, const Invocation& invocation) const;
  void add_edit_commands(Registry& registry);
  void add_move_commands(Registry& registry);
  void add_load_commands(Registry& registry);
  Reply save(Context& context, const Invocation& words) const;

  void add_foreign(Registry& registry, const ForeignForm& form) const;

  std::vector<std::string> level_;
  std::vector<ForeignForm> foreign_;
};

/// Configuration text of `which` ("running" or "candidate") below `path` in the form that the pipes ask for.
Reply show_configuration(Context& context, std::string_view which, const std::vector<std::string>& path, Format format);
/// What the daemon offers behind `words`; mode is "edit", "show" or a verb such as "set".
Completions complete_configuration(Context& context, std::string_view mode, const std::vector<std::string>& words,
                                   const std::string& partial);
/// The difference from what runs, or from history entry `from`, to the candidate, or to history entry `with`.
Reply compare(Context& context, std::optional<size_t> from, std::optional<size_t> with = {});
/// The answer's errors or warnings, with `text` when it is fine.
Reply reply_of(const Answer& answer, std::string text = {});
/// Publishing may restart daemons and wait for BIRD.
inline constexpr std::chrono::minutes kCommitLimit{5};
/// What commits there were, for completion.
std::vector<Choice> history_choices(Context& context, const std::vector<std::string>&, const std::string&);
/// commit, its kinds, rollback, compare, discard, update and rescue: for every configuration mode.
void add_commit_commands(Registry& registry);

}  // namespace floof::shell
