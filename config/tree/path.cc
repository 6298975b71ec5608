// SPDX-License-Identifier: GPL-3.0-or-later
//
// Words to paths, along the schema.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

bool is_also(Node node, std::string_view word) {
  const std::string others = " " + extension(node, "also") + " ";
  return !word.empty() && word.find(' ') == std::string_view::npos &&
         others.find(fmt::format(" {} ", word)) != std::string::npos;
}

/// Ways from `parent` through containers to what is called `word`, or what people call so.
void ways_to(const Schema& schema, Node parent, const std::string& word, const Words& so_far,
             std::vector<std::string>& out) {
  for (const Node node : schema.words_at(parent)) {
    Words way = so_far;
    way.push_back(name_of(node));
    if (node != schema.apply_groups() && (name_of(node) == word || is_also(node, word))) {
      out.push_back(join_words(way));
    } else if (is_container(node)) {
      ways_to(schema, node, word, way, out);
    }
  }
}

/// "import local-pref" where the word stands somewhere below, or is somebody else's name; empty when that says nothing.
std::string meant(const Schema& schema, std::span<const Node> places, const std::string& word) {
  constexpr size_t kMost = 3;
  std::vector<std::string> ways;
  for (const Node place : places) {
    ways_to(schema, place, word, {}, ways);
  }
  const auto words_in = [](const std::string& way) { return std::count(way.begin(), way.end(), ' '); };
  std::stable_sort(ways.begin(), ways.end(), [&](const auto& a, const auto& b) { return words_in(a) < words_in(b); });
  ways.erase(std::unique(ways.begin(), ways.end()), ways.end());
  if (ways.empty() || ways.size() > kMost) {
    return {};
  }
  return fmt::format("did you mean \"{}\"?", fmt::join(ways, "\" or \""));
}

class PathReader {
 public:
  PathReader(const Schema& schema, std::span<const std::string> words, PathMode mode)
      : schema_(schema), words_(words), mode_(mode) {}

  Result<Path> run() {
    Node parent = nullptr;
    while (at_ < words_.size()) {
      if (auto read = step(parent); !read) {
        return read.error();
      }
      parent = path_.back().node;
    }
    if (mode_ == PathMode::set && (path_.empty() || is_container(path_.back().node))) {
      return Error{join_words(words_), "the path stops too early",
                   suggest("", schema_.child_names(parent), "it continues with one of")};
    }
    return std::move(path_);
  }

 private:
  /// The Error's path is what was read so far, but no secret.
  Error error(std::string reason, std::string remedy) const {
    Words read(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(at_));
    if (!path_.empty() && is_secret(path_.back().node) && path_.back().value) {
      read.back() = kHiddenSecret;
    }
    return {join_words(read), std::move(reason), std::move(remedy)};
  }

  /// Something follows a value.
  Error unexpected(Node leaf, const std::string& word) const {
    const std::vector<Node> places = places_behind_value();
    const std::vector<std::string> more = names_in(places);
    if (const std::string other = is_confidential(leaf) ? "" : meant(schema_, places, word); !other.empty()) {
      return error(fmt::format("unknown word \"{}\"", word), other);
    }
    if (const std::string near = is_confidential(leaf) ? "" : nearest(word, more); !near.empty()) {
      return error(fmt::format("unknown word \"{}\"", word), fmt::format("did you mean \"{}\"?", near));
    }
    const std::string_view shown = is_confidential(leaf) ? kHiddenSecret : word;
    const std::string value = is_empty_leaf(leaf) ? "takes no value" : "has one value here";
    const std::string go_on = suggest("", more, "go on with one of");
    std::string remedy = is_empty_leaf(leaf) ? "leave it out" : "quote a value that has blanks";
    if (mode_ == PathMode::any) {
      remedy += "; name one thing in each line";
    } else if (!go_on.empty()) {
      remedy += ", or " + go_on;
    }
    return error(fmt::format("unexpected \"{}\": {} {}", shown, name_of(leaf), value), remedy);
  }

