// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/words.h"

#include <fmt/format.h>

#include "shell/pipes.h"

namespace floof::shell {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Line run() {
    skip_blanks();
    while (at_ < text_.size() && text_[at_] != '#' && !line_.error) {
      if (text_[at_] == '|') {
        line_.pipes.emplace_back();
        at_++;
      } else {
        scan_word();
      }
      skip_blanks();
    }
    return std::move(line_);
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) {
      at_++;
    }
  }

  void fail(size_t at, std::string reason, std::string remedy) {
    line_.error = Error{fmt::format("column {}", at + 1), std::move(reason), std::move(remedy)};
    line_.error_at = at;
  }

  /// One escape inside quotes, `at_` behind the backslash.
  void scan_escape() {
    const char c = text_[at_];
    if (c == 'n' || c == 'r' || c == 't') {
      word_.text += c == 'n' ? '\n' : c == 'r' ? '\r' : '\t';
      at_++;
    } else if (c == '"' || c == '\\') {
      word_.text += c;
      at_++;
    } else if (c == 'x' && at_ + 2 < text_.size() && hex_digit(text_[at_ + 1]) >= 0 && hex_digit(text_[at_ + 2]) >= 0) {
      word_.text += static_cast<char>(hex_digit(text_[at_ + 1]) * 16 + hex_digit(text_[at_ + 2]));
      at_ += 3;
    } else {
      fail(at_ - 1, "unknown escape behind a backslash", "inside quotes write \\\\ \\\" \\n \\r \\t or \\xNN");
    }
  }

  void scan_quoted() {
    const size_t open = at_++;
    word_.quoted = true;
    while (at_ < text_.size() && !line_.error) {
      const char c = text_[at_++];
      if (c == '"') {
        return;
      }
      if (c != '\\') {
        word_.text += c;
      } else if (at_ < text_.size()) {
        scan_escape();
      }
    }
    if (!line_.error) {
      line_.unfinished = line_.in_quotes = true;
      fail(open, "this quote is never closed", "add a closing \"");
    }
  }

  void scan_word() {
    word_ = Word{.begin = at_};
    while (at_ < text_.size() && !line_.error && !is_blank(text_[at_]) && text_[at_] != '|') {
      if (text_[at_] == '"') {
        scan_quoted();
      } else if (text_[at_] == '\\') {
        if (++at_ == text_.size()) {
          fail(at_ - 1, "nothing follows this backslash", "write \\\\ for a backslash");
          break;
        }
        word_.quoted = true;
        word_.text += text_[at_++];
      } else {
        word_.text += text_[at_++];
      }
    }
    word_.end = at_;
    // An open quote still gives its word, so that completion knows what is being typed.
    if (!line_.error || line_.unfinished) {
      (line_.pipes.empty() ? line_.words : line_.pipes.back()).push_back(std::move(word_));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  Word word_;
  Line line_;
};

}  // namespace

Line parse_line(std::string_view text) {
  Line line = Scanner(text).run();
  const std::vector<Word>& last = line.last_segment();
  line.in_word = line.in_quotes || (!last.empty() && last.back().end == text.size());
  return line;
}

Line line_of(const std::vector<std::string>& arguments) {
  Line line;
  size_t column = 0;
  for (const std::string& argument : arguments) {
    const Line piped = argument.starts_with('|') ? parse_line(argument) : Line();
    if (argument == "|") {
      line.pipes.emplace_back();
    } else if (piped.words.empty() && !piped.pipes.empty() && !piped.error && parse_pipes(piped.pipes).ok()) {
      line.pipes.insert(line.pipes.end(), piped.pipes.begin(), piped.pipes.end());
    } else {
      Word word{.text = argument, .begin = column, .end = column + argument.size(), .quoted = false};
      (line.pipes.empty() ? line.words : line.pipes.back()).push_back(std::move(word));
    }
    column += argument.size() + 1;
  }
  return line;
}

std::string quote(std::string_view value) {
  bool plain = !value.empty() && value.front() != '#';
  for (const char c : value) {
    plain = plain && static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '"' && c != '\\' && c != '|';
  }
  if (plain) {
    return std::string(value);
  }
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::vector<std::string> texts_of(const std::vector<Word>& words) {
  std::vector<std::string> out;
  out.reserve(words.size());
  for (const Word& word : words) {
    out.push_back(word.text);
  }
  return out;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) {
      out += ' ';
    }
    out += quote(word);
  }
  return out;
}

}  // namespace floof::shell
