// SPDX-License-Identifier: GPL-3.0-or-later
//
// Setting and deleting; the other verbs are in edit.cc.
#include "config/tree/tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace floof::config {

Item item_of(const Schema& schema, const Step& step) {
  Item item;
  item.node = step.node;
  item.place = schema.position(step.node);
  item.keys = step.keys;
  item.value = step.value.value_or("");
  return item;
}

namespace {

/// The first one of a list or leaf-list that is meant as a whole, else the one that the step names.
const Item* find_step(const Schema& schema, const Items& items, const Step& step) {
  const bool whole = (is_list(step.node) && step.keys.empty()) || (is_leaf_list(step.node) && !step.value);
  if (!whole) {
    return find(items, item_of(schema, step));
  }
  const auto it = std::find_if(items.begin(), items.end(), [&](const ItemPtr& i) { return i->node == step.node; });
  return it != items.end() ? it->get() : nullptr;
}

bool names(const Step& step, const Item& item) {
  if (item.node != step.node) {
    return false;
  }
  if (is_list(step.node)) {
    return step.keys.empty() || step.keys == item.keys;
  }
  const bool hidden = is_secret(step.node) && step.value == kHiddenSecret;
  return !is_term(step.node) || !step.value || hidden || *step.value == item.value;
}

bool takes_brackets(const Step& step) {
  return is_list(step.node) ? step.keys.empty() && keys_of(step.node).size() == 1 : is_term(step.node) && !step.value;
}

/// `address [ a b ]` as one list of words for each value, `prefix-reject [ a b ] le 24` as one for each name of an
/// entry; else the words as they are.
std::vector<Words> each_value(const Schema& schema, std::span<const std::string> words) {
  for (auto open = std::find(words.begin(), words.end(), "["); open != words.end();
       open = std::find(open + 1, words.end(), "[")) {
    const auto path = parse_path(schema, {words.begin(), open}, PathMode::any);
    const auto close = std::find(open, words.end(), "]");
    if (!path || path->empty() || close == words.end() || close == open + 1 || !takes_brackets(path->back()) ||
        (is_term(path->back().node) && close + 1 != words.end())) {
      continue;  // a value or key of that spelling
    }
    std::vector<Words> out;
    for (auto value = open + 1; value != close; ++value) {
      out.emplace_back(words.begin(), open);
      out.back().push_back(*value);
      out.back().insert(out.back().end(), close + 1, words.end());
    }
    return out;
  }
  return {Words(words.begin(), words.end())};
}

/// Removes the items that the last step names, and the containers that this leaves empty.
void remove_below(Items& items, std::span<const Step> path, bool keep_empty) {
  if (path.size() == 1) {
    std::erase_if(items, [&](const ItemPtr& item) { return names(path[0], *item); });
    return;
  }
  const auto it = std::find_if(items.begin(), items.end(), [&](const ItemPtr& i) { return names(path[0], *i); });
  if (it != items.end()) {
    Item& item = writable(*it);
    remove_below(item.children, path.subspan(1), keep_empty);
    if (!keep_empty && item.children.empty() && is_container(item.node)) {
      items.erase(it);
    }
  }
}

}  // namespace

Tree::Tree(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)), root_(make_item(*schema_, nullptr)) {}

const Item* Tree::find(const Path& path) const {
  const Items* items = &root_->children;
  const Item* item = nullptr;
  for (const Step& step : path) {
    item = find_step(*schema_, *items, step);
    if (item == nullptr || !names(step, *item)) {
      return nullptr;
    }
    items = &item->children;
  }
  return item;
}

Notes Tree::put(const Path& path) {
  Notes notes;
  if (find(path) != nullptr) {
    return notes;
  }
  Item* parent = &writable(root_);
  Words words;
  for (const Step& step : path) {
    if (in_choice(step.node)) {
      std::erase_if(parent->children, [&](const ItemPtr& other) {
        const bool gone = excludes(step.node, other->node);
        if (gone) {
          notes.push_back("removed " + join_words(words_below(words, *other)));
        }
        return gone;
      });
    }
    const Item wanted = item_of(*schema_, step);
    size_t at = position_of(parent->children, wanted);
    if (at == parent->children.size()) {
      at = insert_item(parent->children, make_item(*schema_, step.node, step.keys, wanted.value));
    }
    Item& item = writable(parent->children[at]);
    if (is_leaf(step.node)) {
      item.value = wanted.value;
    }
    words = words_below(words, item);
    parent = &item;
  }
  return notes;
}

