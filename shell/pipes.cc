// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/pipes.h"

#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace floof::shell {

struct FreeRegex {
  void operator()(regex_t* regex) const {
    regfree(regex);
    delete regex;
  }
};
using Regex = std::unique_ptr<regex_t, FreeRegex>;

namespace {

Result<Regex> compile(const std::string& pattern) {
  auto raw = std::make_unique<regex_t>();
  const int code = regcomp(raw.get(), pattern.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB);
  if (code != 0) {
    char reason[128];
    regerror(code, raw.get(), reason, sizeof reason);
    return Error{"| match " + quote(pattern), reason,
                 "write a regular expression; a backslash takes a character literally"};
  }
  return Regex(raw.release());
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::string> full_word(const std::string& typed) {
  std::vector<std::string_view> fits;
  std::string all;
  for (const PipeHelp& pipe : pipe_words()) {
    if (pipe.word == typed) {
      return std::string(typed);
    }
    if (pipe.word.starts_with(typed)) {
      fits.push_back(pipe.word);
    }
    all += fmt::format("{}{}", all.empty() ? "" : ", ", pipe.word);
  }
  if (fits.size() == 1) {
    return std::string(fits.front());
  }
  return Error{"| " + quote(typed), fits.empty() ? "unknown pipe" : fmt::format("ambiguous: {}", fmt::join(fits, ", ")),
               "use one of " + all};
}

Error usage(const std::string& word, std::string_view form) {
  return Error{"| " + word, "wrong words behind it", fmt::format("write | {}", form)};
}

std::optional<size_t> count_of(const std::string& text) {
  size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

const std::map<std::string, Format>& display_forms() {
  static const std::map<std::string, Format> forms{{"curly", Format::curly},
                                                   {"inheritance", Format::inheritance},
                                                   {"json", Format::json},
                                                   {"set", Format::set},
                                                   {"xml", Format::xml}};
  return forms;
}

namespace {

Result<void> set_format(Pipes& out, const std::string& word, const std::vector<std::string>& rest) {
  if (out.format != Format::text || !out.filters.empty()) {
    return Error{"| " + word, "must be the first pipe", "move it to the front"};
  }
  if (word == "json") {
    out.format = Format::json;
    return rest.empty() ? Result<void>() : usage(word, "json");
  }
  if (word == "display") {
    for (const auto& [form, format] : display_forms()) {
      if (rest.size() == 1 && rest[0] == form) {
        out.format = format;
        return {};
      }
    }
    return usage(word, "display set|json|xml|curly|inheritance");
  }
  out.format = Format::compare;
  if (rest.empty()) {
    return {};
  }
  const std::optional<size_t> number = rest.size() == 2 && rest[0] == "rollback" ? count_of(rest[1]) : std::nullopt;
  if (!number) {
    return usage(word, "compare [rollback N]");
  }
  out.compare_given = true;
  out.compare_to = *number;
  return {};
}

Result<Pipe> filter_of(const std::string& word, const std::vector<std::string>& rest) {
  Pipe pipe;
  if (word == "match" || word == "except") {
    if (rest.size() != 1) {
      return usage(word, word + " PATTERN, with quotes around blanks");
    }
    pipe.kind = word == "match" ? Pipe::Kind::match : Pipe::Kind::except;
    pipe.pattern = rest[0];
    if (const auto regex = compile(pipe.pattern); !regex) {
      return regex.error();
    }
    return pipe;
  }
  if (word == "last") {
    const std::optional<size_t> lines = rest.size() == 1 ? count_of(rest[0]) : std::nullopt;
    if (!lines) {
      return usage(word, "last N");
    }
    pipe.kind = Pipe::Kind::last;
    pipe.lines = *lines;
    return pipe;
  }
  pipe.kind = word == "count" ? Pipe::Kind::count : Pipe::Kind::no_more;
  return rest.empty() ? Result<Pipe>(pipe) : Result<Pipe>(usage(word, word));
}

}  // namespace

const std::vector<PipeHelp>& pipe_words() {
  static const std::vector<PipeHelp> words{
      {"compare", "Difference between candidate and running configuration"},
      {"count", "Count the lines"},
      {"display", "Print configuration as set, json, xml or curly, or with what groups give"},
      {"except", "Lines that do not match a pattern"},
      {"json", "The data as indented JSON"},
      {"last", "The last N lines"},
      {"match", "Lines that match a pattern"},
      {"no-more", "Do not stop at each full screen"},
      {"save", "Write the result to a file"},
  };
  return words;
}

bool Pipes::paged() const {
  for (const Pipe& pipe : filters) {
    if (pipe.kind == Pipe::Kind::no_more) {
      return false;
    }
  }
  return true;
}

bool Pipes::whole_lines() const {
  const auto picks = [](const Pipe& pipe) { return pipe.kind != Pipe::Kind::no_more && pipe.kind != Pipe::Kind::last; };
  return !save_to.empty() || std::any_of(filters.begin(), filters.end(), picks);
}

bool Pipes::takes_text() const {
  const auto takes = [](const Pipe& pipe) { return pipe.kind != Pipe::Kind::no_more; };
  return !save_to.empty() || std::any_of(filters.begin(), filters.end(), takes);
}

Result<Pipes> parse_pipes(const std::vector<std::vector<Word>>& pipes) {
  Pipes out;
  for (const std::vector<Word>& words : pipes) {
    if (words.empty()) {
      return Error{"|", "nothing follows the pipe", "write | match PATTERN, | json, | count ..."};
    }
    const Result<std::string> word = full_word(words[0].text);
    if (!word) {
      return word.error();
    }
    std::vector<std::string> rest = texts_of(words);
    rest.erase(rest.begin());
    if (!out.save_to.empty()) {
      return Error{"| " + *word, "cannot stand behind save", "move save to the end"};
    }
    if (*word == "save") {
      if (rest.size() != 1 || rest[0].empty()) {
        return usage(*word, "save FILE");
      }
      out.save_to = rest[0];
    } else if (*word == "json" || *word == "display" || *word == "compare") {
      if (const Result<void> done = set_format(out, *word, rest); !done) {
        return done.error();
      }
    } else {
      Result<Pipe> pipe = filter_of(*word, rest);
      if (!pipe) {
        return pipe.error();
      }
      out.filters.push_back(std::move(*pipe));
    }
  }
  return out;
}

struct Filter::Stage {
  Pipe pipe;
  Regex regex{};
  size_t count = 0;
  std::deque<std::string> lines{};  ///< the last ones

  std::string feed(std::string text) {
    if (pipe.kind == Pipe::Kind::no_more) {
      return text;
    }
    std::string out;
    for (const std::string_view line : lines_of(text)) {
      switch (pipe.kind) {
        case Pipe::Kind::match:
        case Pipe::Kind::except: {
          const bool matches = regex && regexec(regex.get(), std::string(line).c_str(), 0, nullptr, 0) == 0;
          if (matches == (pipe.kind == Pipe::Kind::match)) {
            out.append(line).append("\n");
          }
          break;
        }
        case Pipe::Kind::last:
          lines.emplace_back(line);
          if (lines.size() > pipe.lines) {
            lines.pop_front();
          }
          break;
        case Pipe::Kind::count:
          count++;
          break;
        case Pipe::Kind::no_more:
          break;
      }
    }
    return out;
  }

  std::string end() {
    std::string out = pipe.kind == Pipe::Kind::count ? fmt::format("Count: {} lines\n", count) : "";
    for (const std::string& line : std::exchange(lines, {})) {
      out += line + '\n';
    }
    return out;
  }
};

Filter::Filter(const Pipes& pipes) {
  for (const Pipe& pipe : pipes.filters) {
    auto regex = pipe.pattern.empty() ? Result<Regex>(Regex()) : compile(pipe.pattern);
    stages_.push_back({.pipe = pipe, .regex = regex ? std::move(*regex) : Regex()});
  }
}
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;

std::string Filter::feed(std::string text) {
  for (Stage& stage : stages_) {
    text = stage.feed(std::move(text));
  }
  return text;
}

std::string Filter::end() {
  std::string text;
  for (Stage& stage : stages_) {
    text = stage.feed(std::move(text));
    text += stage.end();
  }
  return text;
}

std::string filter(std::string text, const Pipes& pipes) {
  Filter all(pipes);
  text = all.feed(std::move(text));
  return text + all.end();
}

}  // namespace floof::shell
