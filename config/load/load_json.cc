// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON, with the metadata of RFC 7952: "@" inside an object is about the object, "@name" beside a leaf about the leaf.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "config/load/loader.h"

namespace floof::config {

namespace {

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
  const char** furthest = nullptr;
  reference operator*() const { return *at; }
  LineIterator& operator++() {
    *line += *at == '\n' ? 1 : 0;
    *furthest = ++at;
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
    std::unordered_map<std::string_view, const Value*> named;
    for (const Value& child : value.members) {
      named[child.name] = &child;
    }
    const auto find = [&](const std::string& name) {
      const auto it = named.find(name);
      return it != named.end() ? it->second : nullptr;
    };
    for (const Value& child : value.members) {
      const std::string& name = child.name;
      const Node node = loader_.schema().child(parent, name);
      if (loader_.full()) {
        return;
      }
      if (name.starts_with('@')) {
        if (name.size() == 1 ? path.empty() : find(name.substr(1)) == nullptr) {
          wrong(child, path, fmt::format("\"{}\" is about nothing", name));
        }
      } else if (node == nullptr && !is_key_name(parent, name)) {
        loader_.fail(child.line, {join_words(path), fmt::format("unknown word \"{}\"", name),
                                  suggest(name, loader_.schema().child_names(parent), "known here:")});
      } else if (node != nullptr && !is_key(node)) {
        any(child, find("@" + name), node, path);
      }
    }
  }

 private:
  static const Value* member(const Value& object, std::string_view name) {
    const Value* found = nullptr;
    for (const Value& value : object.members) {
      found = object.kind == Value::Kind::object && value.name == name ? &value : found;
    }
    return found;
  }

  static bool is_key_name(Node list, std::string_view name) {
    const auto keys = list != nullptr && is_list(list) ? keys_of(list) : std::vector<Node>();
    return std::any_of(keys.begin(), keys.end(), [&](Node key) { return name_of(key) == name; });
  }

  void wrong(const Value& value, const Words& path, std::string reason) {
    loader_.fail(value.line, {join_words(path), std::move(reason), ""});
  }

  /// Null stands for none. Names may have the prefix of a module.
  Tags tags(const Value* metadata, const Words& path) {
    Tags out;
    if (metadata == nullptr || metadata->kind == Value::Kind::null) {
      return out;
    }
    for (const Value& value : metadata->members) {
      const std::string name = value.name.substr(value.name.rfind(':') + 1);
      if (name == "comment" && value.kind == Value::Kind::string) {
        out.comment = value.text;
      } else if (name == "inactive" && value.kind == Value::Kind::boolean) {
        (value.text == "true" ? out.inactive : out.active) = true;
      } else if (name == "operation" && (value.text == "replace" || value.text == "delete")) {
        (value.text == "replace" ? out.replace : out.remove) = true;
      } else {
        wrong(value, path, fmt::format("unknown metadata \"{}\"", value.name));
      }
    }
    return out;
  }

  void any(const Value& value, const Value* metadata, Node node, Words path) {
    path.push_back(name_of(node));
    if (is_container(node)) {
      const Tags own = tags(member(value, "@"), path);
      if (loader_.prepare(value.line, path, own)) {
        object(value, node, path);
        loader_.finish(value.line, path, own);
      }
      return;
    }
    if (is_leaf(node)) {
      return scalar(value, metadata, node, path);
    }
    if (value.kind != Value::Kind::array) {
      return wrong(value, path, "an array [ ... ] belongs here");
    }
    for (size_t i = 0; i < value.members.size(); i++) {
      if (is_list(node)) {
        entry(value.members[i], node, path);
      } else {
        const bool noted = metadata != nullptr && i < metadata->members.size();
        scalar(value.members[i], noted ? &metadata->members[i] : nullptr, node, path);
      }
    }
  }

  void entry(const Value& value, Node list, Words path) {
    for (const Node key : keys_of(list)) {
      const Value* found = member(value, name_of(key));
      if (found == nullptr || found->kind == Value::Kind::array || found->kind == Value::Kind::object) {
        return wrong(value, path, fmt::format("an entry without its {}", name_of(key)));
      }
      path.push_back(found->text);
    }
    const Tags own = tags(member(value, "@"), path);
    if (loader_.prepare(value.line, path, own) && loader_.set(value.line, path)) {
      object(value, list, path);
      loader_.finish(value.line, path, own);
    }
  }

  void scalar(const Value& value, const Value* metadata, Node node, Words path) {
    const Tags own = tags(metadata, path);
    if (value.kind == Value::Kind::object || value.kind == Value::Kind::array) {
      // RFC 7951, 6.9: [null] is the value of the type empty
      if (!is_empty_leaf(node) || value.kind != Value::Kind::array || value.members.size() != 1) {
        return wrong(value, path, "one value belongs here");
      }
    } else if (!is_empty_leaf(node)) {
      path.push_back(value.text);
    } else if (value.kind == Value::Kind::boolean && value.text == "false") {
      return;
    } else if (value.kind != Value::Kind::boolean && value.kind != Value::Kind::null) {
      return wrong(value, path, "true belongs here");
    }
    if (loader_.prepare(value.line, path, own) && loader_.set(value.line, path)) {
      loader_.finish(value.line, path, own);
    }
  }

  Loader& loader_;
};

}  // namespace

void load_json_text(Loader& loader, std::string_view text) {
  size_t line = 1;
  LineSax sax(line);
  const char* at = text.data();
  const LineIterator begin{text.data(), &line, &at}, end{text.data() + text.size(), &line, &at};
  if (!Json::sax_parse(begin, end, &sax)) {
    const Position where = position_in(text, static_cast<size_t>(at - text.data()));
    return loader.fail(where, "not JSON: " + sax.message);
  }
  JsonWalker(loader).object(sax.root, nullptr, {});
}

}  // namespace floof::config
