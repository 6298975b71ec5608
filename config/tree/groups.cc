// SPDX-License-Identifier: GPL-3.0-or-later
//
// From what was set to what is in force: what is inactive goes, and groups are inherited as on Junos. What is set wins
// over groups, a group named further inside wins over one named around it, and earlier ones win over later ones. A
// pattern in a group (<e*>) speaks of the entries that exist, and makes none.
#include <algorithm>

#include "config/tree/tree.h"

namespace floof::config {

namespace {

class Expander {
 public:
  explicit Expander(const Tree& tree) : schema_(tree.schema()), top_(tree.items()) {}

  Items run() { return below(top_, {}); }

  /// Whether anything in `items` makes a difference between what was set and what is in force.
  bool matters(const Items& items) const {
    return std::any_of(items.begin(), items.end(), [&](const ItemPtr& item) {
      return item->inactive || special(*item) || matters(item->children);
    });
  }

 private:
  /// Items of groups that speak of one item, the strongest first.
  struct Source {
    const Item* item;
    const std::string* group;
  };
  using Sources = std::vector<Source>;

  bool special(const Item& item) const { return item.node == schema_.groups() || item.node == schema_.apply_groups(); }

  const Item* group_named(const std::string& name) const {
    for (const ItemPtr& item : top_) {
      if (item->node == schema_.groups() && item->keys[0] == name) {
        return item->inactive ? nullptr : item.get();
      }
    }
    return nullptr;
  }

  /// What items of groups have to say about one of the items below them: exact names before patterns.
  static Sources narrowed(const Sources& sources, const Item& child) {
    Sources out;
    for (const Source& source : sources) {
      for (const bool patterns : {false, true}) {
        for (const ItemPtr& item : source.item->children) {
          const bool pattern = std::any_of(item->keys.begin(), item->keys.end(), is_pattern);
          if (!item->inactive && pattern == patterns && speaks_of(*item, child)) {
            out.push_back({item.get(), source.group});
          }
        }
      }
    }
    return out;
  }

  /// What the groups that are named among `items` say about the place where they are named (path_).
  Sources named_among(const Items& items) const {
    Sources out;
    for (const ItemPtr& item : items) {
      const Item* group = item->node == schema_.apply_groups() && !item->inactive ? group_named(item->value) : nullptr;
      if (group == nullptr) {
        continue;
      }
      Sources here = {{group, &group->keys[0]}};
      for (const Item* step : path_) {
        here = narrowed(here, *step);
      }
      out.insert(out.end(), here.begin(), here.end());
    }
    return out;
  }

  /// Adds what sources have and `out` has not: leafs and values as they are, the rest empty, to be filled later.
  void inherit(const Sources& sources, Items& out) const {
    for (const Source& source : sources) {
      for (const ItemPtr& item : source.item->children) {
        const bool pattern = std::any_of(item->keys.begin(), item->keys.end(), is_pattern);
        const bool excluded = in_choice(item->node) && std::any_of(out.begin(), out.end(), [&](const ItemPtr& other) {
                                return excludes(item->node, other->node);
                              });
        if (item->inactive || pattern || excluded || find(out, *item) != nullptr) {
          continue;
        }
        auto made = std::make_shared<Item>(*item);
        made->group = *source.group;
        made->children.clear();
        insert_item(out, std::move(made));
      }
    }
  }

  Items below(const Items& items, const Sources& around) {
    Sources sources = named_among(items);
    sources.insert(sources.end(), around.begin(), around.end());
    Items out;
    out.reserve(items.size());
    for (const ItemPtr& item : items) {
      if (!item->inactive && !special(*item)) {
        out.push_back(item);
      }
    }
    inherit(sources, out);
    std::erase_if(out, [&](ItemPtr& item) {
      if (is_term(item->node)) {
        return false;
      }
      const Sources deeper = narrowed(sources, *item);
      if (deeper.empty() && !matters(item->children)) {
        return false;
      }
      path_.push_back(item.get());
      Items children = below(item->children, deeper);
      path_.pop_back();
      const bool gone = children.empty() && is_container(item->node);
      writable(item).children = std::move(children);
      return gone;
    });
    return out;
  }

  const Schema& schema_;
  const Items& top_;
  std::vector<const Item*> path_;  ///< of the item whose children are being expanded
};

}  // namespace

Tree Tree::effective() const {
  Expander expander(*this);
  if (!expander.matters(root_->children)) {
    return *this;
  }
  Tree out(schema_);
  writable(out.root_).children = expander.run();
  return out;
}

}  // namespace floof::config
