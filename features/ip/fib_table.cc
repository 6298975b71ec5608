// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib_table.h"

namespace floof::ip {

namespace {

FibKey masked(const FibKey& key, unsigned length) {
  const auto mask = [](unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits); };
  return length <= 64 ? FibKey{key.high & mask(length), 0} : FibKey{key.high, key.low & mask(length - 64)};
}

}  // namespace

FibTable::FibTable(Qsbr& qsbr, unsigned bits)
    : root_(new Slot[kRootSlots]()), root_lengths_(new uint8_t[kRootSlots]()), indices_(qsbr), by_length_(bits + 1) {}

FibTable::View FibTable::root_view() { return {root_.get(), root_lengths_.get(), nullptr, 0, 0}; }

FibTable::View FibTable::block_view(uint32_t block, unsigned depth) {
  Shadow& shadow = shadows_.at(block);
  return {blocks_.at(block).data(), shadow.length.data(), &shadow.own, 8 + 8 * depth, depth};
}

// A slot is the block's own when it says more than the parent's slot could.
void FibTable::write(const View& view, unsigned slot, uint32_t value, unsigned stored_length) {
  if (view.own != nullptr) {
    const bool was_own =
        (view.slots[slot].load(std::memory_order_relaxed) & kChild) != 0 || view.lengths[slot] > view.base + 1;
    const bool is_own = (value & kChild) != 0 || stored_length > view.base + 1;
    *view.own = static_cast<uint16_t>(*view.own + is_own - was_own);
  }
  view.lengths[slot] = static_cast<uint8_t>(stored_length);
  view.slots[slot].store(value, std::memory_order_release);
}

FibTable::View FibTable::descend(const View& view, unsigned slot) {
  const uint32_t entry = view.slots[slot].load(std::memory_order_relaxed);
  if ((entry & kChild) != 0) {
    return block_view(entry & ~kChild, view.depth + 1);
  }
  const uint32_t block = indices_.allocate();
  blocks_.reserve(block);
  shadows_.reserve(block);
  blocks_used_++;
  for (Slot& s : blocks_.at(block)) {
    s.store(entry, std::memory_order_relaxed);
  }
  Shadow& shadow = shadows_.at(block);
  shadow.length.fill(view.lengths[slot]);
  shadow.own = 0;
  // The old leaf moves into the child; the slot itself no longer has a length of its own.
  write(view, slot, kChild | block, 0);
  return block_view(block, view.depth + 1);
}

void FibTable::paint(const View& view, unsigned first, unsigned count, unsigned stored_length, uint32_t value) {
  for (unsigned slot = first; slot < first + count; slot++) {
    const uint32_t entry = view.slots[slot].load(std::memory_order_relaxed);
    if ((entry & kChild) != 0) {
      paint(block_view(entry & ~kChild, view.depth + 1), 0, kSlots, stored_length, value);
    } else if (view.lengths[slot] <= stored_length) {
      write(view, slot, value, stored_length);
    }
  }
}

void FibTable::unpaint(const View& view, unsigned first, unsigned count, unsigned old_length, const Match* below) {
  for (unsigned slot = first; slot < first + count; slot++) {
    const uint32_t entry = view.slots[slot].load(std::memory_order_relaxed);
    if ((entry & kChild) != 0) {
      unpaint(block_view(entry & ~kChild, view.depth + 1), 0, kSlots, old_length, below);
    } else if (view.lengths[slot] == old_length) {
      write(view, slot, below != nullptr ? below->value : 0, below != nullptr ? below->length + 1 : 0);
    }
  }
}

void FibTable::set(const FibKey& key, unsigned length, uint32_t value) {
  const auto [it, added] = by_length_[length].insert_or_assign(key, value);
  size_ += added;
  View view = root_view();
  while (length > view.base + width(view.depth)) {
    view = descend(view, slot_of(key, view.depth));
  }
  const unsigned count = 1u << (view.base + width(view.depth) - length);
  paint(view, slot_of(key, view.depth), count, length + 1, value);
}

std::optional<FibTable::Match> FibTable::less_specific(const FibKey& key, unsigned length) const {
  for (unsigned shorter = length; shorter-- > 0;) {
    const auto& store = by_length_[shorter];
    if (store.empty()) {
      continue;
    }
    if (const auto found = store.find(masked(key, shorter)); found != store.end()) {
      return Match{shorter, found->second};
    }
  }
  return std::nullopt;
}

bool FibTable::remove(const FibKey& key, unsigned length) {
  if (by_length_[length].erase(key) == 0) {
    return false;
  }
  size_--;
  std::vector<Step> path;
  View view = root_view();
  while (length > view.base + width(view.depth)) {
    const unsigned slot = slot_of(key, view.depth);
    path.push_back({view, slot});
    // The prefix was there, so its block is.
    view = block_view(view.slots[slot].load(std::memory_order_relaxed) & ~kChild, view.depth + 1);
  }
  const auto below = less_specific(key, length);
  const unsigned count = 1u << (view.base + width(view.depth) - length);
  unpaint(view, slot_of(key, view.depth), count, length + 1, below ? &*below : nullptr);
  collapse(path);
  return true;
}

// A block without own slots says the same everywhere, which its parent's slot can say as well.
void FibTable::collapse(std::vector<Step>& path) {
  for (; !path.empty(); path.pop_back()) {
    const auto& [parent, slot] = path.back();
    const uint32_t block = parent.slots[slot].load(std::memory_order_relaxed) & ~kChild;
    const Shadow& shadow = shadows_.at(block);
    if (shadow.own != 0) {
      return;
    }
    write(parent, slot, blocks_.at(block)[0].load(std::memory_order_relaxed), shadow.length[0]);
    indices_.release(block);
    blocks_used_--;
  }
}

std::optional<FibTable::Match> FibTable::match(const FibKey& key) const {
  const Slot* slots = root_.get();
  const uint8_t* lengths = root_lengths_.get();
  for (unsigned depth = 0;; depth++) {
    const unsigned slot = slot_of(key, depth);
    const uint32_t entry = slots[slot].load(std::memory_order_relaxed);
    if ((entry & kChild) == 0) {
      if (lengths[slot] == 0) {
        return std::nullopt;
      }
      return Match{lengths[slot] - 1u, entry};
    }
    slots = blocks_.at(entry & ~kChild).data();
    lengths = shadows_.at(entry & ~kChild).length.data();
  }
}

}  // namespace floof::ip
