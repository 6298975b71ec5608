// SPDX-License-Identifier: GPL-3.0-or-later
//
// Curly text, and the patches that `compare` prints.
#include <fmt/format.h>

#include <algorithm>

#include "config/load/loader.h"

namespace floof::config {

namespace {

/// Makes statements of words, braces and semicolons. A /* comment */ belongs to the statement that begins behind it;
/// others, and those that begin with #, are nothing.
class CurlyReader {
 public:
  CurlyReader(std::string_view text, size_t line) : text_(text), line_(line) {}

  Result<std::vector<Statement>> run() {
    while (!wrong_ && skip_blanks()) {
      take(text_[at_]);
    }
    if (!wrong_ && (!open_.words.empty() || stack_.size() > 1)) {
      fail(open_.words.empty() ? "a } is missing at the end" : "the last statement has no ;");
    }
    return wrong_ ? Result<std::vector<Statement>>(*wrong_) : std::move(stack_[0].below);
  }

 private:
  void fail(std::string reason, std::string remedy = {}) {
    const size_t column = at_ - line_start_ + 1;
    wrong_ = Error{fmt::format("line {}, column {}", line_, column), std::move(reason), std::move(remedy)};
  }

  void take(char c) {
    if (c == '{') {
      open();
    } else if (c == '}') {
      close();
    } else if (c == ';') {
      at_++;
      if (!open_.words.empty()) {
        stack_.back().below.push_back(std::move(open_));
      }
      open_ = {};
    } else {
      word();
    }
  }

  void open() {
    if (open_.words.empty()) {
      return fail("a { follows nothing", "write what it opens before it");
    }
    if (stack_.size() >= kDeepest) {
      return fail("nested too deeply");
    }
    at_++;
    open_.block = true;
    stack_.push_back(std::move(open_));
    open_ = {};
  }

  void close() {
    if (!open_.words.empty() || stack_.size() == 1) {
      return fail(open_.words.empty() ? "a } closes nothing" : "a ; is missing before }");
    }
    at_++;
    open_ = {};
    Statement done = std::move(stack_.back());
    stack_.pop_back();
    stack_.back().below.push_back(std::move(done));
  }

  bool skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        if (!comment()) {
          return false;
        }
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        newline(at_);
        at_++;
      } else {
        return true;
      }
    }
    return false;
  }

  bool comment() {
    const size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) {
      fail("a comment does not end", "add the closing */");
      return false;
    }
    if (open_.words.empty()) {
      std::string& text = open_.tags.comment;
      text += text.empty() ? "" : " ";
      text += text_.substr(at_ + 2, end - at_ - 2);
    }
    for (; at_ < end + 2; at_++) {
      newline(at_);
    }
    return true;
  }

  void newline(size_t at) {
    if (text_[at] == '\n') {
      line_++;
      line_start_ = at + 1;
    }
  }

  /// "inactive:" and the like before a statement.
  bool tag(std::string_view word) {
    Tags& tags = open_.tags;
    if (!open_.words.empty()) {
      return false;
    }
    bool* known = word == "inactive:"  ? &tags.inactive
                  : word == "active:"  ? &tags.active
                  : word == "replace:" ? &tags.replace
                  : word == "delete:"  ? &tags.remove
                                       : nullptr;
    if (known != nullptr) {
      *known = true;
    }
    return known != nullptr;
  }

  void word() {
    const size_t start = at_, first_line = line_;
    size_t end = at_;
    if (text_[at_] == '"') {
      for (end++; end < text_.size() && text_[end] != '"'; end++) {
        end += text_[end] == '\\' ? 1 : 0;
      }
      end = std::min(end + 1, text_.size());
    } else {
      while (end < text_.size() && std::string_view(" \t\r\n;{}\"").find(text_[end]) == std::string_view::npos &&
             text_.substr(end, 2) != "/*") {
        end++;
      }
    }
    auto words = split_words(text_.substr(start, end - start));
    if (!words || words->size() != 1) {
      return fail(words ? "a word is missing" : words.error().reason, words ? "" : words.error().remedy);
    }
    for (; at_ < end; at_++) {
      newline(at_);
    }
    const bool quoted = text_[start] == '"';
    if (!quoted && tag(words->front())) {
      return;
    }
    open_.line = open_.words.empty() ? first_line : open_.line;
    open_.words.push_back(std::move(words->front()));
  }

  std::string_view text_;
  size_t at_ = 0, line_, line_start_ = 0;
  std::optional<Error> wrong_;
  Statement open_;                                            ///< whose words are being read
  std::vector<Statement> stack_ = std::vector<Statement>(1);  ///< whose braces are open; the first is all of it
};

