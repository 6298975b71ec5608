// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the readers of the four text forms (load*.cc) share. All of them end as words that Tree judges, so one set of
// rules and messages serves every form. Only for config/'s own files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/tree/tree.h"

namespace floof::config {

/// A text nests less deeply than this: the schema does too, and readers need no more stack.
inline constexpr size_t kDeepest = 64;
/// Lines of set and curly text are shorter than this.
inline constexpr size_t kLongestLine = 1 << 20;

/// A node's tags and comment, as every form has them.
struct Tags {
  std::string comment;
  bool inactive = false, active = false, replace = false, remove = false;
};

/// The tree that is being loaded, and what was wrong on the way.
class Loader {
 public:
  Loader(const Tree& base, LoadMode mode);

  /// Tree::set with the secrets of the tree before the load at hand. False when it did not work.
  bool set(size_t line, std::span<const std::string> words);
  bool remove(size_t line, std::span<const std::string> words);
  bool edit(size_t line, std::span<const std::string> words);
  /// Like `set`, for words that may be several statements in one sentence.
  bool set_sentence(size_t line, std::span<const std::string> words);
  void drop_empty() { out_.tree.drop_empty(); }
  /// Everything goes.
  void clear() { out_.tree = Tree(out_.tree.shared_schema()); }
  /// Before a node is set: drops the old one when `replace` counts, or the node itself when `remove` says so; then
  /// there is nothing more to do, and this is false.
  bool prepare(size_t line, std::span<const std::string> words, const Tags& tags);
  /// After it was set: comment and activity.
  void finish(size_t line, std::span<const std::string> words, const Tags& tags);

  void fail(size_t line, Error error);
  void fail(Position where, std::string reason, std::string remedy = {});

  /// Enough errors were found.
  bool full() const;
  bool failed() const { return !out_.errors.empty(); }
  LoadMode mode() const { return mode_; }
  const Tree& tree() const { return out_.tree; }
  const Schema& schema() const { return out_.tree.schema(); }
  void note(std::string text) { out_.notes.push_back(std::move(text)); }
  Loaded take() { return std::move(out_); }

 private:
  bool keep(size_t line, Result<Notes> done);

  Tree before_;
  LoadMode mode_;
  Loaded out_;
};

/// A statement of a curly text.
struct Statement {
  Words words;
  size_t line = 0;
  Tags tags;
  bool block = false;  ///< it has braces
  std::vector<Statement> below;
};
/// Reads statements, for `line` as the number of the first line. An Error's path names line and column.
Result<std::vector<Statement>> read_curly(std::string_view text, size_t line = 1);

void load_curly(Loader& loader, std::string_view text);
void load_json_text(Loader& loader, std::string_view text);
void load_xml(Loader& loader, std::string_view text);
void load_patch(Loader& loader, std::string_view text);

}  // namespace floof::config
