// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/block_arena.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace floof::ip {

constexpr std::array<uint8_t, BlockArena::kLargest / BlockArena::kUnit + 1> BlockArena::class_table() {
  std::array<uint8_t, kLargest / kUnit + 1> out{};
  unsigned size_class = 0;
  for (size_t units = 0; units < out.size(); units++) {
    size_class += units * kUnit > kSizes[size_class];
    out[units] = static_cast<uint8_t>(size_class);
  }
  return out;
}

const std::array<uint8_t, BlockArena::kLargest / BlockArena::kUnit + 1> BlockArena::kClassOf = class_table();

BlockArena::BlockArena(Qsbr& qsbr, size_t capacity)
    : qsbr_(qsbr),
      memory_(capacity, ReservedMemory::Pages::huge),
      slab_limit_(static_cast<uint32_t>(memory_.size() / kSlab)) {
  with_room_.fill(kNone);
}

void BlockArena::link(uint32_t slab) {
  Slab& s = slabs_[slab];
  uint32_t& head = with_room_[s.size_class];
  s.previous = kNone;
  s.next = head;
  if (head != kNone) {
    slabs_[head].previous = slab;
  }
  head = slab;
}

void BlockArena::unlink(uint32_t slab) {
  const Slab& s = slabs_[slab];
  (s.previous == kNone ? with_room_[s.size_class] : slabs_[s.previous].next) = s.next;
  if (s.next != kNone) {
    slabs_[s.next].previous = s.previous;
  }
}

uint32_t BlockArena::take_slab(unsigned size_class) {
  if (empty_.empty() && next_slab_ == slab_limit_) {
    for (seal_now(); empty_.empty() && with_room_[size_class] == kNone && !pending_.empty(); reclaim()) {
      std::this_thread::yield();
    }
    if (with_room_[size_class] != kNone) {
      return with_room_[size_class];
    }
    if (empty_.empty()) {
      std::fprintf(stderr, "the FIB's address space of %zu bytes is used up\n", memory_.size());
      std::abort();
    }
  }
  uint32_t slab = next_slab_;
  if (empty_.empty()) {
    next_slab_++;
    slabs_.emplace_back();
  } else {
    slab = empty_.back();
    empty_.pop_back();
  }
  slabs_[slab] = {};
  slabs_[slab].size_class = static_cast<uint8_t>(size_class);
  slabs_[slab].fresh = slab == 0;  // reference 0 means none
  slabs_[slab].used = slab == 0;
  link(slab);
  return slab;
}

BlockArena::Ref BlockArena::allocate(size_t bytes) {
  const unsigned size_class = class_of(bytes);
  const size_t size = kSizes[size_class];
  uint32_t index = with_room_[size_class];
  if (index == kNone) {
    index = take_slab(size_class);
  }
  Slab& slab = slabs_[index];
  unsigned which = slab.fresh;
  if (slab.free != 0) {
    which = slab.free - 1u;
    std::memcpy(&slab.free, object(index, which), sizeof slab.free);
  } else {
    slab.fresh++;
  }
  slab.used++;
  if (slab.free == 0 && (slab.fresh + 1u) * size > kSlab) {
    unlink(index);
  }
  used_ += size;
  objects_++;
  return static_cast<Ref>((index * kSlab + which * size) / kUnit);
}

void BlockArena::free(Ref ref) {
  const size_t offset = size_t{ref} * kUnit;
  const auto index = static_cast<uint32_t>(offset / kSlab);
  Slab& slab = slabs_[index];
  const size_t size = kSizes[slab.size_class];
  const auto which = static_cast<unsigned>(offset % kSlab / size);
  const bool was_full = slab.free == 0 && (slab.fresh + 1u) * size > kSlab;
  std::memcpy(object(index, which), &slab.free, sizeof slab.free);
  slab.free = static_cast<uint16_t>(which + 1);
  slab.used--;
  used_ -= size;
  objects_--;
  if (slab.used == 0) {
    if (!was_full) {
      unlink(index);
    }
    empty_.push_back(index);
  } else if (was_full) {
    link(index);
  }
}

void BlockArena::seal_now() {
  if (const size_t fresh = pending_.size() - sealed_; fresh > 0) {
    batches_.push_back({qsbr_.advance(), fresh});
    sealed_ += fresh;
  }
}

size_t BlockArena::reclaim() {
  while (!batches_.empty() && qsbr_.passed(batches_.front().epoch)) {
    const size_t count = batches_.front().count;
    batches_.pop_front();
    for (size_t i = 0; i < count; i++) {
      free(pending_.front());
      pending_.pop_front();
    }
    sealed_ -= count;
  }
  return pending_.size();
}

}  // namespace floof::ip
