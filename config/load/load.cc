// SPDX-License-Identifier: GPL-3.0-or-later
//
// Texts to trees: what is common to all forms, and set lines.
#include <fmt/format.h>

#include <algorithm>

#include "config/load/loader.h"

namespace floof::config {

namespace {
constexpr size_t kMostLoadErrors = 20;
constexpr size_t kMostText = 64 << 20;
}  // namespace

Loader::Loader(const Tree& base, LoadMode mode)
    : before_(base), mode_(mode), out_{mode == LoadMode::override ? Tree(base.shared_schema()) : base, {}, {}} {}

bool Loader::full() const { return out_.errors.size() >= kMostLoadErrors; }

void Loader::fail(size_t line, Error error) {
  if (full()) {
    return;
  }
  if (line > 0) {
    const std::string_view between = error.path.empty() ? "" : error.path.starts_with("column ") ? ", " : ": ";
    error.path = fmt::format("line {}{}{}", line, between, error.path);
  }
  out_.errors.push_back(std::move(error));
}

void Loader::fail(Position where, std::string reason, std::string remedy) {
  fail(where.line, {fmt::format("column {}", where.column), std::move(reason), std::move(remedy)});
}

bool Loader::keep(size_t line, Result<Notes> done) {
  if (!done) {
    fail(line, done.error());
    return false;
  }
  out_.notes.insert(out_.notes.end(), done->begin(), done->end());
  return true;
}

bool Loader::set(size_t line, std::span<const std::string> words) {
  return !full() && keep(line, out_.tree.set(words, &before_));
}

bool Loader::remove(size_t line, std::span<const std::string> words) {
  const auto done = full() ? Result<>() : out_.tree.remove(words, mode_ == LoadMode::patch);
  if (!done) {
    fail(line, done.error());
  }
  return done.ok();
}

/// Most lines say one thing, and are not looked at twice.
bool Loader::set_sentence(size_t line, std::span<const std::string> words) {
  if (full()) {
    return false;
  }
  auto done = out_.tree.set(words, &before_);
  const auto parts = done ? std::vector<Words>() : statements(schema(), words);
  if (parts.size() < 2) {
    return keep(line, std::move(done));
  }
  return std::all_of(parts.begin(), parts.end(), [&](const Words& part) { return set(line, part); });
}

bool Loader::edit(size_t line, std::span<const std::string> words) {
  if (!words.empty() && words[0] == "set") {
    return set_sentence(line, words.subspan(1));
  }
  return !full() && keep(line, out_.tree.edit(words));
}

bool Loader::prepare(size_t line, std::span<const std::string> words, const Tags& tags) {
  if (!tags.remove && !(tags.replace && mode_ == LoadMode::replace)) {
    return true;
  }
  auto path = parse_path(schema(), words, PathMode::any);
  if (!path) {
    fail(line, path.error());
    return false;
  }
  if (is_leaf(path->back().node)) {
    path->back().value.reset();  // whatever the value is
  }
  if (out_.tree.find(*path) != nullptr) {
    remove(line, words_of(*path));
  } else if (tags.remove) {
    note(fmt::format("{}: there was nothing to delete", join_words(words_of(*path))));
  }
  return !tags.remove;
}

void Loader::finish(size_t line, std::span<const std::string> words, const Tags& tags) {
  if (tags.comment.empty() && !tags.inactive && !tags.active) {
    return;
  }
  const auto path = parse_path(schema(), words, PathMode::any);
  Words place = path ? words_of(*path) : Words();
  if (!path || out_.tree.find(*path) == nullptr) {
    return;  // it was not set, and why was said
  }
  if (tags.inactive || tags.active) {
    const auto done = tags.inactive ? out_.tree.deactivate(place) : out_.tree.activate(place);
    if (!done) {
      fail(line, done.error());
    }
  }
  if (!tags.comment.empty()) {
    place.push_back(tags.comment);
    if (const auto done = out_.tree.annotate(place); !done) {
      fail(line, done.error());
    }
  }
}

namespace {

void load_set(Loader& loader, std::string_view text) {
  size_t line = 0;
  for (size_t at = 0; at < text.size() && !loader.full();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    line++;
    auto words = split_words(text.substr(at, end - at));
    at = end + 1;
    if (!words) {
      loader.fail(line, words.error());
      continue;
    }
    if (words->empty()) {
      continue;
    }
    const auto verbs = edit_verbs();
    if (std::find(verbs.begin(), verbs.end(), words->front()) == verbs.end()) {
      loader.fail(line, {"", fmt::format("a line starts with set or delete, not with \"{}\"", words->front()),
                         suggest(words->front(), verbs, "it may start with")});
      continue;
    }
    loader.edit(line, *words);
  }
}

/// What no form may have; the Error's path is the place.
bool check_whole(Loader& loader, std::string_view text, TextFormat format) {
  if (text.size() > kMostText) {
    loader.fail(0, {"", fmt::format("the text has {} MB", text.size() >> 20), "load at most 64 MB at once"});
    return false;
  }
  if (const size_t bad = bad_byte(text); bad != text.size()) {
    const Error error = check_text(text.substr(bad, 4)).error();
    const std::string what = error.reason.substr(0, error.reason.find(" at position"));
    const bool utf8 = error.reason.ends_with("UTF-8");
    loader.fail(position_in(text, bad), what + (utf8 ? " is not UTF-8" : ""), error.remedy);
    return false;
  }
  const bool by_line = format == TextFormat::set || format == TextFormat::curly;
  size_t line = 1;
  for (size_t at = 0; by_line && at < text.size(); line++) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end - at > kLongestLine) {
      loader.fail({line, kLongestLine + 1}, "the line does not end",
                  "break it into lines of less than a million characters");
      return false;
    }
    at = end + 1;
  }
  return true;
}

}  // namespace

Loaded load(const Tree& base, std::string_view text, TextFormat format, LoadMode mode) {
  Loader loader(base, mode);
  if (!check_whole(loader, text, format)) {
    return loader.take();
  }
  if (mode == LoadMode::patch) {
    if (format != TextFormat::curly) {
      loader.fail(0, {"", "a patch is in curly form", "load what compare prints"});
    } else {
      load_patch(loader, text);
    }
    return loader.take();
  }
  if ((mode == LoadMode::netconf || mode == LoadMode::netconf_none) && format != TextFormat::xml) {
    loader.fail(0, {"", "NETCONF's operations are in XML", ""});
    return loader.take();
  }
  switch (format) {
    case TextFormat::set:
      load_set(loader, text);
      break;
    case TextFormat::curly:
      load_curly(loader, text);
      break;
    case TextFormat::json:
      load_json_text(loader, text);
      break;
    case TextFormat::xml:
      load_xml(loader, text);
      break;
  }
  return loader.take();
}

Loaded load_json(const Tree& base, const Json& config) {
  return load(base, config.dump(2, ' ', false, Json::error_handler_t::replace), TextFormat::json);
}

}  // namespace floof::config
