// SPDX-License-Identifier: GPL-3.0-or-later
//
// XML (RFC 7950) to a tree. A small reader of its own, so that errors name lines and words like those of the other
// forms: elements, attributes, namespaces, character data, CDATA and comments. No document types and no entities but
// the five of XML and numbers, so a text cannot grow while it is read.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/loader.h"

namespace floof::config {

namespace {

struct Element {
  std::string name, space;  ///< local name; namespace, empty when none was given
  size_t line = 0;
  std::string text;
  std::vector<std::pair<std::string, std::string>> attributes;  ///< by local name, without those that name namespaces
  std::vector<Element> below;
};

constexpr size_t kMostSpaces = 64;  ///< namespaces around an element, and attributes of it

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  /// The outermost element. Not its Error's text but where() tells the place.
  Result<Element> run() {
    skip_outside();
    if (wrong_.empty() && !text_.substr(at_).starts_with('<')) {
      fail("an element <configuration> belongs here");
    }
    Element root;
    if (wrong_.empty()) {
      root = element({}, 0);
      skip_outside();
    }
    if (wrong_.empty() && at_ < text_.size()) {
      fail("something follows the last element");
    }
    return wrong_.empty() ? Result<Element>(std::move(root)) : Error{"", "not XML: " + wrong_, ""};
  }

  Position where() const { return position_in(text_, at_); }

 private:
  using Spaces = std::vector<std::pair<std::string, std::string>>;  ///< prefix and namespace, innermost last

  void fail(std::string reason) {
    if (wrong_.empty()) {
      wrong_ = std::move(reason);
    }
  }

