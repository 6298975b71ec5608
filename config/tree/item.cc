// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/item.h"

#include <fnmatch.h>

#include <algorithm>

namespace floof::config {

namespace {

bool keys_less(const Words& a, const Words& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); i++) {
    if (a[i] != b[i]) {
      return natural_less(a[i], b[i]);
    }
  }
  return a.size() < b.size();
}

/// Between two items of the same place.
bool comes_before(const Item& a, const Item& b) {
  return is_list(a.node) ? keys_less(a.keys, b.keys) : is_leaf_list(a.node) && natural_less(a.value, b.value);
}

bool same_thing(const Item& a, const Item& b) {
  return a.node == b.node && (is_list(a.node) ? a.keys == b.keys : !is_leaf_list(a.node) || a.value == b.value);
}

}  // namespace

ItemPtr make_item(const Schema& schema, Node node, Words keys, std::string value) {
  auto item = std::make_shared<Item>();
  item->node = node;
  item->place = node != nullptr ? schema.position(node) : 0;
  item->keys = std::move(keys);
  item->value = std::move(value);
  return item;
}

Item& writable(ItemPtr& item) {
  if (item.use_count() > 1) {
    item = std::make_shared<Item>(*item);
  }
  return const_cast<Item&>(*item);  // every item is made by make_shared<Item>, and nobody else has this one
}

size_t position_of(const Items& items, const Item& wanted) {
  const auto by_place = [](const ItemPtr& item, size_t place) { return item->place < place; };
  auto at = std::lower_bound(items.begin(), items.end(), wanted.place, by_place);
  const auto end = std::lower_bound(at, items.end(), wanted.place + 1, by_place);
  if (!is_user_ordered(wanted.node)) {
    at = std::lower_bound(at, end, wanted, [](const ItemPtr& item, const Item& w) { return comes_before(*item, w); });
    return at != end && same_thing(**at, wanted) ? static_cast<size_t>(at - items.begin()) : items.size();
  }
  at = std::find_if(at, end, [&](const ItemPtr& item) { return same_thing(*item, wanted); });
  return at != end ? static_cast<size_t>(at - items.begin()) : items.size();
}

const Item* find(const Items& items, const Item& wanted) {
  const size_t at = position_of(items, wanted);
  return at < items.size() ? items[at].get() : nullptr;
}

size_t insert_item(Items& items, ItemPtr item) {
  const auto before = [](const ItemPtr& a, const ItemPtr& b) {
    return a->place != b->place ? a->place < b->place : !is_user_ordered(a->node) && comes_before(*a, *b);
  };
  const auto at = std::upper_bound(items.begin(), items.end(), item, before);
  const auto index = static_cast<size_t>(at - items.begin());
  items.insert(at, std::move(item));
  return index;
}

bool same(const Item& a, const Item& b) {
  return &a == &b || (a.node == b.node && a.inactive == b.inactive && a.value == b.value && a.keys == b.keys &&
                      a.comment == b.comment && same(a.children, b.children));
}

bool same(const Items& a, const Items& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ItemPtr& x, const ItemPtr& y) { return x == y || same(*x, *y); });
}

Words own_words(const Item& item, Secrets secrets, const SecretCodec& codec) {
  Words words{name_of(item.node)};
  words.insert(words.end(), item.keys.begin(), item.keys.end());
  if (is_term(item.node) && !is_empty_leaf(item.node)) {
    words.push_back(shown_value(item, secrets, codec));
  }
  return words;
}

Words words_below(const Words& above, const Item& item) {
  Words words = above;
  const Words own = own_words(item, Secrets::hidden);
  words.insert(words.end(), own.begin(), own.end());
  return words;
}

std::string shown_value(const Item& item, Secrets secrets, const SecretCodec& codec) {
  const bool concerned = secrets == Secrets::withheld ? is_confidential(item.node) : is_secret(item.node);
  if (secrets == Secrets::clear || !concerned) {
    return item.value;
  }
  if (secrets == Secrets::encrypted && !is_sealed(item.node)) {
    return item.value;
  }
  return secrets == Secrets::encrypted && codec.seal ? codec.seal(item.value) : std::string(kHiddenSecret);
}

bool is_pattern(std::string_view key) { return key.size() >= 3 && key.front() == '<' && key.back() == '>'; }

bool speaks_of(const Item& group_item, const Item& item) {
  if (group_item.node != item.node) {
    return false;
  }
  return std::equal(group_item.keys.begin(), group_item.keys.end(), item.keys.begin(), item.keys.end(),
                    [](const std::string& pattern, const std::string& key) {
                      return is_pattern(pattern)
                                 ? fnmatch(pattern.substr(1, pattern.size() - 2).c_str(), key.c_str(), 0) == 0
                                 : pattern == key;
                    });
}

}  // namespace floof::config
