// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lines as people type them: several statements in one sentence, and words that are shortened.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/address.h"
#include "config/tree/tree.h"

namespace floof::config {

namespace {

class LineReader {
 public:
  LineReader(const Schema& schema, std::span<const std::string> words, LineKind kind, Spelling spelling)
      : schema_(schema), kind_(kind), spelling_(spelling) {
    out_.words.assign(words.begin(), words.end());
    out_.statements.emplace_back();
  }

  TypedLine run() {
    while (at_ < out_.words.size()) {
      const auto found = look_up();
      if (!found) {
        break;
      }
      if (found->place + 1 < places_.size() || said_) {
        begin_statement(found->place);
      }
      take(1);
      enter(found->node);
      if (stopped_) {
        break;
      }
    }
    if (!stopped_ && at_ == out_.words.size()) {
      for (const size_t i : where_next()) {
        out_.open.push_back(places_[i]);
      }
    }
    take(out_.words.size() - at_);  // what cannot be read
    return std::move(out_);
  }

 private:
  struct Found {
    size_t place = 0;  ///< index in places_
    Node node = nullptr;
  };

  LineStatement& now() { return out_.statements.back(); }

  void take(size_t count) {
    const auto from = out_.words.begin() + static_cast<ptrdiff_t>(at_);
    now().words.insert(now().words.end(), from, from + static_cast<ptrdiff_t>(count));
    at_ += count;
  }

  /// Places whose children may come next, innermost first: more than one only where a sentence goes on.
  std::vector<size_t> where_next() const {
    const auto sentence = std::find_if(places_.begin(), places_.end(), [](const OpenPlace& place) {
      return place.node != nullptr && is_sentence(place.node);
    });
    const size_t last = places_.size() - 1;
    size_t first = last;
    if (kind_ == LineKind::set && sentence != places_.end() && (said_ || is_list(places_[last].node))) {
      first = static_cast<size_t>(sentence - places_.begin());
    } else if (said_) {
      return {};
    }
    std::vector<size_t> out;
    for (size_t i = last + 1; i-- > first;) {
      out.push_back(i);
    }
    return out;
  }

  std::optional<Found> look_up() {
    const auto where = where_next();
    for (const size_t i : where) {
      const Node node = schema_.child(places_[i].node, out_.words[at_]);
      if (node != nullptr && !is_key(node)) {
        return Found{i, node};
      }
    }
    return spelling_ == Spelling::shortened ? shortened(where) : std::nullopt;
  }

  /// The only name that begins with the word.
  std::optional<Found> shortened(const std::vector<size_t>& where) {
    std::string& word = out_.words[at_];
    std::vector<std::string> names;
    Found found;
    for (const size_t i : where) {
      for (const Node node : schema_.words_at(places_[i].node)) {
        const std::string name = name_of(node);
        if (!word.empty() && name.starts_with(word) && std::find(names.begin(), names.end(), name) == names.end()) {
          names.push_back(name);
          found = {i, node};
        }
      }
    }
    if (names.size() > 1) {
      out_.wrong = at_;
      out_.error = Error{join_words(read_so_far()),
                         fmt::format("\"{}\" is ambiguous: {}", word, fmt::join(names, ", ")), "type more letters"};
    }
    // What holds secrets is written in full, so that whoever keeps lines (a history, a log) knows it when he sees it.
    if (names.size() != 1 || is_confidential(found.node)) {
      return std::nullopt;
    }
    word = names[0];
    return found;
  }

  Words read_so_far() {
    Words out = now().words;
    if (said_ && confidential_) {
      out.back() = kHiddenSecret;
    }
    return out;
  }

  void begin_statement(size_t place) {
    places_.resize(place + 1);
    LineStatement next;
    next.shared = places_[place].words;
    next.words.assign(now().words.begin(), now().words.begin() + static_cast<ptrdiff_t>(next.shared));
    next.begin = at_;
    out_.statements.push_back(std::move(next));
    said_ = false;
  }

  /// Takes the keys or the value behind a name.
  void enter(Node node) {
    if (is_term(node)) {
      take_value(node);
      return;
    }
    const size_t keys = !is_list(node)              ? 0
                        : keys_of(node).size() == 1 ? in_brackets().value_or(1)
                                                    : keys_of(node).size();
    stopped_ = out_.words.size() - at_ < keys;
    if (!stopped_) {
      if (keys == 1 && extension(keys_of(node)[0], "canonical") == "prefix") {
        name_default(out_.words[at_]);
      }
      take(keys);
      places_.push_back({now().words.size(), node});
    }
  }

  /// `default` is of the family of the addresses in the rest of the line, IPv4 where there are none.
  void name_default(std::string& word) const {
    if (word == "default") {
      const bool ip6 = std::any_of(out_.words.begin() + static_cast<ptrdiff_t>(at_), out_.words.end(),
                                   [](const std::string& w) { return parse_ip6(w.substr(0, w.find('%'))).ok(); });
      word = ip6 ? "::/0" : "0.0.0.0/0";
    }
  }

  /// How many words `[ a b ]` has, if it stands here; it may lack its end.
  std::optional<size_t> in_brackets() const {
    if (at_ >= out_.words.size() || out_.words[at_] != "[") {
      return std::nullopt;
    }
    const auto from = out_.words.begin() + static_cast<ptrdiff_t>(at_);
    return static_cast<size_t>(std::find(from, out_.words.end(), "]") - from) + 1;
  }

  void take_value(Node node) {
    confidential_ = is_confidential(node);
    const size_t count = is_empty_leaf(node) ? 0 : is_leaf_list(node) ? in_brackets().value_or(1) : 1;
    stopped_ = out_.words.size() - at_ < count;
    if (!stopped_) {
      take(count);
      said_ = true;
    }
  }

  const Schema& schema_;
  LineKind kind_;
  Spelling spelling_;
  size_t at_ = 0;                                ///< the next word of the line
  std::vector<OpenPlace> places_{{0, nullptr}};  ///< of the last statement, outermost first
  bool said_ = false;                            ///< the last statement has its value
  bool confidential_ = false;                    ///< that value is a secret
  bool stopped_ = false;                         ///< keys or a value are missing
  TypedLine out_;
};

}  // namespace

TypedLine read_line(const Schema& schema, std::span<const std::string> words, LineKind kind, Spelling spelling) {
  return LineReader(schema, words, kind, spelling).run();
}

std::vector<Words> statements(const Schema& schema, std::span<const std::string> words) {
  std::vector<Words> out;
  for (LineStatement& statement : read_line(schema, words, LineKind::set, Spelling::full).statements) {
    out.push_back(std::move(statement.words));
  }
  return out;
}

std::optional<size_t> wrong_word(const Schema& schema, std::span<const std::string> words) {
  const TypedLine line = read_line(schema, words, LineKind::set, Spelling::shortened);
  if (line.error) {
    return line.wrong;
  }
  for (const LineStatement& statement : line.statements) {
    const auto path = parse_path(schema, statement.words, PathMode::set);
    const auto read = path ? Result<Words>(Words()) : split_words(path.error().path);
    if (!path && read) {
      const size_t known = read->size();
      return known < statement.shared ? known : statement.begin + known - statement.shared;
    }
  }
  return std::nullopt;
}

}  // namespace floof::config
