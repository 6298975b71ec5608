// SPDX-License-Identifier: GPL-3.0-or-later
//
// A person's or a script's conversation with the router: two modes, lines in, text out. Start reading here; what a
// line means is in Registry, what a result looks like in the features' show commands. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/config_mode.h"
#include "shell/output.h"
#include "shell/pipes.h"
#include "shell/registry.h"
#include "shell/reply.h"
#include "shell/words.h"

namespace floof::shell {

class Session {
 public:
  enum class Kind {
    interactive,  ///< modes matter, a caret points at mistakes
    script        ///< one command or a file: set, commit ... work without `configure`
  };

  /// `operational` has the features' commands; the session adds its own.
  Session(Context& context, Terminal& terminal, Registry operational, Kind kind);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs one line. 0, or the exit status that it deserves. `prefix` stands before each error ("file:3: ").
  int run(const Line& line, std::string_view prefix = {});
  int run(std::string_view text, std::string_view prefix = {}) { return run(parse_line(text), prefix); }

  /// Reads a script: stops at the first line that fails, whose status it returns. A quote may span lines.
  int run_script(std::string_view text, const std::string& name);

  bool finished() const { return finished_; }
  bool configuring() const { return configuring_; }
  /// "user@host> " or "user@host# "; `banner` is the line above it: "[edit interface e0]", with a " *" behind it when
  /// there are uncommitted changes, and the commit that waits for its confirmation; without one empty in operational
  /// mode.
  std::string prompt() const;
  std::string banner() const;
  void set_changed(bool changed) { changed_ = changed; }
  /// The commit that waits for its confirmation, as floofd says it ("unconfirmed"): it stands in the banner.
  void set_waiting(const Json& waiting);
  /// As floofd says it; a name that is unknown here leaves all to floofd.
  void set_class(std::string_view name);
  void set_identity(std::string user, std::string host) { user_ = std::move(user), host_ = std::move(host); }
  /// Warns about uncommitted changes when the session ends in configuration mode, and about a commit that goes back.
  void leave();

  struct Completion : Completions {
    size_t begin = 0;     ///< byte offset in the text from which a choice replaces it
    std::string partial;  ///< what is typed of the word so far
  };
  /// What may stand at the end of `text`.
  Completion complete(std::string_view text);
  /// The list for '?', one choice a line with its help, made harmless and folded to screen_columns().
  static std::string choices_text(const Completion& completion, size_t most = 100);
  /// docs/reference/cli.md: every command of both modes with its arguments and options, and the pipes, as Markdown.
  std::string reference() const;

 private:
  struct Target {
    const Registry* registry;
    size_t skip;  // words that are no part of the command: "run"
  };
  Target target_of(const std::vector<std::string>& words) const;
  void add_own_commands();
  Reply configure(const std::string& mode);
  Reply leave_mode();
  void warn_of_waiting();
  Reply help(const Registry& registry) const;
  int report(const Reply& reply, const Pipes& pipes, Output& output, std::string_view prefix);
  void report_error(const Error& error, std::string_view prefix);
  void point_at(size_t column_in_line, std::string_view prefix);
  void point_at_word(const Line& line, size_t word, std::string_view prefix);
  void complete_pipe(const Line& line, Completion& out) const;

  Context& context_;
  Terminal& terminal_;
  Registry operational_;
  Registry configuration_;
  ConfigurationMode configuration_mode_;
  Kind kind_;
  bool configuring_ = false;
  std::string waiting_;    ///< what waits for its confirmation; empty: nothing
  bool changed_ = false;   ///< there are uncommitted changes, as far as we were told
  std::string edit_mode_;  ///< shared, private or exclusive while configuring
  bool finished_ = false;
  UserClass class_ = UserClass::super_user;
  std::string user_ = "floof";
  std::string host_ = "router";
};

}  // namespace floof::shell