  bool skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) {
      return false;
    }
    move(what.size());
    return true;
  }

  void move(size_t count) {
    const std::string_view passed = text_.substr(at_, count);
    line_ += static_cast<size_t>(std::count(passed.begin(), passed.end(), '\n'));
    at_ += passed.size();
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) {
      move(1);
    }
  }

  /// Moves behind `end`, or fails.
  void skip_to(std::string_view end) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) {
      return fail(fmt::format("{} is missing", end));
    }
    move(found + end.size() - at_);
  }

  /// Comments, processing instructions and blanks.
  void skip_outside() {
    while (wrong_.empty()) {
      skip_blanks();
      if (skip("<!--")) {
        skip_to("-->");
      } else if (skip("<?")) {
        skip_to("?>");
      } else if (text_.substr(at_).starts_with("<!")) {
        return fail("document types are not read");
      } else {
        return;
      }
    }
  }

  std::string name() {
    const size_t start = at_;
    while (at_ < text_.size() && !is_blank(text_[at_]) &&
           std::string_view("<>/=\"'&").find(text_[at_]) == std::string_view::npos) {
      at_++;
    }
    if (at_ == start) {
      fail("a name is missing");
    }
    return std::string(text_.substr(start, at_ - start));
  }

  /// Appends the character that the & at the present place stands for.
  void entity(std::string& out) {
    const size_t end = text_.find(';', at_);
    const std::string_view word =
        end == std::string_view::npos || end - at_ > 10 ? "" : text_.substr(at_ + 1, end - at_ - 1);
    static constexpr std::pair<std::string_view, char> kNamed[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const auto* named =
        std::find_if(std::begin(kNamed), std::end(kNamed), [&](const auto& n) { return n.first == word; });
    uint32_t code = 0;
    if (named != std::end(kNamed)) {
      out += named->second;
    } else if (word.starts_with('#') && number(word.substr(1), code)) {
      append(out, code);
    } else {
      return fail("an entity that is not known");
    }
    move(end + 1 - at_);
  }

  static bool number(std::string_view word, uint32_t& code) {
    const bool hex = word.starts_with('x');
    word = hex ? word.substr(1) : word;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), code, hex ? 16 : 10);
    return error == std::errc() && end == word.data() + word.size() && code > 0 && code <= 0x10ffff;
  }

  /// As UTF-8; whether the character may be in a value is judged with the value.
  static void append(std::string& out, uint32_t code) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xf0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  /// A value in quotes. Line ends and tabs in it are blanks (XML 1.0, 3.3.3), numbers for them are not.
  std::string quoted() {
    const char quote = at_ < text_.size() ? text_[at_] : 0;
    if (quote != '"' && quote != '\'') {
      fail("a value in quotes is missing");
      return {};
    }
    std::string out;
    for (move(1); wrong_.empty() && at_ < text_.size() && text_[at_] != quote;) {
      if (text_[at_] == '&') {
        entity(out);
      } else if (text_[at_] == '<') {
        fail("< in a value");
      } else {
        out += is_blank(text_[at_]) ? ' ' : text_[at_];
        move(1);
      }
    }
    if (wrong_.empty() && !skip(std::string_view(&quote, 1))) {
      fail("a quoted value does not end");
    }
    return out;
  }

  /// Reads attributes up to > or />; true when the element ends there.
  bool attributes(Element& element, Spaces& spaces) {
    while (wrong_.empty()) {
      skip_blanks();
      if (skip("/>")) {
        return true;
      }
      if (skip(">")) {
        return false;
      }
      const std::string attribute = name();
      skip_blanks();
      if (!wrong_.empty() || !skip("=")) {
        fail("a = is missing");
        break;
      }
      skip_blanks();
      std::string value = quoted();
      if (spaces.size() > kMostSpaces || element.attributes.size() > kMostSpaces) {
        fail("too many attributes");
      } else if (attribute == "xmlns" || attribute.starts_with("xmlns:")) {
        spaces.emplace_back(attribute.size() > 6 ? attribute.substr(6) : "", std::move(value));
      } else {
        element.attributes.emplace_back(attribute.substr(attribute.find(':') + 1), std::move(value));
      }
    }
    return true;
  }

  Element element(Spaces spaces, size_t depth) {
    Element out;
    out.line = line_;
    move(1);
    const std::string full = name();
    if (depth >= kDeepest) {
      fail("nested too deeply");
    }
    const bool ended = attributes(out, spaces);
    const size_t colon = full.find(':');
    out.name = colon == std::string::npos ? full : full.substr(colon + 1);
    const std::string prefix = colon == std::string::npos ? "" : full.substr(0, colon);
    const auto space = std::find_if(spaces.rbegin(), spaces.rend(), [&](const auto& s) { return s.first == prefix; });
    out.space = space != spaces.rend() ? space->second : "";
    if (!ended) {
      content(out, spaces, depth, full);
    }
    return out;
  }

  void content(Element& out, const Spaces& spaces, size_t depth, const std::string& full) {
    while (wrong_.empty()) {
      if (at_ >= text_.size()) {
        return fail(fmt::format("</{}> is missing", full));
      }
      if (skip("<!--")) {
        skip_to("-->");
      } else if (skip("<![CDATA[")) {
        const size_t start = at_;
        skip_to("]]>");
        out.text += wrong_.empty() ? text_.substr(start, at_ - start - 3) : "";
      } else if (skip("<?")) {
        skip_to("?>");
      } else if (skip("</")) {
        if (name() != full) {
          fail(fmt::format("</{}> is missing", full));
        }
        skip_blanks();
        return skip(">") ? void() : fail("a > is missing");
      } else if (text_[at_] == '<') {
        out.below.push_back(element(spaces, depth + 1));
      } else if (text_[at_] == '&') {
        entity(out.text);
      } else {
        if (text_[at_] != '\r') {  // line ends become newlines (XML 1.0, 2.11)
          out.text += text_[at_];
        }
        move(1);
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0, line_ = 1;
  std::string wrong_;
};

/// What becomes of an element: its own `operation`, else that of the element around it (RFC 6241, 7.2).
enum class Operation { merge, replace, create, strict_delete, remove, none };

std::optional<Operation> operation_of(std::string_view word) {
  static constexpr std::pair<std::string_view, Operation> kWords[] = {
      {"merge", Operation::merge},          {"replace", Operation::replace}, {"create", Operation::create},
      {"delete", Operation::strict_delete}, {"remove", Operation::remove},   {"none", Operation::none}};
  const auto* found =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& w) { return w.first == word; });
  return found != std::end(kWords) ? std::optional(found->second) : std::nullopt;
}

/// Walks elements along the schema and sets what it finds.
class XmlWalker {
 public:
  explicit XmlWalker(Loader& loader)
      : loader_(loader), strict_(loader.mode() == LoadMode::netconf || loader.mode() == LoadMode::netconf_none) {}

  /// The outermost element.
  void run(const Element& root) {
    Operation operation = loader_.mode() == LoadMode::netconf_none ? Operation::none : Operation::merge;
    if (strict_ && !own_operation(root, {}, operation)) {
      return;
    }
    if (operation == Operation::replace || operation == Operation::strict_delete || operation == Operation::remove) {
      loader_.clear();
    }
    if (operation != Operation::strict_delete && operation != Operation::remove) {
      children(root, nullptr, {}, operation);
    }
  }

