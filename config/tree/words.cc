// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/digits.h"

namespace floof::config {

namespace {

char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

std::string column(size_t at) { return fmt::format("column {}", at + 1); }

/// Reads a quoted word whose opening quote is at `at`; moves `at` behind the closing one.
Result<std::string> quoted(std::string_view line, size_t& at) {
  std::string out;
  const size_t start = at;
  for (at++; at < line.size(); at++) {
    if (line[at] == '"') {
      at++;
      return out;
    }
    if (line[at] == '\\' && at + 1 < line.size()) {
      const char c = line[++at];
      if (std::string_view("\"\\nrt").find(c) == std::string_view::npos) {
        return Error{column(at), fmt::format("unknown escape \\{} in a quoted word", c), R"(write \" \\ \n \r or \t)"};
      }
      out += unescape(c);
    } else {
      out += line[at];
    }
  }
  return Error{column(start), "a quoted word does not end", "add the closing \""};
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// Length of the UTF-8 sequence at `at`, 0 when it is malformed (RFC 3629: no overlong forms, no surrogates).
size_t sequence(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(at + i < text.size() ? text[at + i] : 0); };
  const auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return tail(1) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    const bool nonchar = first == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe;  // U+FFFE, U+FFFF
    return tail(1) && tail(2) && !overlong && !surrogate && !nonchar ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool out_of_range = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
    return tail(1) && tail(2) && tail(3) && !out_of_range ? 4 : 0;
  }
  return 0;
}

}  // namespace

Result<Words> split_words(std::string_view line) {
  Words words;
  for (size_t at = 0; at < line.size();) {
    if (is_blank(line[at])) {
      at++;
      continue;
    }
    if (line[at] == '#') {
      break;
    }
    std::string word;
    if (line[at] == '"') {
      auto text = quoted(line, at);
      if (!text) {
        return text.error();
      }
      if (at < line.size() && !is_blank(line[at])) {
        return Error{column(at), "a quoted word is followed by more characters", "put a blank after the closing \""};
      }
      word = std::move(*text);
    } else {
      const size_t start = at;
      while (at < line.size() && !is_blank(line[at])) {
        if (line[at] == '"') {
          return Error{column(at), "a quote stands inside a word", "put the whole word into quotes"};
        }
        at++;
      }
      word = line.substr(start, at - start);
    }
    words.push_back(std::move(word));
  }
  return words;
}

std::string quote_word(std::string_view word) {
  const bool comment = word.find("/*") != std::string_view::npos;  // curly text would read it as one
  const bool plain = !word.empty() && !comment && std::all_of(word.begin(), word.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_.:/%@+,=*-<>()!&~^$?'").find(c) != std::string_view::npos;
  });
  if (plain) {
    return std::string(word);
  }
  std::string out = "\"";
  for (const char c : word) {
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
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out + '"';
}

std::string join_words(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    out += out.empty() ? "" : " ";
    out += quote_word(word);
  }
  return out;
}

bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto run = [](std::string_view text, size_t& at) {
        while (at < text.size() && text[at] == '0') {
          at++;
        }
        const size_t start = at;
        while (at < text.size() && is_digit(text[at])) {
          at++;
        }
        return text.substr(start, at - start);
      };
      const std::string_view x = run(a, i), y = run(b, j);
      if (x.size() != y.size()) {
        return x.size() < y.size();
      }
      if (x != y) {
        return x < y;
      }
    } else if (a[i] != b[j]) {
      return static_cast<uint8_t>(a[i]) < static_cast<uint8_t>(b[j]);
    } else {
      i++, j++;
    }
  }
  const size_t left_a = a.size() - i, left_b = b.size() - j;
  return left_a != left_b ? left_a < left_b : a < b;  // the last clause only tells 01 from 1
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
  const std::string* best = nullptr;
  bool tie = false;
  size_t best_distance = std::max<size_t>(1, std::min<size_t>(word.size(), 64) / 3);
  for (const std::string& candidate : known) {
    if (word.size() > 64 || candidate.size() > 64) {
      continue;
    }
    const bool begins = word.size() >= 2 && candidate.starts_with(word);
    const size_t d = begins ? 1 : distance(word, candidate);
    if (d < best_distance || (d == best_distance && best == nullptr)) {
      best = &candidate;
      best_distance = d;
      tie = false;
    } else if (d == best_distance) {
      tie = true;
    }
  }
  return best != nullptr && !tie ? *best : std::string();
}

std::string suggest(std::string_view word, std::span<const std::string> known, std::string_view list_title) {
  if (const std::string near = nearest(word, known); !near.empty()) {
    return fmt::format("did you mean \"{}\"?", near);
  }
  if (known.empty()) {
    return {};
  }
  constexpr size_t kMost = 20;
  std::string out = fmt::format("{} ", list_title);
  for (size_t i = 0; i < std::min(known.size(), kMost); i++) {
    out += (i == 0 ? "" : ", ") + quote_word(known[i]);
  }
  return known.size() > kMost ? out + fmt::format(" and {} more", known.size() - kMost) : out;
}

namespace {
bool is_control(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}
}  // namespace

size_t bad_byte(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence(text, at);
    if (length == 0 || is_control(text[at])) {
      return at;
    }
    at += length;
  }
  return text.size();
}

Position position_in(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const size_t start = before.rfind('\n');
  return {static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          start == std::string_view::npos ? byte + 1 : byte - start};
}

Result<> check_text(std::string_view text) {
  const size_t at = bad_byte(text);
  if (at == text.size()) {
    return {};
  }
  const auto byte = static_cast<uint8_t>(text[at]);
  if (is_control(text[at])) {
    return Error{"", fmt::format("control character 0x{:02x} at position {}", byte, at + 1), "remove it"};
  }
  return Error{"", fmt::format("byte 0x{:02x} at position {} is not UTF-8", byte, at + 1), "write the text in UTF-8"};
}

}  // namespace floof::config
