// SPDX-License-Identifier: GPL-3.0-or-later
//
// XML (RFC 7950) to a tree, with a reader of its own (config/load/xml_reader.h), so that errors name lines and words
// like those of the other forms.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/load/loader.h"
#include "config/load/xml_reader.h"
#include "config/tree/words.h"

namespace floof::config {

namespace {

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
  void run(const XmlElement& root) {
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
  void children(const XmlElement& element, Node parent, const Words& path, Operation operation) {
    if (std::any_of(element.text.begin(), element.text.end(), [](char c) { return !is_blank(c); })) {
      return wrong(element, path, "text stands between elements");
    }
    for (const XmlElement& child : element.below) {
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

  void wrong(const XmlElement& element, const Words& path, std::string reason) {
    loader_.fail(element.line, {join_words(path), std::move(reason), ""});
  }

  static Tags tags(const XmlElement& element) {
    Tags out;
    for (const auto& [name, space, value] : element.attributes) {
      out.comment = name == "comment" ? value : out.comment;
      out.inactive |= name == "inactive" && value == "true";
      out.active |= name == "inactive" && value == "false";
      out.replace |= name == "operation" && value == "replace";
      out.remove |= name == "operation" && value == "delete";
    }
    return out;
  }

  /// What nobody knows must not pass for something that is done.
  bool known_attributes(const XmlElement& element, const Words& path) {
    for (const auto& [name, space, value] : element.attributes) {
      const bool operation = name == "operation";
      if (!operation && name != "inactive" && name != "comment") {
        wrong(element, path, fmt::format("the attribute \"{}\" is not known", name));
        return false;
      }
      if (!strict_ && operation && value != "replace" && value != "delete" && value != "merge") {
        wrong(element, path, fmt::format("the operation \"{}\" is for NETCONF; here replace and delete are", value));
        return false;
      }
    }
    return true;
  }

  /// Replaces `operation` by the element's own. False when that is no operation.
  bool own_operation(const XmlElement& element, const Words& path, Operation& operation) {
    for (const auto& [name, space, value] : element.attributes) {
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
  bool operate(const XmlElement& element, Node node, const Words& path, Operation operation) {
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

  void any(const XmlElement& element, Node node, Words path, Operation operation) {
    path.push_back(name_of(node));
    Tags own = tags(element);
    if (is_list(node) && !add_keys(element, node, path)) {
      return;
    }
    if (!known_attributes(element, path)) {
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

  bool add_keys(const XmlElement& element, Node list, Words& path) {
    for (const Node key : keys_of(list)) {
      const auto found = std::find_if(element.below.begin(), element.below.end(),
                                      [&](const XmlElement& e) { return e.name == name_of(key); });
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
  Position where;
  const auto root = read_xml(text, where);
  if (!root) {
    return loader.fail(where, root.error().reason);
  }
  if (root->name != name_of(loader.schema().root())) {
    return loader.fail(root->line, {"", fmt::format("the outermost element is <{}>", root->name),
                                    fmt::format("it is to be <{}>", name_of(loader.schema().root()))});
  }
  XmlWalker(loader).run(*root);
}

}  // namespace floof::config
