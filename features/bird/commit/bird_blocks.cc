// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/commit/bird_blocks.h"

#include <algorithm>
#include <cctype>

namespace floof::bird {

namespace {

constexpr unsigned kDeepest = 64;

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Parser {
 public:
  explicit Parser(std::string_view in) : in_(in) {}

  std::vector<Statement> list(unsigned depth) {
    std::vector<Statement> out;
    bool more = true;
    while (more && at_ < in_.size()) {
      Statement one;
      const char end = head(one.text, depth);
      if (end == '{') {
        one.has_block = true;
        one.block = list(depth + 1);
      }
      broken_ = broken_ || (end == 0 && !one.text.empty()) || (end == '}' && depth == 0);
      const bool something = !one.text.empty() || one.has_block;
      if (depth == 0 && (something || ends_.empty())) {
        ends_.push_back(at_);
      } else if (depth == 0) {
        ends_.back() = at_;
      }
      if (something) {
        out.push_back(std::move(one));
      }
      more = end != '}' || depth == 0;
    }
    broken_ = broken_ || (depth > 0 && more);
    return out;
  }

  bool broken() const { return broken_; }
  /// Where each statement at the top ended, with the semicolon behind its block.
  const std::vector<size_t>& ends() const { return ends_; }

 private:
  /// Reads up to what ends a statement's text, which is returned: one of "{};", or 0 at the end.
  char head(std::string& text, unsigned depth) {
    unsigned nested = 0;  // in brackets, where semicolons and braces do not end anything
    while (at_ < in_.size()) {
      if (skip_blanks()) {
        text += text.empty() ? "" : " ";
        continue;
      }
      const char c = in_[at_];
      if (c == '"' || c == '\'') {
        quoted(text, c);
        continue;
      }
      at_++;
      const bool too_deep = depth >= kDeepest && (c == '{' || c == '}');
      if (c == '[' || c == '(' || (c == '{' && (nested > 0 || too_deep))) {
        nested++;
      } else if (nested > 0 && (c == ']' || c == ')' || c == '}')) {
        nested--;
      } else if (nested == 0 && (c == ';' || c == '{' || c == '}')) {
        trim(text);
        return c;
      }
      text += c;
    }
    trim(text);
    broken_ = broken_ || nested > 0;
    return 0;
  }

  void quoted(std::string& text, char quote) {
    size_t end = at_ + 1;
    while (end < in_.size() && in_[end] != quote && in_[end] != '\n') {
      end++;
    }
    broken_ = broken_ || end == in_.size() || in_[end] == '\n';
    end = std::min(end + 1, in_.size());
    text += in_.substr(at_, end - at_);
    at_ = end;
  }

  /// Blanks and comments.
  bool skip_blanks() {
    const size_t start = at_;
    for (size_t before = in_.size() + 1; at_ < in_.size() && before != at_;) {
      before = at_;
      while (at_ < in_.size() && is_blank(in_[at_])) {
        at_++;
      }
      if (in_.substr(at_).starts_with('#')) {
        at_ = std::min(in_.find('\n', at_), in_.size());
      } else if (in_.substr(at_).starts_with("/*")) {
        const size_t end = in_.find("*/", at_ + 2);
        broken_ = broken_ || end == std::string_view::npos;
        at_ = end == std::string_view::npos ? in_.size() : end + 2;
      }
    }
    return at_ != start;
  }

  static void trim(std::string& text) {
    while (!text.empty() && text.back() == ' ') {
      text.pop_back();
    }
  }

  std::string_view in_;
  size_t at_ = 0;
  bool broken_ = false;
  std::vector<size_t> ends_;
};

bool defines(const Statement& statement) {
  static constexpr std::string_view kWords[] = {"define", "function", "filter", "template", "attribute", "include"};
  const std::string_view first = statement.word(0), second = statement.word(1);
  return second == "table" || first == "table" ||
         std::find(std::begin(kWords), std::end(kWords), first) != std::end(kWords);
}

}  // namespace

std::string_view Statement::word(size_t number) const {
  std::string_view rest = text;
  for (; number > 0; number--) {
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    rest.remove_prefix(rest.empty() ? 0 : 1);
  }
  return rest.substr(0, rest.find(' '));
}

std::vector<Statement> parse_blocks(std::string_view text) { return Parser(text).list(0); }

bool is_whole(std::string_view text) {
  Parser parser(text);
  (void)parser.list(0);
  return !parser.broken();
}

std::vector<Piece> pieces_of(std::string_view text) {
  Parser parser(text);
  const auto statements = parser.list(0);
  // What is behind the last statement, a comment, goes with it.
  if (parser.broken() || statements.empty() || statements.size() != parser.ends().size()) {
    return {{std::string(text), 1, false}};
  }
  std::vector<Piece> out;
  size_t line = 1;
  for (size_t i = 0, at = 0; i < statements.size(); i++) {
    const size_t end = i + 1 == statements.size() ? text.size() : parser.ends()[i];
    const std::string_view one = text.substr(at, end - at);
    if (out.empty() || out.back().defines != defines(statements[i])) {
      out.push_back({"", line, defines(statements[i])});
    }
    out.back().text += one;
    line += static_cast<size_t>(std::count(one.begin(), one.end(), '\n'));
    at = end;
  }
  return out;
}

bool any_name(const Statement& statement, const std::function<bool(std::string_view)>& each) {
  const std::string_view text = statement.text;
  for (size_t at = 0; at < text.size();) {
    const char quote = text[at] == '"' || text[at] == '\'' ? text[at] : '\0';
    size_t end = at + 1;
    if (quote != '\0') {
      end = std::min(text.find(quote, at + 1), text.size());
      if (quote == '\'' && each(text.substr(at + 1, end - at - 1))) {
        return true;
      }
      end++;
    } else if (is_word(text[at])) {
      while (end < text.size() && is_word(text[end])) {
        end++;
      }
      if (each(text.substr(at, end - at))) {
        return true;
      }
    }
    at = end;
  }
  return std::any_of(statement.block.begin(), statement.block.end(),
                     [&](const Statement& inner) { return any_name(inner, each); });
}

}  // namespace floof::bird