void apply(Loader& loader, const std::vector<Statement>& statements, const Words& above) {
  for (const Statement& statement : statements) {
    if (loader.full()) {
      return;
    }
    Words words = above;
    words.insert(words.end(), statement.words.begin(), statement.words.end());
    if (!loader.prepare(statement.line, words, statement.tags)) {
      continue;
    }
    bool set = true;
    if (statement.block) {
      const auto path = parse_path(loader.schema(), words, PathMode::any);
      if (!path || !is_container(path->back().node)) {
        set = loader.set(statement.line, words);  // also an entry that has nothing else
      }
    } else {
      set = loader.set(statement.line, words);
    }
    if (set) {
      apply(loader, statement.below, words);
      loader.finish(statement.line, words, statement.tags);
    }
  }
}

/// One "[edit ...]" of a patch, and lines with the same mark under it.
struct Hunk {
  Words path;
  size_t line = 0;  ///< of the first line of `text`
  char mark = ' ';
  std::string text;
};

class Patcher {
 public:
  explicit Patcher(Loader& loader) : loader_(loader) {}

  void run(std::string_view text) {
    size_t line = 0;
    for (size_t at = 0; at < text.size() && !loader_.full();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      read(text.substr(at, end - at), ++line);
      at = end + 1;
    }
    flush();
    loader_.drop_empty();
  }

 private:
  void read(std::string_view text, size_t line) {
    if (text.starts_with("[edit")) {
      flush();
      const size_t close = text.rfind(']');
      auto words = split_words(text.substr(5, close == std::string_view::npos ? 0 : close - 5));
      if (close == std::string_view::npos || !words) {
        return loader_.fail(line, {"", "a heading is [edit PATH]", ""});
      }
      path_ = std::move(*words);
      headed_ = true;
      return;
    }
    const char mark = text.empty() ? ' ' : text[0];
    if (text.find_first_not_of(" \t\r") == std::string_view::npos || mark == ' ' || mark == '#') {
      return flush();  // context
    }
    if (!headed_ || (mark != '+' && mark != '-' && mark != '!')) {
      return loader_.fail(line, {"", headed_ ? "a line of a patch starts with +, - or !" : "a patch starts with [edit]",
                                 "load what compare prints"});
    }
    if (hunk_.mark != mark) {
      flush();
      hunk_ = {path_, line, mark, {}};
    }
    hunk_.text += ' ';
    hunk_.text += text.substr(1);
    hunk_.text += '\n';
  }

  void flush() {
    const Hunk hunk = std::exchange(hunk_, {});
    if (hunk.text.empty()) {
      return;
    }
    const auto statements = read_curly(hunk.text, hunk.line);
    if (!statements) {
      return loader_.fail(0, statements.error());
    }
    if (hunk.mark == '+') {
      apply(loader_, *statements, hunk.path);
    } else if (hunk.mark == '-') {
      remove(*statements, hunk.path);
    } else {
      for (const Statement& statement : *statements) {
        note(statement, hunk.path);
      }
    }
  }

  /// Each leaf that a "-" line names goes; a block must then be empty, or somebody added to it meanwhile.
  void remove(const std::vector<Statement>& statements, const Words& above) {
    for (const Statement& statement : statements) {
      Words words = above;
      words.insert(words.end(), statement.words.begin(), statement.words.end());
      if (!statement.block) {
        loader_.remove(statement.line, words);
        continue;
      }
      const bool failed = loader_.failed();
      remove(statement.below, words);
      const auto path = parse_path(loader_.schema(), words, PathMode::any);
      const Item* rest = path ? loader_.tree().find(*path) : nullptr;
      if (rest == nullptr || rest->children.empty()) {
        loader_.remove(statement.line, words);  // or says why not
      } else if (failed == loader_.failed()) {
        loader_.fail(statement.line,
                     {join_words(words), "has more than the patch removes", "bring the patch up to date"});
      }
    }
  }

  /// "! inactive: x;", "! active: x;", "! /* text */ x;"
  void note(const Statement& statement, const Words& above) {
    Words words = {"annotate"};
    words.insert(words.end(), above.begin(), above.end());
    words.insert(words.end(), statement.words.begin(), statement.words.end());
    const auto path = parse_path(loader_.schema(), std::span(words).subspan(1), PathMode::any);
    if (path) {  // without the value of a leaf, but it must have that one
      if (loader_.tree().find(*path) == nullptr) {
        return loader_.fail(statement.line, {join_words(words_of(*path)), "is not there with this value", ""});
      }
      words = words_of(*path);
      words.insert(words.begin(), "annotate");
    }
    if (statement.tags.inactive || statement.tags.active) {
      words[0] = statement.tags.inactive ? "deactivate" : "activate";
    } else {
      words.push_back(statement.tags.comment);
    }
    loader_.edit(statement.line, words);
  }

  Loader& loader_;
  Words path_;
  bool headed_ = false;
  Hunk hunk_;
};

}  // namespace

Result<std::vector<Statement>> read_curly(std::string_view text, size_t line) { return CurlyReader(text, line).run(); }

void load_curly(Loader& loader, std::string_view text) {
  const auto statements = read_curly(text);
  if (!statements) {
    return loader.fail(0, statements.error());
  }
  apply(loader, *statements, {});
}

void load_patch(Loader& loader, std::string_view text) { Patcher(loader).run(text); }

}  // namespace floof::config
