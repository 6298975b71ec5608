// SPDX-License-Identifier: GPL-3.0-or-later
//
// Compares two trees: for people, and as lists of paths. What the trees share is not looked at.
#include <fmt/format.h>

#include <algorithm>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

/// Whether entries that the user orders stand in another order than taking out what went and appending what came gives.
/// `node`: the list or leaf-list.
bool order_changed(const Items& before, const Items& after, Node node) {
  std::vector<const Item*> expected, actual;
  for (const ItemPtr& item : before) {
    if (item->node == node && find(after, *item) != nullptr) {
      expected.push_back(item.get());
    }
  }
  for (const ItemPtr& item : after) {
    if (item->node == node && find(before, *item) == nullptr) {
      expected.push_back(item.get());
    }
    if (item->node == node) {
      actual.push_back(item.get());
    }
  }
  return !std::equal(expected.begin(), expected.end(), actual.begin(), actual.end(),
                     [](const Item* a, const Item* b) { return a->keys == b->keys && a->value == b->value; });
}

/// The user-ordered lists among siblings whose order changed.
std::vector<Node> reordered(const Items& before, const Items& after) {
  std::vector<Node> seen, out;
  for (const ItemPtr& item : after) {
    if (is_user_ordered(item->node) && std::find(seen.begin(), seen.end(), item->node) == seen.end()) {
      seen.push_back(item->node);
      if (order_changed(before, after, item->node)) {
        out.push_back(item->node);
      }
    }
  }
  return out;
}

bool contains(const std::vector<Node>& nodes, Node node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool same_notes(const Item& a, const Item& b) { return a.comment == b.comment && a.inactive == b.inactive; }

/// Pairs of siblings that are the same thing, and those without a partner (null), in the order of `before`, then
/// `after`. Shared ones are left out.
struct Pairing {
  std::vector<std::pair<const Item*, const Item*>> items;
  Pairing(const Items& before, const Items& after) {
    // Only what lies between the shared beginning and the shared end is looked up.
    size_t start = 0, old_end = before.size(), new_end = after.size();
    while (start < old_end && start < new_end && before[start] == after[start]) {
      start++;
    }
    while (old_end > start && new_end > start && before[old_end - 1] == after[new_end - 1]) {
      old_end--, new_end--;
    }
    for (size_t i = start; i < old_end; i++) {
      if (const Item* partner = find(after, *before[i]); partner != before[i].get()) {
        items.emplace_back(before[i].get(), partner);
      }
    }
    for (size_t i = start; i < new_end; i++) {
      if (find(before, *after[i]) == nullptr) {
        items.emplace_back(nullptr, after[i].get());
      }
    }
  }
};

class Comparer {
 public:
  Comparer(const Schema& schema, Secrets secrets) : schema_(schema), secrets_(secrets) {}

  void level(const Items& before, const Items& after, const Words& path) {
    const std::vector<Node> moved = reordered(before, after);
    const Pairing pairing(before, after);
    std::string gone, came, notes;
    for (const auto& [old_item, new_item] : pairing.items) {
      const Node node = old_item != nullptr ? old_item->node : new_item->node;
      if (contains(moved, node)) {
        continue;
      }
      if (old_item == nullptr) {
        print(*new_item, "+   ", came);
      } else if (new_item == nullptr) {
        print(*old_item, "-   ", gone);
      } else if (old_item->value != new_item->value) {
        print(*old_item, "-   ", gone);
        print(*new_item, "+   ", gone);
      } else if (!same_notes(*old_item, *new_item)) {
        noted(*old_item, *new_item, notes);
      }
    }
    for (const Node node : moved) {
      all_of(before, node, "-   ", gone);
      all_of(after, node, "+   ", came);
    }
    if (!gone.empty() || !came.empty() || !notes.empty()) {
      out_ += fmt::format("[edit{}{}]\n{}{}{}", path.empty() ? "" : " ", join_words(path), gone, came, notes);
    }
    for (const auto& [old_item, new_item] : pairing.items) {
      if (old_item != nullptr && new_item != nullptr && !contains(moved, new_item->node)) {
        level(old_item->children, new_item->children, words_below(path, *new_item));
      }
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void print(const Item& item, std::string_view mark, std::string& out) const {
    print_curly(schema_, item, 0, {secrets_, mark, false}, out);
  }

  void all_of(const Items& items, Node node, std::string_view mark, std::string& out) const {
    for (const ItemPtr& item : items) {
      if (item->node == node) {
        print(*item, mark, out);
      }
    }
  }

  /// "!   inactive: interface e0;", "!   active: interface e0;", "!   /* text */ interface e0;"
  void noted(const Item& old_item, const Item& new_item, std::string& out) const {
    const std::string words = join_words(own_words(new_item, secrets_, schema_.secrets()));
    if (old_item.comment != new_item.comment) {
      out += fmt::format("!   /* {}{}*/ {};\n", new_item.comment, new_item.comment.empty() ? "" : " ", words);
    }
    if (old_item.inactive != new_item.inactive) {
      out += fmt::format("!   {}: {};\n", new_item.inactive ? "inactive" : "active", words);
    }
  }

  const Schema& schema_;
  Secrets secrets_;
  std::string out_;
};

class Changed {
 public:
  void level(const Items& before, const Items& after, const Words& path) {
    for (const Node node : reordered(before, after)) {
      Words list = path;
      list.push_back(name_of(node));
      out.changed.push_back(std::move(list));
    }
    for (const auto& [old_item, new_item] : Pairing(before, after).items) {
      if (old_item == nullptr) {
        leafs(*new_item, path, out.added);
      } else if (new_item == nullptr) {
        leafs(*old_item, path, out.removed);
      } else {
        if (old_item->value != new_item->value || !same_notes(*old_item, *new_item)) {
          out.changed.push_back(words(*new_item, path));
        }
        if (!is_term(new_item->node)) {
          level(old_item->children, new_item->children, words(*new_item, path));
        }
      }
    }
  }

  Tree::Changes out;

 private:
  static Words words(const Item& item, const Words& above) {
    Words all = words_below(above, item);
    if (is_leaf(item.node) && !is_empty_leaf(item.node)) {
      all.pop_back();
    }
    return all;
  }

  static void leafs(const Item& item, const Words& above, std::vector<Words>& list) {
    Words own = words(item, above);
    for (const ItemPtr& child : item.children) {
      leafs(*child, own, list);
    }
    if (item.children.empty()) {
      list.push_back(std::move(own));
    }
  }
};

}  // namespace

std::string compare(const Tree& before, const Tree& after, Secrets secrets) {
  Comparer comparer(after.schema(), secrets);
  comparer.level(before.items(), after.items(), {});
  return comparer.take();
}

Tree::Changes Tree::changed_paths(const Tree& before, const Tree& after) {
  Changed changed;
  changed.level(before.items(), after.items(), {});
  return std::move(changed.out);
}

}  // namespace floof::config
