// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shell/reply.h"
#include "shell/words.h"

namespace floof::shell {

/// One `| ...` behind a command.
struct Pipe {
  enum class Kind { match, except, count, last, no_more };
  Kind kind = Kind::no_more;
  std::string pattern;  ///< match, except: POSIX extended regular expression, case ignored
  size_t lines = 0;     ///< last
};

/// All pipes of a line. A word that changes the form of the result (json, display, compare) may only come first.
struct Pipes {
  Format format = Format::text;
  size_t compare_to = 0;       ///< compare: rollback number
  bool compare_given = false;  ///< compare: a number was given
  std::vector<Pipe> filters;
  std::string save_to;  ///< file for the result; empty: it is shown

  bool paged() const;
  /// The result is for a filter or a file, not made for a screen: each thing is one line with all that is known.
  bool whole_lines() const;
  /// Some pipe wants the whole text before anything is shown.
  bool takes_text() const;
};

/// The words of a pipe with their help, for completion.
struct PipeHelp {
  std::string_view word;
  std::string_view help;
};
const std::vector<PipeHelp>& pipe_words();

/// What `| display` takes.
const std::map<std::string, Format>& display_forms();

/// Errors name the pipe and list what is possible. Words may be abbreviated when unique. Any thread.
Result<Pipes> parse_pipes(const std::vector<std::vector<Word>>& pipes);

/// The filters of a line, run over text that comes piece by piece. One thread.
class Filter {
 public:
  explicit Filter(const Pipes& pipes);
  ~Filter();
  Filter(Filter&&) noexcept;
  /// What comes out of these whole lines so far.
  std::string feed(std::string text);
  /// What comes out at the end.
  std::string end();

 private:
  struct Stage;
  std::vector<Stage> stages_;
};
/// Runs them over the whole text. Any thread.
std::string filter(std::string text, const Pipes& pipes);

}  // namespace floof::shell
