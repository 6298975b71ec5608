// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nodes that a Tree is made of. Not libyang's: copies of a tree share what they have in common, so that copying
// costs nothing and comparing only what differs, and a group may hold names that no libyang tree takes (`<*>`). Libyang
// judges values when they are set, and the whole when it is validated. Pure; items of one tree belong to one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/tree/schema.h"
#include "config/tree/words.h"

namespace floof::config {

struct Item;
using ItemPtr = std::shared_ptr<const Item>;
using Items = std::vector<ItemPtr>;

/// A container, a list entry, a leaf, or one value of a leaf-list.
struct Item {
  Node node = nullptr;  ///< null for the item around a whole configuration
  size_t place = 0;     ///< Schema::position(node)
  Words keys;           ///< of a list entry; in a group they may be patterns
  std::string value;    ///< of a leaf or leaf-list; empty for the type empty
  std::string comment;  ///< what `annotate` said
  bool inactive = false;
  std::string group;  ///< after Tree::effective: the group that it was inherited from
  Items children;     ///< in printing order
};

/// An item without content.
ItemPtr make_item(const Schema& schema, Node node, Words keys = {}, std::string value = {});
/// The item for changing: its own copy first when another tree shares it.
Item& writable(ItemPtr& item);

/// Where in `items` the one that is the same thing as `wanted` stands (same node, and same key or leaf-list value), or
/// items.size().
size_t position_of(const Items& items, const Item& wanted);
const Item* find(const Items& items, const Item& wanted);
/// Puts an item at its place in the printing order: lists by natural order of their keys, user-ordered ones last.
/// Returns where that is.
size_t insert_item(Items& items, ItemPtr item);

/// Whether both are the same, with all that is below.
bool same(const Item& a, const Item& b);
bool same(const Items& a, const Items& b);

/// Name and keys, or name and value: an item's own words without those of its parents.
Words own_words(const Item& item, Secrets secrets, const SecretCodec& codec = {});
/// `above` followed by the item's own words, secrets hidden.
Words words_below(const Words& above, const Item& item);
/// The value of a leaf or leaf-list as a print with `secrets` shows it.
std::string shown_value(const Item& item, Secrets secrets, const SecretCodec& codec);

/// Whether a key in a group is a pattern, such as <*> or <e*>.
bool is_pattern(std::string_view key);
/// Whether an item of a group speaks of `item`: the same node, with keys that are equal or match as patterns (fnmatch).
bool speaks_of(const Item& group_item, const Item& item);

}  // namespace floof::config
