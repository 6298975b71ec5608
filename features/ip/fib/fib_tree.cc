// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "features/ip/fib/fib_nodes.h"

namespace floof::ip::fib {

template <typename K, unsigned kRootBits>
FibTree<K, kRootBits>::Root::Root() {
  if constexpr (kSmall) {
    small = std::make_unique<Entry[]>(kRootSlots);
    entries = small.get();
  } else {
    entries = reinterpret_cast<Entry*>(pages.emplace(kRootSlots * sizeof(Entry), ReservedMemory::Pages::huge).data());
    std::memset(entries, 0, kRootSlots * sizeof(Entry));  // so that no reader has to wait for its first page
  }
}

template <typename K, unsigned kRootBits>
FibTree<K, kRootBits>::FibTree(FibMemory& memory)
    : memory_(memory), blocks_(memory.blocks), nodes_(memory.nodes), root_(std::make_shared<Root>()) {
  constexpr size_t kWords = kRootSlots * 4;
  if constexpr (kSmall) {
    writer_small_ = std::make_unique<uint32_t[]>(kWords);
    below_ = writer_small_.get();
  } else {
    below_ = reinterpret_cast<NodeRef*>(
        writer_pages_.emplace(kWords * sizeof(uint32_t), ReservedMemory::Pages::small).data());
  }
  painted_ = below_ + kRootSlots;
  short_ = painted_ + kRootSlots;
  root_->reader.view = {root_->entries, memory.blocks.base()};
  memory.fixed += kFixed;
}

// -- The whole table --------------------------------------------------------------------------------------------------

// 1M IPv4 prefixes in random order: about 0.5 us each, most of it misses on below_, the bucket and the new block.
template <typename K, unsigned kRootBits>
bool FibTree<K, kRootBits>::set(K key, unsigned length, uint32_t value) {
  const size_t before = size_;
  if (length <= kRootBits) {
    set_short(key, length, value);
  } else {
    const size_t slot = bits_at(key, 0, kRootBits);
    publish_if_loaded(slot);
    const Change change = add(below_[slot], kRootBits, Route(key, length, value), painted_[slot], root(slot));
    publish(slot, change.entry);
    size_ += change.counted;
  }
  finish();
  return size_ != before;
}

template <typename K, unsigned kRootBits>
bool FibTree<K, kRootBits>::remove(K key, unsigned length) {
  const size_t before = size_;
  if (length <= kRootBits) {
    set_short(key, length, 0);
  } else {
    const size_t slot = bits_at(key, 0, kRootBits);
    publish_if_loaded(slot);
    if (below_[slot] != 0) {
      const Change change = erase(below_[slot], kRootBits, Route(key, length, 0), painted_[slot], root(slot));
      publish(slot, change.entry);
      size_ -= change.counted;
    }
  }
  finish();
  return size_ != before;
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::load(K key, unsigned length, uint32_t value) {
  if (loaded_.empty()) {
    loaded_.resize(kRootSlots);
    next_loaded_ = kRootSlots;
  }
  bool added = false;
  if (length <= kRootBits) {
    const uint32_t code = short_code_of(key, length);
    added = short_[code] == 0;
    if (added) {
      short_[code] = value;
      paint_short(code, length, value, false);
    }
  } else {
    const size_t slot = bits_at(key, 0, kRootBits);
    added = load_one(below_[slot], kRootBits, Route(key, length, value));
    loaded_[slot] = loaded_[slot] || added;
    next_loaded_ = std::min(next_loaded_, slot);
  }
  size_ += added;
  loaded_count_ += added;
}

template <typename K, unsigned kRootBits>
bool FibTree<K, kRootBits>::publish_loaded() {
  for (unsigned left = 512; left != 0 && next_loaded_ < loaded_.size(); next_loaded_++) {
    left -= loaded_[next_loaded_];
    publish_if_loaded(next_loaded_);
  }
  if (next_loaded_ < loaded_.size()) {
    return true;
  }
  loaded_ = {};
  loaded_count_ = 0;
  return false;
}

/// Also before anything else changes there: what is below the slot and its blocks are in step then.
template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::publish_if_loaded(size_t slot) {
  if (!loaded_.empty() && loaded_[slot]) [[unlikely]] {
    loaded_[slot] = false;
    const Entry old = root(slot);
    publish(slot, render(below_[slot], kRootBits, painted_[slot]));
    blocks_.retire_tree(old);
    finish();
  }
}

/// Only for the writer. False when it is there.
template <typename K, unsigned kRootBits>
bool FibTree<K, kRootBits>::load_one(NodeRef& ref, unsigned depth, const Route& route) {
  if (!is_split(ref)) {
    const bool added = put(ref, route, false) == Put::added;
    if (bucket(ref).count > kBurst) {
      burst(ref, depth);
    }
    return added;
  }
  Split& node = split(ref);
  bool added = true;
  if (route.length() <= depth + kBitmapBits) {
    uint32_t& own = node.own[code_of(route.key(), depth, route.length())];
    added = own == 0;
    own = added ? route.value() : own;
  } else {
    added = load_one(node.below[slot_of(route.key(), depth)], depth + kBitmapBits, route);
  }
  node.count += added;
  return added;
}

// Blocks that were unlinked during the change are unreachable now, and only now may they get their epoch.
template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::finish() {
  blocks_.arena().seal();
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::abandon() {
  for (size_t slot = 0; slot < kRootSlots; slot++) {
    blocks_.retire_tree(root(slot));
    free_nodes(below_[slot]);
  }
  blocks_.arena().seal_now();
  memory_.qsbr.retire([root = std::move(root_)] {});
}

/// `value` 0 removes.
template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::set_short(K key, unsigned length, uint32_t value) {
  const uint32_t code = short_code_of(key, length);
  if (short_[code] == value) {
    return;
  }
  size_ = size_ + (short_[code] == 0) - (value == 0);
  short_[code] = value;
  for (uint32_t up = code; value == 0 && up > 1;) {
    up >>= 1;
    value = short_[up];
  }
  paint_short(code, length, value, true);
}

/// Where no longer one of them lies over it. Without `publish_it`: for `publish_loaded`.
template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::paint_short(uint32_t code, unsigned length, uint32_t value, bool publish_it) {
  if (length == kRootBits) {
    const size_t slot = code - kRootSlots;
    if (painted_[slot] == value) {
      return;
    }
    if (!publish_it) {
      painted_[slot] = value;
      loaded_[slot] = true;
      next_loaded_ = std::min(next_loaded_, slot);
      return;
    }
    publish_if_loaded(slot);
    const uint32_t was = std::exchange(painted_[slot], value);
    publish(slot, refresh(below_[slot], kRootBits, was, value, root(slot)));
    return;
  }
  for (const uint32_t child : {2 * code, 2 * code + 1}) {
    if (short_[child] == 0) {
      paint_short(child, length + 1, value, publish_it);
    }
  }
}

template <typename K, unsigned kRootBits>
std::optional<Match> FibTree<K, kRootBits>::match(K key, unsigned max_length) const {
  std::optional<Match> best;
  for (unsigned length = std::min(max_length, kRootBits) + 1; length-- > 0 && !best;) {
    const uint32_t value = short_[short_code_of(key, length)];
    if (value != 0) {
      best = Match{length, value};
    }
  }
  NodeRef ref = max_length > kRootBits ? below_[bits_at(key, 0, kRootBits)] : 0;
  for (unsigned depth = kRootBits; ref != 0 && depth < max_length; depth += kBitmapBits) {
    if (!is_split(ref)) {
      for (const Route& route : bucket(ref).all()) {
        if (route.length() <= max_length && masked(key, route.length()) == route.key() &&
            (!best || route.length() > best->length)) {
          best = Match{route.length(), route.value()};
        }
      }
      break;
    }
    const Split& node = split(ref);
    for (unsigned length = depth + 1; length <= std::min({depth + kBitmapBits, max_length, kBits}); length++) {
      if (const uint32_t value = node.own[code_of(key, depth, length)]; value != 0) {
        best = Match{length, value};
      }
    }
    ref = node.below[slot_of(key, depth)];
  }
  return best;
}

// -- One node and what is below it ------------------------------------------------------------------------------------

template <typename K, unsigned kRootBits>
typename FibTree<K, kRootBits>::Change FibTree<K, kRootBits>::add(NodeRef& ref, unsigned depth, const Route& route,
                                                                  uint32_t inherited, Entry old) {
  if (is_split(ref)) {
    return add_to_split(split(ref), depth, route, inherited, old);
  }
  const Put done = put(ref, route, true);
  if (done == Put::present) {
    return {old, false};
  }
  if (bucket(ref).count > kBurst) {
    burst(ref, depth);
  }
  const Entry entry = render(ref, depth, inherited);
  blocks_.retire_tree(old);
  return {entry, done == Put::added};
}

template <typename K, unsigned kRootBits>
typename FibTree<K, kRootBits>::Change FibTree<K, kRootBits>::add_to_split(Split& node, unsigned depth,
                                                                           const Route& route, uint32_t inherited,
                                                                           Entry old) {
  if (route.length() <= depth + kBitmapBits) {
    uint32_t& own = node.own[code_of(route.key(), depth, route.length())];
    if (own == route.value()) {
      return {old, false};
    }
    const bool added = own == 0;
    const Slots before = paint(node, inherited);
    own = route.value();
    node.count += added;
    return {repaint(node, depth, before, paint(node, inherited), old), added};
  }
  const unsigned slot = slot_of(route.key(), depth);
  const Change change =
      add(node.below[slot], depth + kBitmapBits, route, painted(node, slot, inherited), node.entry[slot]);
  node.count += change.counted;
  return {slot_changed(node, slot, change.entry, old), change.counted};
}

template <typename K, unsigned kRootBits>
typename FibTree<K, kRootBits>::Change FibTree<K, kRootBits>::erase(NodeRef& ref, unsigned depth, const Route& route,
                                                                    uint32_t inherited, Entry old) {
  if (ref == 0) {
    return {old, false};
  }
  if (!is_split(ref)) {
    if (!take(ref, route)) {
      return {old, false};
    }
    const Entry entry = ref == 0 ? inherited : render(ref, depth, inherited);
    blocks_.retire_tree(old);
    return {entry, true};
  }
  const Change change = erase_from_split(split(ref), depth, route, inherited, old);
  if (split(ref).count > kBurst / 2) {
    return change;
  }
  collapse(ref, route.key(), depth);
  const Entry entry = render(ref, depth, inherited);
  blocks_.retire_tree(change.entry);
  return {entry, change.counted};
}

template <typename K, unsigned kRootBits>
typename FibTree<K, kRootBits>::Change FibTree<K, kRootBits>::erase_from_split(Split& node, unsigned depth,
                                                                               const Route& route, uint32_t inherited,
                                                                               Entry old) {
  if (route.length() <= depth + kBitmapBits) {
    uint32_t& own = node.own[code_of(route.key(), depth, route.length())];
    if (own == 0) {
      return {old, false};
    }
    const Slots before = paint(node, inherited);
    own = 0;
    node.count--;
    return {repaint(node, depth, before, paint(node, inherited), old), true};
  }
  const unsigned slot = slot_of(route.key(), depth);
  const Change change =
      erase(node.below[slot], depth + kBitmapBits, route, painted(node, slot, inherited), node.entry[slot]);
  node.count -= change.counted;
  return {slot_changed(node, slot, change.entry, old), change.counted};
}

// A sweep over the sorted prefixes with a stack of those that are open gives the runs.
template <typename K, unsigned kRootBits>
Entry FibTree<K, kRootBits>::render_bucket(const Bucket& list, unsigned depth, uint32_t inherited) {
  struct Open {
    K last;
    uint32_t value;
  };
  std::array<Open, kBits + 1> open;
  const K region_last = last_of(list.all()[0].key(), depth);
  open[0] = {region_last, inherited};
  size_t top = 0;
  runs_[0] = {0, inherited};
  run_count_ = 1;
  const auto close = [&] {
    const K last = open[top--].last;
    if (last != region_last) {
      put_run(last + 1, open[top].value);
    }
  };
  for (const Route& route : list.all()) {
    while (top > 0 && open[top].last < route.key()) {
      close();
    }
    if (route.key() == masked(route.key(), depth)) {
      runs_[0].value = route.value();  // so far nothing but the region's own start
    } else {
      put_run(route.key(), route.value());
    }
    open[++top] = {last_of(route.key(), route.length()), route.value()};
  }
  while (top > 0) {
    close();
  }
  return blocks_.build(std::span<const Run<K>>(runs_.data(), run_count_), depth);
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::put_run(K start, uint32_t value) {
  if (run_count_ > 1 && runs_[run_count_ - 1].start == start) {
    run_count_--;
  }
  if (runs_[run_count_ - 1].value != value) {
    runs_[run_count_++] = {start, value};
  }
}

template <typename K, unsigned kRootBits>
Entry FibTree<K, kRootBits>::render(NodeRef ref, unsigned depth, uint32_t inherited) {
  if (ref == 0) {
    return inherited;
  }
  if (!is_split(ref)) {
    return render_bucket(bucket(ref), depth, inherited);
  }
  Split& node = split(ref);
  const Slots values = paint(node, inherited);
  for (unsigned slot = 0; slot < kBitmapSlots; slot++) {
    node.entry[slot] = render(node.below[slot], depth + kBitmapBits, values[slot]);
  }
  return blocks_.compress(node.entry);
}

template <typename K, unsigned kRootBits>
Entry FibTree<K, kRootBits>::refresh(NodeRef ref, unsigned depth, uint32_t was, uint32_t now, Entry old) {
  if (is_split(ref)) {
    Split& node = split(ref);
    return repaint(node, depth, paint(node, was), paint(node, now), old);
  }
  const Entry entry = render(ref, depth, now);
  blocks_.retire_tree(old);
  return entry;
}

template <typename K, unsigned kRootBits>
Entry FibTree<K, kRootBits>::repaint(Split& node, unsigned depth, const Slots& before, const Slots& after, Entry old) {
  for (unsigned slot = 0; slot < kBitmapSlots; slot++) {
    if (before[slot] != after[slot]) {
      node.entry[slot] = refresh(node.below[slot], depth + kBitmapBits, before[slot], after[slot], node.entry[slot]);
    }
  }
  blocks_.retire(old);
  return blocks_.compress(node.entry);
}

template <typename K, unsigned kRootBits>
Entry FibTree<K, kRootBits>::slot_changed(Split& node, unsigned slot, Entry entry, Entry old) {
  const Entry before = std::exchange(node.entry[slot], entry);
  if (before == entry) {
    return old;
  }
  if (is_node(before) && is_node(entry)) {
    blocks_.patch(old, slot, entry);
    return old;
  }
  blocks_.retire(old);
  return blocks_.compress(node.entry);
}

// The codes of longer prefixes are larger, so going up they cover what contains them.
template <typename K, unsigned kRootBits>
Slots FibTree<K, kRootBits>::paint(const Split& node, uint32_t inherited) {
  std::array<uint32_t, 2 * kBitmapSlots> values;
  values[1] = inherited;
  for (unsigned code = 2; code < values.size(); code++) {
    values[code] = node.own[code] != 0 ? node.own[code] : values[code / 2];
  }
  Slots out;
  std::copy(values.begin() + kBitmapSlots, values.end(), out.begin());
  return out;
}

template <typename K, unsigned kRootBits>
uint32_t FibTree<K, kRootBits>::painted(const Split& node, unsigned slot, uint32_t inherited) {
  for (unsigned code = kBitmapSlots | slot; code > 1; code /= 2) {
    if (node.own[code] != 0) {
      return node.own[code];
    }
  }
  return inherited;
}

// -- Buckets and splits -----------------------------------------------------------------------------------------------

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::resize(NodeRef& ref, unsigned count) {
  const size_t bytes = BlockArena::rounded(sizeof(Bucket) + count * sizeof(Route));
  const NodeRef fresh = nodes_.allocate(bytes);
  Bucket& to = bucket(fresh);
  to.room = static_cast<uint16_t>((bytes - sizeof(Bucket)) / sizeof(Route));
  to.count = 0;
  if (ref != 0) {
    const auto from = bucket(ref).all();
    to.count = static_cast<uint16_t>(from.size());
    std::copy(from.begin(), from.end(), to.routes);
    nodes_.free(ref);
  }
  ref = fresh;
}

/// Into a bucket, at its place. `present`: it is there as it is to be, or is not to be replaced.
template <typename K, unsigned kRootBits>
typename FibTree<K, kRootBits>::Put FibTree<K, kRootBits>::put(NodeRef& ref, const Route& route, bool replace) {
  if (ref == 0) {
    resize(ref, 1);
  }
  const auto all = bucket(ref).all();
  const auto at = std::lower_bound(all.begin(), all.end(), route);
  if (at != all.end() && at->same_prefix(route)) {
    if (!replace || at->value() == route.value()) {
      return Put::present;
    }
    *at = route;
    return Put::replaced;
  }
  const auto index = at - all.begin();
  if (bucket(ref).count == bucket(ref).room) {
    resize(ref, bucket(ref).count + 1u);
  }
  Bucket& list = bucket(ref);
  std::copy_backward(list.routes + index, list.routes + list.count, list.routes + list.count + 1);
  list.routes[index] = route;
  list.count++;
  return Put::added;
}

template <typename K, unsigned kRootBits>
bool FibTree<K, kRootBits>::take(NodeRef& ref, const Route& route) {
  Bucket& list = bucket(ref);
  const auto all = list.all();
  const auto at = std::lower_bound(all.begin(), all.end(), route);
  if (at == all.end() || !at->same_prefix(route)) {
    return false;
  }
  std::copy(at + 1, all.end(), at);
  list.count--;
  if (list.count == 0) {
    nodes_.free(std::exchange(ref, 0));
  } else if (list.count <= list.room / 2) {
    resize(ref, list.count);
  }
  return true;
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::put_into_split(Split& node, unsigned depth, const Route& route) {
  node.count++;
  if (route.length() > depth + kBitmapBits) {
    put(node.below[slot_of(route.key(), depth)], route, true);
  } else {
    node.own[code_of(route.key(), depth, route.length())] = route.value();
  }
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::burst(NodeRef& ref, unsigned depth) {
  const NodeRef made = kNodeBit | nodes_.allocate(sizeof(Split));
  Split& node = *new (&split(made)) Split{};
  for (const Route& route : bucket(ref).all()) {
    put_into_split(node, depth, route);
  }
  nodes_.free(ref);
  ref = made;
  for (NodeRef& below : node.below) {
    if (below != 0 && bucket(below).count > kBurst) {
      burst(below, depth + kBitmapBits);
    }
  }
}

/// A split with few prefixes becomes a bucket again. `key`: any address in its region.
template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::collapse(NodeRef& ref, K key, unsigned depth) {
  std::vector<Route> routes;
  auto gather = [&](K at, unsigned length, uint32_t value) { routes.emplace_back(at, length, value); };
  for_each_below(ref, masked(key, depth), depth, gather);
  free_nodes(std::exchange(ref, 0));
  std::sort(routes.begin(), routes.end());
  resize(ref, static_cast<unsigned>(routes.size()));
  std::copy(routes.begin(), routes.end(), bucket(ref).routes);
  bucket(ref).count = static_cast<uint16_t>(routes.size());
}

template <typename K, unsigned kRootBits>
void FibTree<K, kRootBits>::free_nodes(NodeRef ref) {
  if (ref == 0) {
    return;
  }
  if (is_split(ref)) {
    for (const NodeRef below : split(ref).below) {
      free_nodes(below);
    }
  }
  nodes_.free(ref_of(ref));
}

template class FibTree<Key4, kRootBits4>;
template class FibTree<Key6, kRootBits6>;
template class FibTree<Key4, kSmallRootBits4>;
template class FibTree<Key6, kSmallRootBits6>;

}  // namespace floof::ip::fib