 private:
  void children(const Element& element, Node parent, const Words& path, Operation operation) {
    if (std::any_of(element.text.begin(), element.text.end(), [](char c) { return !is_blank(c); })) {
      return wrong(element, path, "text stands between elements");
    }
    for (const Element& child : element.below) {
      if (loader_.full()) {
        return;
      }
      const Node node = loader_.schema().child(parent, child.name);
      const auto keys = parent != nullptr && is_list(parent) ? keys_of(parent) : std::vector<Node>();
      if (std::any_of(keys.begin(), keys.end(), [&](Node key) { return name_of(key) == child.name; })) {
        continue;
      }
      if (node == nullptr) {
        loader_.fail(child.line, {join_words(path), fmt::format("unknown word \"{}\"", child.name),
                                  suggest(child.name, loader_.schema().child_names(parent), "known here:")});
      } else if (!child.space.empty() && child.space != namespace_of(node)) {
        loader_.fail(child.line,
                     {join_words(path), fmt::format("{} is not in the namespace {}", child.name, child.space),
                      fmt::format("write xmlns=\"{}\"", namespace_of(node))});
      } else {
        any(child, node, path, operation);
      }
    }
  }

  void wrong(const Element& element, const Words& path, std::string reason) {
    loader_.fail(element.line, {join_words(path), std::move(reason), ""});
  }

  static Tags tags(const Element& element) {
    Tags out;
    for (const auto& [name, value] : element.attributes) {
      out.comment = name == "comment" ? value : out.comment;
      out.inactive |= name == "inactive" && value == "true";
      out.active |= name == "inactive" && value == "false";
      out.replace |= name == "operation" && value == "replace";
      out.remove |= name == "operation" && value == "delete";
    }
    return out;
  }

  /// Replaces `operation` by the element's own. False when that is no operation.
  bool own_operation(const Element& element, const Words& path, Operation& operation) {
    for (const auto& [name, value] : element.attributes) {
      if (name == "operation") {
        const auto own = operation_of(value);
        if (!own || *own == Operation::none) {
          wrong(element, path, fmt::format("\"{}\" is no operation", value));
          return false;
        }
        operation = *own;
      }
    }
    return true;
  }

  /// Does what the operation wants before a node is set. True when it is to be set then.
  bool operate(const Element& element, Node node, const Words& path, Operation operation) {
    const bool goes = operation == Operation::strict_delete || operation == Operation::remove;
    Words meant = path;
    if (is_leaf_list(node)) {
      meant.push_back(element.text);
    }
    const auto parsed = parse_path(loader_.schema(), meant, PathMode::any);
    if (!parsed) {
      loader_.fail(element.line, parsed.error());
      return false;
    }
    const bool there = loader_.tree().find(*parsed) != nullptr;
    if (operation == Operation::create && there) {
      wrong(element, words_of(*parsed), std::string(kThere));
      return false;
    }
    if ((operation == Operation::strict_delete || (operation == Operation::none && is_list(node))) && !there) {
      wrong(element, words_of(*parsed), std::string(kNotThere));
      return false;
    }
    if (there && (goes || operation == Operation::replace) && !loader_.remove(element.line, words_of(*parsed))) {
      return false;
    }
    return !goes && !(operation == Operation::none && is_term(node));
  }

  void any(const Element& element, Node node, Words path, Operation operation) {
    path.push_back(name_of(node));
    Tags own = tags(element);
    if (is_list(node) && !add_keys(element, node, path)) {
      return;
    }
    if (strict_) {
      own.replace = own.remove = false;
      if (!own_operation(element, path, operation) || !operate(element, node, path, operation)) {
        return;
      }
    }
    if (is_term(node)) {
      if (!element.below.empty()) {
        return wrong(element, path, "one value belongs here");
      }
      if (!is_empty_leaf(node)) {
        path.push_back(element.text);
      }
    }
    const bool sets = !is_container(node) && operation != Operation::none;
    if (!loader_.prepare(element.line, path, own) || (sets && !loader_.set(element.line, path))) {
      return;
    }
    if (!is_term(node)) {
      children(element, node, path, operation);
    }
    if (operation != Operation::none) {
      loader_.finish(element.line, path, own);
    }
  }

  bool add_keys(const Element& element, Node list, Words& path) {
    for (const Node key : keys_of(list)) {
      const auto found = std::find_if(element.below.begin(), element.below.end(),
                                      [&](const Element& e) { return e.name == name_of(key); });
      if (found == element.below.end()) {
        wrong(element, path, fmt::format("an entry without its {}", name_of(key)));
        return false;
      }
      path.push_back(found->text);
    }
    return true;
  }

  Loader& loader_;
  bool strict_;
};

}  // namespace

void load_xml(Loader& loader, std::string_view text) {
  XmlReader reader(text);
  const auto root = reader.run();
  if (!root) {
    return loader.fail(reader.where(), root.error().reason);
  }
  if (root->name != name_of(loader.schema().root())) {
    return loader.fail(root->line, {"", fmt::format("the outermost element is <{}>", root->name),
                                    fmt::format("it is to be <{}>", name_of(loader.schema().root()))});
  }
  XmlWalker(loader).run(*root);
}

}  // namespace floof::config