Result<> Tree::keep_secret(Path& path, std::span<const std::string> words, const Tree* kept) const {
  Step& last = path.back();
  if (!is_term(last.node) || !is_secret(last.node) || last.value != kHiddenSecret) {
    return {};
  }
  Path place = path;
  place.back().value.reset();
  const Item* present = find(place);
  if (present == nullptr && kept != nullptr) {
    present = kept->find(place);
  }
  if (present == nullptr) {
    return Error{join_words(words.first(words.size() - 1)),
                 fmt::format("{} stands for a secret that is not printed, and there is none here", kHiddenSecret),
                 "give the secret itself"};
  }
  last.value = present->value;
  return {};
}

Result<Notes> Tree::set(std::span<const std::string> words, const Tree* kept) {
  std::vector<Path> paths;  // all are judged before the first one is set
  for (const Words& one : each_value(*schema_, words)) {
    auto path = parse_path(*schema_, one, PathMode::set);
    if (!path) {
      return path.error();
    }
    if (one.size() != words.size() && is_leaf(path->back().node) && words.back() == "]") {
      return Error{join_words(words_of(*path)), "it takes one value", "leave out [ and ]"};
    }
    if (auto secret = keep_secret(*path, one, kept); !secret) {
      return secret.error();
    }
    paths.push_back(std::move(*path));
  }
  Notes notes;
  for (const Path& path : paths) {
    const Notes more = put(path);
    notes.insert(notes.end(), more.begin(), more.end());
  }
  return notes;
}

Error Tree::not_there(const Path& path) const {
  Words words = words_of(path);
  const Step& last = path.back();
  if (is_leaf(last.node) && last.value && !is_empty_leaf(last.node)) {
    words.push_back(is_secret(last.node) ? std::string(kHiddenSecret) : *last.value);
  }
  const Items* items = &root_->children;
  for (const Step& step : path) {
    const Item* item = find_step(*schema_, *items, step);
    if (item == nullptr || !names(step, *item)) {
      std::vector<std::string> existing;
      for (const ItemPtr& sibling : *items) {
        if (sibling->node == step.node && !is_container(step.node)) {
          const Words own = own_words(*sibling, Secrets::hidden);
          existing.push_back(own.size() > 1 ? own[1] : own[0]);
        }
      }
      const std::string wanted = step.keys.empty() ? step.value.value_or("") : step.keys[0];
      return Error{join_words(words), "nothing like this is configured", suggest(wanted, existing, "configured:")};
    }
    items = &item->children;
  }
  return Error{join_words(words), "nothing like this is configured", ""};
}

Result<> Tree::remove(std::span<const std::string> words, bool keep_empty) {
  if (words.empty()) {
    return Error{"", "delete needs a path", suggest("", schema_->child_names(nullptr), "it starts with one of")};
  }
  std::vector<Path> paths;
  for (const Words& one : each_value(*schema_, words)) {
    auto path = parse_path(*schema_, one, PathMode::any);
    if (!path) {
      return path.error();
    }
    if (find(*path) == nullptr) {
      return not_there(*path);
    }
    paths.push_back(std::move(*path));
  }
  for (const Path& path : paths) {
    remove_below(writable(root_).children, path, keep_empty);
  }
  return {};
}

namespace {

bool is_hollow(const ItemPtr& item) {
  return is_container(item->node) && std::all_of(item->children.begin(), item->children.end(), is_hollow);
}

bool has_hollow(const Items& items) {
  return std::any_of(items.begin(), items.end(),
                     [](const ItemPtr& item) { return is_hollow(item) || has_hollow(item->children); });
}

void drop_hollow(Items& items) {
  std::erase_if(items, is_hollow);
  for (ItemPtr& item : items) {
    if (has_hollow(item->children)) {
      drop_hollow(writable(item).children);
    }
  }
}

}  // namespace

void Tree::drop_empty() { drop_hollow(writable(root_).children); }

namespace {

void collect(const Schema& schema, const Items& items, Node leaf, std::vector<std::string>& values) {
  for (const ItemPtr& item : items) {
    if (item->node == leaf) {
      values.push_back(item->value);
    } else if (is_list(item->node) && is_key(leaf)) {
      const auto keys = keys_of(item->node);
      const auto at = std::find(keys.begin(), keys.end(), leaf);
      if (at != keys.end()) {
        values.push_back(item->keys[static_cast<size_t>(at - keys.begin())]);
      }
    }
    if (item->node != schema.groups()) {
      collect(schema, item->children, leaf, values);
    }
  }
}

}  // namespace

std::vector<std::string> values_of(const Tree& tree, Node leaf) {
  std::vector<std::string> values;
  collect(tree.schema(), tree.items(), leaf, values);
  std::sort(values.begin(), values.end(), natural_less);
  return values;
}

}  // namespace floof::config
