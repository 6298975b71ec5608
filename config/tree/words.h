// SPDX-License-Identifier: GPL-3.0-or-later
//
// Configuration text as words: splitting a line, quoting a word so that it splits back, natural order, the nearest
// spelling, and which bytes may be in a value at all. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::config {

/// Space that separates words.
inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

using Words = std::vector<std::string>;

/// Splits at blanks. "..." keeps blanks and knows \" \\ \n \r \t. A `#` that starts a word ends the line. The Error's
/// path is "column 7".
Result<Words> split_words(std::string_view line);

/// The word as it is written in a line: in quotes when it is empty or has anything but plain characters.
std::string quote_word(std::string_view word);
/// Quoted words with one blank between them.
std::string join_words(std::span<const std::string> words);

/// Orders as people count: e2 before e10, 10.0.0.2 before 10.0.0.10. A strict weak order; equal only when identical.
bool natural_less(std::string_view a, std::string_view b);

/// The one of `known` that `word` was probably meant to be; empty when none or several are near.
std::string nearest(std::string_view word, std::span<const std::string> known);
/// `did you mean "x"?`, or else a list of what is known, shortened; empty when nothing is known.
std::string suggest(std::string_view word, std::span<const std::string> known, std::string_view list_title);

/// UTF-8 without control characters other than tab, newline and carriage return (libyang 2 stores the rest, and then
/// cannot read its own file back). The error says which byte.
Result<> check_text(std::string_view text);

/// Where a byte of a text is, both counted from 1; columns in bytes.
struct Position {
  size_t line = 1, column = 1;
};
Position position_in(std::string_view text, size_t byte);
/// The first byte that check_text refuses, or text.size().
size_t bad_byte(std::string_view text);

}  // namespace floof::config
