// SPDX-License-Identifier: GPL-3.0-or-later
//
// Texts to trees: set lines, curly and JSON. All of them end as words that Tree::set judges, so one set of rules and
// messages serves every form; each word list remembers its line.
#include <fmt/format.h>

#include <iterator>

#include "config/tree.h"

namespace floof::config {

namespace {

constexpr size_t kMostErrors = 20;

class Loader {
 public:
  explicit Loader(const Tree& base) : out_{base, {}, {}} {}

  void apply(size_t line, std::span<const std::string> words, bool remove = false) {
    if (full()) {
      return;
    }
    if (remove) {
      if (const auto removed = out_.tree.remove(words); !removed) {
        fail(line, removed.error());
      }
      return;
    }
    auto notes = out_.tree.set(words);
    if (!notes) {
      fail(line, notes.error());
      return;
    }
    out_.notes.insert(out_.notes.end(), notes->begin(), notes->end());
  }

  void fail(size_t line, Error error) {
    if (line > 0) {
      error.path = fmt::format("line {}{}{}", line, error.path.empty() ? "" : ": ", error.path);
    }
    out_.errors.push_back(std::move(error));
  }

  bool full() const { return out_.errors.size() >= kMostErrors; }
  const Schema& schema() const { return out_.tree.schema(); }
  Loaded take() { return std::move(out_); }

 private:
  Loaded out_;
};

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
    const std::string command = words->front();
    if (command != "set" && command != "delete") {
      loader.fail(line, {"", fmt::format("a line starts with set or delete, not with \"{}\"", command), ""});
      continue;
    }
    loader.apply(line, std::span(*words).subspan(1), command == "delete");
  }
}

/// Words, braces and semicolons of a curly text.
class CurlyReader {
 public:
  CurlyReader(Loader& loader, std::string_view text) : loader_(loader), text_(text) {}

  void run() {
    std::vector<size_t> depths;  // how many words of path_ stand before each open brace
    Words path;
    size_t own = 0;  // words of the statement that is being read
    size_t first_line = line_;
    while (!loader_.full() && skip_blanks()) {
      const char c = text_[at_];
      if (c == '{') {
        at_++;
        if (own == 0) {
          return loader_.fail(line_, {"", "a { follows nothing", "write what it opens before it"});
        }
        depths.push_back(path.size() - own);
        opened_empty_ = true;
        own = 0;
      } else if (c == '}') {
        at_++;
        if (own != 0 || depths.empty()) {
          return loader_.fail(line_, {"", own != 0 ? "a ; is missing before }" : "a } closes nothing", ""});
        }
        if (opened_empty_ && !path.empty()) {
          apply_block(path, line_);
        }
        opened_empty_ = false;
        path.resize(depths.back());
        depths.pop_back();
      } else if (c == ';') {
        at_++;
        if (own != 0) {
          loader_.apply(first_line, path);
        }
        path.resize(path.size() - own);
        own = 0;
        opened_empty_ = false;
      } else {
        first_line = own == 0 ? line_ : first_line;
        auto word = read_word();
        if (!word) {
          return loader_.fail(line_, word.error());
        }
        path.push_back(std::move(*word));
        own++;
      }
    }
    if (!loader_.full() && (own != 0 || !depths.empty())) {
      loader_.fail(line_, {"", own != 0 ? "the last statement has no ;" : "a } is missing at the end", ""});
    }
  }

 private:
  /// `name { }`: an empty list entry is set, an empty container is nothing.
  void apply_block(const Words& path, size_t line) {
    const auto parsed = parse_path(loader_.schema(), path, PathMode::any);
    if (!parsed || !is_container(parsed->back().node)) {
      loader_.apply(line, path);
    }
  }

  bool skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        line_ += c == '\n' ? 1 : 0;
        at_++;
      } else {
        return true;
      }
    }
    return false;
  }

  Result<std::string> read_word() {
    const size_t start = at_;
    if (text_[at_] == '"') {
      for (at_++; at_ < text_.size() && text_[at_] != '"'; at_++) {
        line_ += text_[at_] == '\n' ? 1 : 0;
        at_ += text_[at_] == '\\' ? 1 : 0;
      }
      at_ = std::min(at_ + 1, text_.size());
    } else {
      at_ = std::min(text_.find_first_of(" \t\r\n;{}\"", at_), text_.size());
    }
    auto words = split_words(text_.substr(start, at_ - start));
    if (!words) {
      return words.error();
    }
    return words->empty() ? Result<std::string>(std::string()) : std::move(words->front());
  }

  Loader& loader_;
  std::string_view text_;
  size_t at_ = 0, line_ = 1;
  bool opened_empty_ = false;
};

/// A JSON value that knows its line.
struct Value {
  enum class Kind { null, boolean, number, string, array, object } kind = Kind::null;
  size_t line = 0;
  std::string text;            ///< of a scalar
  std::string name;            ///< of a member of an object
  std::vector<Value> members;  ///< of an object or array
};

/// Feeds the JSON parser and counts lines as it goes.
struct LineIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at = nullptr;
  size_t* line = nullptr;
  reference operator*() const { return *at; }
  LineIterator& operator++() {
    *line += *at == '\n' ? 1 : 0;
    ++at;
    return *this;
  }
  LineIterator operator++(int) {
    LineIterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator!=(const LineIterator& a, const LineIterator& b) { return a.at != b.at; }
};

class LineSax : public nlohmann::json_sax<Json> {
 public:
  explicit LineSax(const size_t& line) : line_(line) {}

