// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_blocks.h"

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
    for (bool more = true; more && at_ < in_.size();) {
      Statement one;
      const char end = head(one.text, depth);
      if (end == '{') {
        one.has_block = true;
        one.block = list(depth + 1);
      }
      if (!one.text.empty() || one.has_block) {
        out.push_back(std::move(one));
      }
      more = end != '}' || depth == 0;
    }
    return out;
  }

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
    return 0;
  }

  void quoted(std::string& text, char quote) {
    size_t end = at_ + 1;
    while (end < in_.size() && in_[end] != quote && in_[end] != '\n') {
      end++;
    }
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
};

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