  /// Whose children a sentence may go on with.
  std::vector<Node> places_behind_value() const {
    std::vector<Node> out;
    const auto line = read_line(schema_, words_.first(at_), LineKind::set, Spelling::full);
    for (const OpenPlace& place : mode_ == PathMode::set ? line.open : std::vector<OpenPlace>()) {
      out.push_back(place.node);
    }
    return out;
  }

  std::vector<std::string> names_in(std::span<const Node> places) const {
    std::vector<std::string> out;
    for (const Node place : places) {
      for (std::string& name : schema_.child_names(place)) {
        if (std::find(out.begin(), out.end(), name) == out.end()) {
          out.push_back(std::move(name));
        }
      }
    }
    return out;
  }

  Result<> step(Node parent) {
    const std::string& word = words_[at_];
    if (parent != nullptr && is_term(parent)) {
      return unexpected(parent, word);
    }
    const Node node = schema_.child(parent, word);
    if (node == nullptr || is_key(node)) {
      const std::string other = meant(schema_, std::span(&parent, 1), word);
      return error(fmt::format("unknown word \"{}\"", word),
                   other.empty() ? suggest(word, schema_.child_names(parent), "known here:") : other);
    }
    if (in_group_ && node == schema_.apply_groups()) {
      return error("groups cannot use groups", "name both groups where they are to apply");
    }
    at_++;
    path_.push_back({node, {}, {}});
    if (is_list(node)) {
      if (auto keys = read_keys(node); !keys) {
        return keys;
      }
      in_group_ = in_group_ || node == schema_.groups();
    }
    return is_term(node) ? read_value(node) : Result<>();
  }

  Result<> read_keys(Node list) {
    if (mode_ == PathMode::any && at_ == words_.size()) {
      return {};
    }
    for (const Node key : keys_of(list)) {
      if (at_ == words_.size()) {
        return error(fmt::format("a {} is missing", name_of(key)),
                     fmt::format("add {}: {}", value_hint(key), describe_value(key)));
      }
      Result<std::string> value = words_[at_];
      if (!in_group_ || !is_pattern(words_[at_])) {
        value = check_value(schema_, key, words_[at_]);
      } else if (const auto checked = check_text(words_[at_]); !checked) {
        value = checked.error();
      }
      if (!value) {
        return error(value.error().reason, value.error().remedy);
      }
      path_.back().keys.push_back(std::move(*value));
      at_++;
    }
    return {};
  }

  Result<> read_value(Node node) {
    Step& step = path_.back();
    if (is_empty_leaf(node)) {
      step.value = "";
      return {};
    }
    if (at_ == words_.size()) {
      return mode_ == PathMode::any
                 ? Result<>()
                 : error(fmt::format("the value of {} is missing", name_of(node)), "give " + describe_value(node));
    }
    if (words_[at_] == kHiddenSecret && is_confidential(node) && !is_secret(node)) {
      return error("the text was hidden from whoever printed this", "load what a super-user has printed");
    }
    Result<std::string> value = words_[at_];
    if (!is_secret(node) || words_[at_] != kHiddenSecret) {
      value = is_sealed(node) && words_[at_].starts_with(kSealedPrefix) ? open_secret(words_[at_]) : value;
      value = value ? check_value(schema_, node, *value) : value;
    }
    if (!value) {
      return error(value.error().reason, value.error().remedy);
    }
    step.value = std::move(*value);
    at_++;
    return {};
  }

  Result<std::string> open_secret(const std::string& sealed) const {
    return schema_.secrets().open
               ? schema_.secrets().open(sealed)
               : Error{"", "the value is encrypted, and there is no key to open it", "give the secret itself"};
  }

  const Schema& schema_;
  std::span<const std::string> words_;
  PathMode mode_;
  size_t at_ = 0;
  bool in_group_ = false;
  Path path_;
};

}  // namespace

Result<Path> parse_path(const Schema& schema, std::span<const std::string> words, PathMode mode) {
  return PathReader(schema, words, mode).run();
}

Words words_of(std::span<const Step> path) {
  Words words;
  for (const Step& step : path) {
    words.push_back(name_of(step.node));
    words.insert(words.end(), step.keys.begin(), step.keys.end());
    if (is_leaf_list(step.node) && step.value) {
      words.push_back(*step.value);
    }
  }
  return words;
}

}  // namespace floof::config
