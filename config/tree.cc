// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree.h"

#include <fmt/format.h>
#include <libyang/libyang.h>

#include <algorithm>

namespace floof::config {

namespace {

std::string path_text(std::span<const std::string> words, size_t count) { return join_words(words.first(count)); }

/// Reads the keys of a list entry from words[at...].
Result<> read_keys(const Schema& schema, std::span<const std::string> words, size_t& at, PathMode mode, Step& step) {
  const auto keys = keys_of(step.node);
  if (mode == PathMode::any && at == words.size()) {
    return {};
  }
  for (const Node key : keys) {
    if (at == words.size()) {
      return Error{path_text(words, at), fmt::format("a {} is missing", name_of(key)),
                   fmt::format("add {}: {}", value_hint(key), describe_value(key))};
    }
    auto value = check_value(schema, key, words[at]);
    if (!value) {
      return Error{path_text(words, at), value.error().reason, value.error().remedy};
    }
    step.keys.push_back(std::move(*value));
    at++;
  }
  return {};
}

Result<> read_value(const Schema& schema, std::span<const std::string> words, size_t& at, PathMode mode, Step& step) {
  if (is_empty_leaf(step.node)) {
    step.value = "";
    return {};
  }
  if (at == words.size()) {
    if (mode == PathMode::any) {
      return {};
    }
    return Error{path_text(words, at), fmt::format("the value of {} is missing", name_of(step.node)),
                 "give " + describe_value(step.node)};
  }
  if (is_secret(step.node) && words[at] == kHiddenSecret) {
    step.value = words[at++];
    return {};
  }
  auto value = check_value(schema, step.node, words[at]);
  if (!value) {
    return Error{path_text(words, at), value.error().reason, value.error().remedy};
  }
  step.value = std::move(*value);
  at++;
  return {};
}

}  // namespace

Result<Path> parse_path(const Schema& schema, std::span<const std::string> words, PathMode mode) {
  Path path;
  Node parent = nullptr;
  for (size_t at = 0; at < words.size();) {
    if (parent != nullptr && is_term(parent)) {
      const std::string value = is_empty_leaf(parent) ? "takes no value" : "has one value here";
      return Error{path_text(words, at), fmt::format("unexpected \"{}\": {} {}", words[at], name_of(parent), value),
                   is_empty_leaf(parent) ? "leave it out" : "quote a value that has blanks"};
    }
    const Node node = schema.child(parent, words[at]);
    if (node == nullptr || is_key(node)) {
      const auto names = schema.child_names(parent);
      return Error{path_text(words, at), fmt::format("unknown word \"{}\"", words[at]),
                   suggest(words[at], names, "known here:")};
    }
    at++;
    Step step{node, {}, {}};
    Result<> read;
    if (is_list(node)) {
      read = read_keys(schema, words, at, mode, step);
    } else if (is_term(node)) {
      read = read_value(schema, words, at, mode, step);
    }
    if (!read) {
      return read.error();
    }
    path.push_back(std::move(step));
    parent = node;
  }
  if (mode == PathMode::set && (path.empty() || is_container(path.back().node))) {
    return Error{join_words(words), "the path stops too early",
                 suggest("", schema.child_names(parent), "it continues with one of")};
  }
  return path;
}

Tree::Tree(const Tree& other) : schema_(other.schema_) {
  if (other.root_ != nullptr) {
    lyd_dup_single(other.root_, nullptr, LYD_DUP_RECURSIVE, &root_);
  }
}

Tree::Tree(Tree&& other) noexcept : schema_(other.schema_), root_(std::exchange(other.root_, nullptr)) {}

Tree& Tree::operator=(Tree other) noexcept {
  std::swap(schema_, other.schema_);
  std::swap(root_, other.root_);
  return *this;
}

Tree::~Tree() { lyd_free_all(root_); }

const lyd_node* Tree::first() const { return root_ != nullptr ? lyd_child(root_) : nullptr; }

namespace {

/// The instance of a step among siblings, or null.
lyd_node* find_step(const lyd_node* siblings, const Step& step) {
  lyd_node* match = nullptr;
  if (siblings == nullptr) {
    return nullptr;
  }
  if (is_list(step.node) && !step.keys.empty()) {
    std::string predicate;
    const auto keys = keys_of(step.node);
    for (size_t i = 0; i < keys.size(); i++) {
      const char quote = step.keys[i].find('\'') == std::string::npos ? '\'' : '"';
      predicate += fmt::format("[{}={}{}{}]", name_of(keys[i]), quote, step.keys[i], quote);
    }
    lyd_find_sibling_val(siblings, step.node, predicate.c_str(), predicate.size(), &match);
  } else if (is_leaf_list(step.node) && step.value) {
    lyd_find_sibling_val(siblings, step.node, step.value->c_str(), step.value->size(), &match);
  } else {
    lyd_find_sibling_val(siblings, step.node, nullptr, 0, &match);
  }
  return match;
}

/// The case of `choice` that `node` lies in, or null.
Node case_within(Node node, Node choice) {
  for (; node != nullptr; node = node->parent) {
    if (node->nodetype == LYS_CASE && node->parent == choice) {
      return node;
    }
  }
  return nullptr;
}

}  // namespace

lyd_node* Tree::find_mutable(const Path& path, size_t* depth) const {
  lyd_node* node = nullptr;
  for (size_t i = 0; i < path.size(); i++) {
    if (depth != nullptr) {
      *depth = i;
    }
    node = find_step(i == 0 ? first() : lyd_child(node), path[i]);
    if (node == nullptr) {
      return nullptr;
    }
    if (is_leaf(path[i].node) && path[i].value && !is_empty_leaf(path[i].node) &&
        *path[i].value != lyd_get_value(node)) {
      return nullptr;
    }
  }
  return node;
}

const lyd_node* Tree::find(const Path& path) const { return find_mutable(path); }

/// Frees a node and the containers that it leaves empty.
void Tree::drop(lyd_node* node) {
  for (lyd_node* parent = lyd_parent(node);; parent = lyd_parent(node)) {
    lyd_free_tree(node);
    if (parent == nullptr || !is_container(parent->schema) || lyd_child(parent) != nullptr) {
      return;
    }
    root_ = parent == root_ ? nullptr : root_;
    node = parent;
  }
}

void Tree::drop_other_cases(lyd_node* parent, Node node, std::vector<std::string>& notes) {
  for (Node choice = node->parent; choice != nullptr && (choice->nodetype & (LYS_CHOICE | LYS_CASE)) != 0;
       choice = choice->parent) {
    if (choice->nodetype != LYS_CHOICE) {
      continue;
    }
    const Node own_case = case_within(node, choice);
    lyd_node* next = nullptr;
    for (lyd_node* other = lyd_child(parent); other != nullptr; other = next) {
      next = other->next;
      const Node other_case = case_within(other->schema, choice);
      if (other_case != nullptr && other_case != own_case) {
        notes.push_back("removed " + join_words(words_of(other)));
        lyd_free_tree(other);
      }
    }
  }
}

lyd_node* Tree::make(lyd_node* parent, const Step& step, std::vector<std::string>& notes) {
  drop_other_cases(parent, step.node, notes);
  lyd_node* node = find_step(lyd_child(parent), step);
  const char* value = step.value ? step.value->c_str() : "";
  if (node != nullptr) {
    if (is_leaf(step.node)) {
      lyd_change_term(node, value);
    }
    return node;
  }
  const lys_module* module = step.node->module;
  const char* name = step.node->name;
  if (is_container(step.node)) {
    lyd_new_inner(parent, module, name, 0, &node);
  } else if (is_term(step.node)) {
    lyd_new_term(parent, module, name, value, 0, &node);
  } else if (step.keys.size() == 1) {
    lyd_new_list(parent, module, name, 0, &node, step.keys[0].c_str());
  } else if (step.keys.size() == 2) {
    lyd_new_list(parent, module, name, 0, &node, step.keys[0].c_str(), step.keys[1].c_str());
  }
  return node;
}

Result<std::vector<std::string>> Tree::set(std::span<const std::string> words) {
  auto path = parse_path(*schema_, words, PathMode::set);
  if (!path) {
    return path.error();
  }
  if (is_secret(path->back().node) && path->back().value == kHiddenSecret) {
    path->back().value.reset();
    if (find(*path) == nullptr) {
      return Error{path_text(words, words.size() - 1), "the text stands for a secret that is not printed",
                   "give the secret itself"};
    }
    return std::vector<std::string>();
  }
  std::vector<std::string> notes;
  if (root_ == nullptr) {
    lyd_new_inner(nullptr, schema_->root()->module, schema_->root()->name, 0, &root_);
  }
  lyd_node* node = root_;
  for (const Step& step : *path) {
    node = node != nullptr ? make(node, step, notes) : nullptr;
    if (node == nullptr) {  // the path was checked, so this is libyang's own trouble
      const char* message = ly_errmsg(schema_->context());
      return Error{join_words(words), message != nullptr ? message : "libyang refused it", ""};
    }
  }
  return notes;
}

Result<> Tree::remove(std::span<const std::string> words) {
  if (words.empty()) {
    return Error{"", "delete needs a path", suggest("", schema_->child_names(nullptr), "it starts with one of")};
  }
  auto path = parse_path(*schema_, words, PathMode::any);
  if (!path) {
    return path.error();
  }
  size_t depth = 0;
  lyd_node* node = find_mutable(*path, &depth);
  if (node == nullptr) {
    const Path above(path->begin(), path->begin() + static_cast<ptrdiff_t>(depth));
    const lyd_node* parent = above.empty() ? nullptr : find(above);
    const Step& missing = (*path)[depth];
    std::vector<std::string> existing;
    for (const lyd_node* sibling :
         parent != nullptr ? children_in_order(*schema_, parent) : in_order(*schema_, first())) {
      if (sibling->schema == missing.node && !is_container(missing.node)) {
        const Words own = own_words(sibling, true);
        existing.push_back(own.size() > 1 ? own[1] : own[0]);
      }
    }
    const std::string wanted = missing.keys.empty() ? missing.value.value_or("") : missing.keys[0];
    return Error{join_words(words), "nothing like this is configured", suggest(wanted, existing, "configured:")};
  }
  const Step& last = path->back();
  const bool all = (is_list(last.node) && last.keys.empty()) || (is_leaf_list(last.node) && !last.value);
  for (lyd_node* next = nullptr; node != nullptr; node = all ? next : nullptr) {
    next = node->next != nullptr && node->next->schema == last.node ? node->next : nullptr;
    drop(node);
  }
  return {};
}

Words own_words(const lyd_node* node, bool hide_secrets) {
  Words words{node->schema->name};
  if (is_list(node->schema)) {
    for (const lyd_node* key = lyd_child(node); key != nullptr && is_key(key->schema); key = key->next) {
      words.emplace_back(lyd_get_value(key));
    }
  } else if (is_term(node->schema) && !is_empty_leaf(node->schema)) {
    words.emplace_back(hide_secrets && is_secret(node->schema) ? std::string(kHiddenSecret) : lyd_get_value(node));
  }
  return words;
}

Words words_of(const lyd_node* node) {
  Words words;
  for (; lyd_parent(node) != nullptr; node = lyd_parent(node)) {  // the outermost one is hidden
    const Words own = own_words(node, true);
    words.insert(words.begin(), own.begin(), own.end());
  }
  return words;
}

std::vector<const lyd_node*> in_order(const Schema& schema, const lyd_node* siblings) {
  struct Item {
    size_t position;
    std::string_view key;
    const lyd_node* node;
  };
  std::vector<Item> items;
  for (const lyd_node* node = siblings; node != nullptr; node = node->next) {
    if (is_key(node->schema) || (node->flags & LYD_DEFAULT) != 0) {
      continue;
    }
    std::string_view key;
    if (is_list(node->schema) && !is_user_ordered(node->schema) && lyd_child(node) != nullptr) {
      key = lyd_get_value(lyd_child(node));
    } else if (is_leaf_list(node->schema) && !is_user_ordered(node->schema)) {
      key = lyd_get_value(node);
    }
    items.push_back({schema.position(node->schema), key, node});
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.position != b.position ? a.position < b.position : natural_less(a.key, b.key);
  });
  std::vector<const lyd_node*> out;
  out.reserve(items.size());
  for (const Item& item : items) {
    out.push_back(item.node);
  }
  return out;
}

std::vector<const lyd_node*> children_in_order(const Schema& schema, const lyd_node* parent) {
  return in_order(schema, lyd_child(parent));
}

namespace {

void collect(const lyd_node* first, Node leaf, std::vector<std::string>& values) {
  for (const lyd_node* node = first; node != nullptr; node = node->next) {
    if (node->schema == leaf) {
      values.emplace_back(lyd_get_value(node));
    } else if (!is_term(node->schema)) {
      collect(lyd_child(node), leaf, values);
    }
  }
}

}  // namespace

std::vector<std::string> values_of(const Tree& tree, Node leaf) {
  std::vector<std::string> values;
  collect(tree.first(), leaf, values);
  std::sort(values.begin(), values.end(), natural_less);
  return values;
}

}  // namespace floof::config
