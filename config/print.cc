// SPDX-License-Identifier: GPL-3.0-or-later
//
// The three prints of a tree: curly, set lines, JSON. Each loads back (config/load.cc).
#include <fmt/format.h>
#include <libyang/libyang.h>

#include <charconv>

#include "config/tree.h"

namespace floof::config {

namespace {

Json value_json(const lyd_node* term, bool hide_secrets) {
  const Node node = term->schema;
  const std::string text = lyd_get_value(term);
  if (is_empty_leaf(node)) {
    return true;
  }
  if (is_boolean(node)) {
    return text == "true";
  }
  if (is_number(node)) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) {
      return number;
    }
    return static_cast<int64_t>(std::strtoll(text.c_str(), nullptr, 10));
  }
  return hide_secrets && is_secret(node) ? std::string(kHiddenSecret) : text;
}

/// `with_defaults`: leafs that hold only their default are written, containers that hold nothing else are not.
class JsonPrinter {
 public:
  JsonPrinter(const Schema& schema, bool hide_secrets, bool with_defaults)
      : schema_(schema), hide_secrets_(hide_secrets), with_defaults_(with_defaults) {}

  Json siblings(const lyd_node* first) const {
    Json out = Json::object();
    for (const lyd_node* node : in_order(schema_, first)) {
      add(out, node);
    }
    for (const lyd_node* node = first; node != nullptr; node = node->next) {
      const bool is_default = (node->flags & LYD_DEFAULT) != 0;
      if (is_key(node->schema) || (with_defaults_ && is_default && is_term(node->schema))) {
        add(out, node);
      }
    }
    return out;
  }

  Json node(const lyd_node* node) const {
    return is_term(node->schema) ? value_json(node, hide_secrets_) : siblings(lyd_child(node));
  }

 private:
  void add(Json& out, const lyd_node* child) const {
    const std::string name = name_of(child->schema);
    if (is_list(child->schema) || is_leaf_list(child->schema)) {
      out[name].push_back(node(child));
    } else {
      Json value = node(child);
      if (!is_container(child->schema) || !value.empty()) {
        out[name] = std::move(value);
      }
    }
  }

  const Schema& schema_;
  bool hide_secrets_, with_defaults_;
};

std::string quoted_own(const lyd_node* node) { return join_words(own_words(node, true)); }

void print_set(const Schema& schema, const lyd_node* node, const Words& above, bool hide_secrets, std::string& out) {
  Words words = above;
  const Words own = own_words(node, hide_secrets);
  words.insert(words.end(), own.begin(), own.end());
  const auto children = children_in_order(schema, node);
  if (children.empty() && !is_container(node->schema)) {
    out += "set " + join_words(words) + "\n";
  }
  for (const lyd_node* child : children) {
    print_set(schema, child, words, hide_secrets, out);
  }
}

/// Nodes that a path names: the entries of a whole list, the one node, or all top-level ones.
struct Selection {
  std::vector<const lyd_node*> nodes;
  bool inside = false;  ///< the children of the one node are meant
};

Result<Selection> select(const Tree& tree, std::span<const std::string> words) {
  const Schema& schema = tree.schema();
  if (words.empty()) {
    return Selection{in_order(schema, tree.first()), false};
  }
  auto path = parse_path(schema, words, PathMode::any);
  if (!path) {
    return path.error();
  }
  const Step& last = path->back();
  const bool whole = (is_list(last.node) && last.keys.empty()) || (is_leaf_list(last.node) && !last.value);
  if (!whole) {
    const lyd_node* node = tree.find(*path);
    return node == nullptr ? Selection{} : Selection{{node}, !is_term(last.node)};
  }
  const Path above(path->begin(), path->end() - 1);
  const lyd_node* parent = above.empty() ? nullptr : tree.find(above);
  Selection out;
  if (above.empty() || parent != nullptr) {
    for (const lyd_node* node : above.empty() ? in_order(schema, tree.first()) : children_in_order(schema, parent)) {
      if (node->schema == last.node) {
        out.nodes.push_back(node);
      }
    }
  }
  return out;
}

}  // namespace

void print_curly(const Schema& schema, const lyd_node* node, int level, std::string_view mark, std::string& out) {
  const std::string indent(static_cast<size_t>(level) * 4, ' ');
  const auto children = children_in_order(schema, node);
  if (children.empty()) {
    if (!is_container(node->schema)) {
      out += fmt::format("{}{}{};\n", mark, indent, quoted_own(node));
    }
    return;
  }
  out += fmt::format("{}{}{} {{\n", mark, indent, quoted_own(node));
  for (const lyd_node* child : children) {
    print_curly(schema, child, level + 1, mark, out);
  }
  out += fmt::format("{}{}}}\n", mark, indent);
}

Json Tree::for_features() const {
  Tree copy(*this);
  lyd_new_implicit_all(&copy.root_, schema_->context(), LYD_IMPLICIT_NO_STATE, nullptr);
  return JsonPrinter(*schema_, false, true).siblings(copy.first());
}

Json Tree::to_json(bool hide_secrets) const { return JsonPrinter(*schema_, hide_secrets, false).siblings(first()); }

Result<Json> Tree::to_json(std::span<const std::string> path, bool hide_secrets) const {
  if (path.empty()) {
    return to_json(hide_secrets);
  }
  const auto selected = select(*this, path);
  if (!selected) {
    return selected.error();
  }
  const JsonPrinter printer(*schema_, hide_secrets, false);
  const auto parsed = parse_path(*schema_, path, PathMode::any);
  const Step& last = parsed->back();
  if ((is_list(last.node) && last.keys.empty()) || (is_leaf_list(last.node) && !last.value)) {
    Json out = Json::array();
    for (const lyd_node* node : selected->nodes) {
      out.push_back(printer.node(node));
    }
    return out;
  }
  return selected->nodes.empty() ? Json(nullptr) : printer.node(selected->nodes[0]);
}

Result<std::string> Tree::curly(std::span<const std::string> path) const {
  const auto selected = select(*this, path);
  if (!selected) {
    return selected.error();
  }
  std::string out;
  for (const lyd_node* node : selected->nodes) {
    if (!selected->inside) {
      print_curly(*schema_, node, 0, "", out);
      continue;
    }
    for (const lyd_node* child : children_in_order(*schema_, node)) {
      print_curly(*schema_, child, 0, "", out);
    }
  }
  return out;
}

Result<std::string> Tree::set_lines(std::span<const std::string> path, bool hide_secrets) const {
  const auto selected = select(*this, path);
  if (!selected) {
    return selected.error();
  }
  std::string out;
  for (const lyd_node* node : selected->nodes) {
    print_set(*schema_, node, words_of(lyd_parent(node)), hide_secrets, out);
  }
  return out;
}

}  // namespace floof::config
