// SPDX-License-Identifier: GPL-3.0-or-later
//
// Splits what a person types into words. Words are separated by blanks; "..." keeps blanks together; a backslash takes
// the next character as it is and, inside quotes, also writes \n \r \t and \xNN; '|' outside quotes starts a pipe; a
// '#' that begins a word ends the line. Pure, any thread, any bytes; fuzzed (words_fuzz.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::shell {

struct Word {
  std::string text;
  size_t begin = 0;  ///< byte offset in the line, 0 based
  size_t end = 0;    ///< one past its last byte
  bool quoted = false;
};

/// A parsed line. With `error`, `words` holds what came before the fault.
struct Line {
  std::vector<Word> words;
  std::vector<std::vector<Word>> pipes;  ///< the words after each '|'
  std::optional<Error> error;            ///< its path is "column N", counted from 1
  size_t error_at = 0;                   ///< byte offset of the fault
  bool unfinished = false;               ///< only a closing quote is missing: more text can mend it
  bool in_word = false;                  ///< the text ends inside or right behind its last word
  bool in_quotes = false;                ///< the text ends inside quotes

  bool empty() const { return words.empty() && pipes.empty(); }
  /// The words of the last segment: those that the end of the text belongs to.
  const std::vector<Word>& last_segment() const { return pipes.empty() ? words : pipes.back(); }
};

Line parse_line(std::string_view text);

/// A line from program arguments, taken as they are; one that is exactly "|" starts a pipe, and one that reads as whole
/// pipes, such as "| json", is that.
Line line_of(const std::vector<std::string>& arguments);

/// The spelling that parse_line reads back as one word with exactly this text.
std::string quote(std::string_view value);

/// The words' texts, and the texts joined to what a person would have typed.
std::vector<std::string> texts_of(const std::vector<Word>& words);
std::string join(const std::vector<std::string>& words);

}  // namespace floof::shell