  bool null() override { return scalar(Value::Kind::null, ""); }
  bool boolean(bool value) override { return scalar(Value::Kind::boolean, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(Value::Kind::number, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(Value::Kind::number, std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return scalar(Value::Kind::number, text); }
  bool string(string_t& value) override { return scalar(Value::Kind::string, value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Value::Kind::object); }
  bool start_array(size_t) override { return open(Value::Kind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    key_ = name;
    key_line_ = line_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) override {
    const std::string what = error.what();
    const size_t colon = what.rfind("column");
    const size_t text = what.find(": ", colon == std::string::npos ? 0 : colon);
    message = text == std::string::npos ? what : what.substr(text + 2);
    return false;
  }

  Value root;
  std::string message;

 private:
  static constexpr size_t kDeepest = 64;

  Value* place(Value::Kind kind) {
    Value value;
    value.kind = kind;
    if (stack_.empty()) {
      value.line = line_;
      root = std::move(value);
      return &root;
    }
    const bool member = stack_.back()->kind == Value::Kind::object;
    value.line = member ? key_line_ : line_;
    value.name = member ? key_ : std::string();
    stack_.back()->members.push_back(std::move(value));
    return &stack_.back()->members.back();
  }
  bool scalar(Value::Kind kind, std::string text) {
    place(kind)->text = std::move(text);
    return true;
  }
  bool open(Value::Kind kind) {
    if (stack_.size() >= kDeepest) {
      message = "nested too deeply";
      return false;
    }
    stack_.push_back(place(kind));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  const size_t& line_;
  std::vector<Value*> stack_;
  std::string key_;
  size_t key_line_ = 0;
};

/// Walks a JSON configuration along the schema and sets what it finds.
class JsonWalker {
 public:
  explicit JsonWalker(Loader& loader) : loader_(loader) {}

  void object(const Value& value, Node parent, const Words& path) {
    if (value.kind != Value::Kind::object) {
      return wrong(value, path, "an object { ... } belongs here");
    }
    for (const Value& member : value.members) {
      const std::string& name = member.name;
      const Node node = loader_.schema().child(parent, name);
      if (node == nullptr) {
        loader_.fail(member.line, {join_words(path), fmt::format("unknown word \"{}\"", name),
                                   suggest(name, loader_.schema().child_names(parent), "known here:")});
      } else if (!is_key(node)) {
        any(member, node, path);
      }
    }
  }

 private:
  void wrong(const Value& value, const Words& path, std::string reason) {
    loader_.fail(value.line, {join_words(path), std::move(reason), ""});
  }

  void any(const Value& value, Node node, Words path) {
    path.push_back(name_of(node));
    if (is_container(node)) {
      return object(value, node, path);
    }
    if (is_leaf(node)) {
      return scalar(value, node, path);
    }
    if (value.kind != Value::Kind::array) {
      return wrong(value, path, "an array [ ... ] belongs here");
    }
    for (const Value& element : value.members) {
      is_list(node) ? entry(element, node, path) : scalar(element, node, path);
    }
  }

  void entry(const Value& value, Node list, Words path) {
    for (const Node key : keys_of(list)) {
      const Value* found = nullptr;
      for (const Value& member : value.members) {
        found = value.kind == Value::Kind::object && member.name == name_of(key) ? &member : found;
      }
      if (found == nullptr || found->kind == Value::Kind::array || found->kind == Value::Kind::object) {
        return wrong(value, path, fmt::format("an entry without its {}", name_of(key)));
      }
      path.push_back(found->text);
    }
    loader_.apply(value.line, path);
    object(value, list, path);
  }

  void scalar(const Value& value, Node node, Words path) {
    if (value.kind == Value::Kind::object || value.kind == Value::Kind::array) {
      const bool empty = is_empty_leaf(node) && value.kind == Value::Kind::array && value.members.size() == 1;
      return empty ? loader_.apply(value.line, path) : wrong(value, path, "one value belongs here");
    }
    if (!is_empty_leaf(node)) {
      path.push_back(value.text);
    } else if (value.kind == Value::Kind::boolean && value.text == "false") {
      return;
    } else if (value.kind != Value::Kind::boolean && value.kind != Value::Kind::null) {
      return wrong(value, path, "true belongs here");
    }
    loader_.apply(value.line, path);
  }

  Loader& loader_;
};

void load_json_text(Loader& loader, std::string_view text) {
  if (const auto checked = check_text(text); !checked) {
    return loader.fail(0, checked.error());
  }
  size_t line = 1;
  LineSax sax(line);
  const LineIterator begin{text.data(), &line}, end{text.data() + text.size(), &line};
  if (!Json::sax_parse(begin, end, &sax)) {
    return loader.fail(line, {"", "not JSON: " + sax.message, ""});
  }
  JsonWalker(loader).object(sax.root, nullptr, {});
}

}  // namespace

Loaded load(const Tree& base, std::string_view text, TextFormat format) {
  Loader loader(base);
  switch (format) {
    case TextFormat::set:
      load_set(loader, text);
      break;
    case TextFormat::curly:
      CurlyReader(loader, text).run();
      break;
    case TextFormat::json:
      load_json_text(loader, text);
      break;
  }
  return loader.take();
}

Loaded load_json(const Tree& base, const Json& config) {
  return load(base, config.dump(2, ' ', false, Json::error_handler_t::replace), TextFormat::json);
}

}  // namespace floof::config
