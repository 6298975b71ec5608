// SPDX-License-Identifier: GPL-3.0-or-later
//
// The form of a text in BIRD 2's configuration language: statements and blocks, without what they mean. It is fuzzed,
// since `raw` texts are in it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace floof::bird {

/// "hold time 30;", or with a block "protocol bgp 'a' { ... }".
struct Statement {
  std::string text;              ///< without comments, ";" and the block; one blank wherever there were any
  std::vector<Statement> block;  ///< in order
  bool has_block = false;
  bool operator==(const Statement&) const = default;

  /// "bgp" is word 1 of "protocol bgp 'a'"; empty when there are fewer.
  std::string_view word(size_t number) const;
  bool starts_with(std::string_view start) const { return text.starts_with(start); }
};

/// Statements at the top of `text`. Anything is taken: what is not closed ends with the text, and what is nested more
/// than 64 deep is text of the statement around it. Pure.
std::vector<Statement> parse_blocks(std::string_view text);

/// Statements at the top of a user's text.
struct Piece {
  std::string text;
  size_t line = 1;  ///< that it begins in
  /// What others may use and BIRD wants to see before: constants, functions, filters, templates, tables, attributes and
  /// included files.
  bool defines = false;
};

/// `text` in as few pieces as there can be, comments with what follows them; together they are the text. One piece that
/// defines nothing when the text ends inside of a statement, a block or a quotation, or closes what it has not opened.
/// Pure.
std::vector<Piece> pieces_of(std::string_view text);
/// Whether whole statements are what `text` is. Pure.
bool is_whole(std::string_view text);

/// Calls `each` with every word of the statement and its block that could be a name, until it returns true. Pure.
bool any_name(const Statement& statement, const std::function<bool(std::string_view)>& each);

}  // namespace floof::bird
