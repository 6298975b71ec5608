// SPDX-License-Identifier: GPL-3.0-or-later
//
// The lookups, to be included once by each fib_lookup_VARIANT.cc, which defines `count_below` for its instruction set
// first. Nothing here may call an inline function of another header: the linker would keep one copy of it, perhaps the
// one for a better CPU than ours.
#pragma once

#include "features/ip/fib/fib_lookup.h"

namespace floof::ip::fib {
namespace {

/// Addresses whose misses overlap. 64 and 128 are equally fast, 32 is a tenth slower.
constexpr size_t kBatch = 128;

// Views are passed by value: the values that are written could alias a view in memory, which would be read again each
// time (the tree is built with -fno-strict-aliasing).
inline Entry load(const Entry* entry) { return __atomic_load_n(entry, __ATOMIC_ACQUIRE); }

inline const std::byte* block_of(const std::byte* blocks, Entry entry) {
  return blocks + (size_t{entry & kRefMask} << kUnitShift);
}

// Values are no references: `other`, something that is near, is prefetched instead. (Not the first block, which nobody
// writes: where its page is not there, each prefetch walks through the page tables in vain, 150 cycles.)
inline void prefetch(const std::byte* blocks, const Entry* other, Entry entry) {
  __builtin_prefetch((entry & kNodeBit) != 0 ? static_cast<const void*>(block_of(blocks, entry)) : other);
}

// The runs' entries follow the bits; there is always a run that begins at slot 0, hence the 4 instead of 8.
inline Entry bitmap_step(const std::byte* block, uint64_t slot) {
  const uint64_t bits = *reinterpret_cast<const uint64_t*>(block);
  const auto* entries = reinterpret_cast<const Entry*>(block + 4);
  return load(&entries[__builtin_popcountll(bits << (~slot & 63))]);
}

inline Entry range_step(const std::byte* block, NodeKind kind, uint16_t key) {
  const unsigned room = 4u << static_cast<unsigned>(kind);
  const auto* keys = reinterpret_cast<const uint16_t*>(block);
  return load(reinterpret_cast<const Entry*>(keys + room) + count_below(keys, room, key));
}

inline Entry deep4(const std::byte* blocks, Entry entry, uint32_t rest) {
  for (; (entry & kNodeBit) != 0; rest <<= kBitmapBits) {
    entry = bitmap_step(block_of(blocks, entry), rest >> (32 - kBitmapBits));
  }
  return entry;
}

// IPv4, TSC cycles per lookup on a Zen 4, of which rte_fib's DIR-24-8 in the same run is in brackets: 1M routes and
// random destinations 14 (23), Zipf 13 (16), one flow 3.3 (3.0).
//
// Two passes over a batch: root, then block, so that the misses on up to 128 blocks overlap. The root (1 MiB) stays in
// the second-level cache and a pass of its own for prefetching it costs more than it saves. Packets of a flow come in
// trains: an address like the one before takes its answer, for two instructions more in the other case. Prefixes beyond
// /24 are rare and take a third pass. Gathers were tried: of
// the root 10 % slower, of blocks too 40 % slower than these loads (AVX2, Zen 4); with Intel's remedy for GDS they are
// slower still.
inline void batch4(const Entry* root, const std::byte* blocks, const uint32_t* addresses, uint32_t* values,
                   size_t count) {
  uint32_t last = ~addresses[0];
  Entry entry = 0, any = 0;
  for (size_t i = 0; i < count; i++) {
    if (addresses[i] != last) {
      last = addresses[i];
      const Entry* found = &root[last >> (32 - kRootBits4)];
      entry = load(found);
      prefetch(blocks, found, entry);
      any |= entry;
    }
    values[i] = entry;
  }
  if ((any & kNodeBit) == 0) {
    return;
  }
  any = 0;
  last = ~addresses[0];
  for (size_t i = 0; i < count; i++) {
    if (addresses[i] != last) {
      last = addresses[i];
      entry = values[i];
      if ((entry & kNodeBit) != 0) {
        entry = bitmap_step(block_of(blocks, entry), last >> (32 - kRootBits4 - kBitmapBits));
        any |= entry;
      }
    }
    values[i] = entry;
  }
  if ((any & kNodeBit) == 0) {
    return;
  }
  for (size_t i = 0; i < count; i++) {
    values[i] = deep4(blocks, values[i], addresses[i] << (kRootBits4 + kBitmapBits));
  }
}

void lookup4(const View& view, const uint32_t* addresses, uint32_t* values, size_t count) {
  const Entry* root = view.root;
  const std::byte* blocks = view.blocks;
  for (; count > kBatch; count -= kBatch, addresses += kBatch, values += kBatch) {
    batch4(root, blocks, addresses, values, kBatch);
  }
  if (count > 0) {
    batch4(root, blocks, addresses, values, count);
  }
}

inline uint64_t load_big(const uint8_t* bytes) {
  uint64_t out;
  __builtin_memcpy(&out, bytes, sizeof out);
  return __builtin_bswap64(out);
}

// Any depth, one after the other: prefixes beyond /48, and /32s with many prefixes inside.
inline Entry deep6(const std::byte* blocks, Entry entry, const uint8_t* address, unsigned depth) {
  auto rest = (static_cast<unsigned __int128>(load_big(address)) << 64 | load_big(address + 8)) << depth;
  while ((entry & kNodeBit) != 0) {
    const auto kind = static_cast<NodeKind>((entry & ~kNodeBit) >> kKindShift);
    if (kind == NodeKind::bitmap) {
      entry = bitmap_step(block_of(blocks, entry), static_cast<uint64_t>(rest >> (128 - kBitmapBits)));
      rest <<= kBitmapBits;
    } else {
      entry = range_step(block_of(blocks, entry), kind, static_cast<uint16_t>(rest >> (128 - kRangeBits)));
      rest <<= kRangeBits;
    }
  }
  return entry;
}

// Root and the block at bit 20.
inline void pass6_root(const Entry* root, const std::byte* blocks, const Wire6* addresses, uint32_t* values,
                       size_t count) {
  uint64_t last = ~load_big(addresses[0]);
  Entry entry = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t high = load_big(addresses[i]);
    if (high != last) {
      last = high;
      entry = load(&root[high >> (64 - kRootBits6)]);
      if ((entry & kNodeBit) != 0) {
        entry = bitmap_step(block_of(blocks, entry), high >> (64 - kRootBits6 - kBitmapBits));
        prefetch(blocks, root, entry);
      }
    }
    values[i] = entry;
  }
}

// The block at bit 26.
inline void pass6_middle(const std::byte* blocks, const Wire6* addresses, uint32_t* values, size_t count) {
  uint64_t last = ~load_big(addresses[0]);
  Entry entry = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t high = load_big(addresses[i]);
    if (high != last) {
      last = high;
      entry = values[i];
      if ((entry & kNodeBit) != 0) {
        entry = bitmap_step(block_of(blocks, entry), high >> (64 - kRangeFrom));
        prefetch(blocks, &values[i], entry);
      }
    }
    values[i] = entry;
  }
}

// The ranges from bit 32 on. True when somebody has further to go, from bit 48.
inline bool pass6_ranges(const std::byte* blocks, const Wire6* addresses, uint32_t* values, size_t count) {
  uint64_t last = 0;
  bool known = false;
  Entry entry = 0;
  Entry any = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t high = load_big(addresses[i]);
    if (!known || high != last) {
      last = high;
      known = true;
      entry = values[i];
      if ((entry & kNodeBit) != 0) {
        const auto kind = static_cast<NodeKind>((entry & ~kNodeBit) >> kKindShift);
        if (kind != NodeKind::bitmap) {
          const auto key = static_cast<uint16_t>(high >> (64 - kRangeFrom - kRangeBits));
          entry = range_step(block_of(blocks, entry), kind, key);
          any |= entry;
        } else {
          entry = deep6(blocks, entry, addresses[i], kRangeFrom);
          known = false;  // the lower half may have decided
        }
      }
    }
    values[i] = entry;
  }
  return (any & kNodeBit) != 0;
}

// IPv6, as above: 200k routes and random destinations 32 (rte_fib's trie 185), one flow 4.7 (9.3).
//
// Three passes, each ending with a prefetch of what the next needs. Leaving out the prefetch at bit 26 costs 5 cycles;
// choosing values and blocks without branches costs 7, for what is saved in mispredictions (one in eight addresses ends
// early) is lost in longer chains of loads.
inline void batch6(const Entry* root, const std::byte* blocks, const Wire6* addresses, uint32_t* values, size_t count) {
  static_assert(kRootBits6 + 2 * kBitmapBits == kRangeFrom);
  pass6_root(root, blocks, addresses, values, count);
  pass6_middle(blocks, addresses, values, count);
  if (pass6_ranges(blocks, addresses, values, count)) {
    for (size_t i = 0; i < count; i++) {
      values[i] = deep6(blocks, values[i], addresses[i], kRangeFrom + kRangeBits);
    }
  }
}

void lookup6(const View& view, const Wire6* addresses, uint32_t* values, size_t count) {
  const Entry* root = view.root;
  const std::byte* blocks = view.blocks;
  for (; count > kBatch; count -= kBatch, addresses += kBatch, values += kBatch) {
    batch6(root, blocks, addresses, values, kBatch);
  }
  if (count > 0) {
    batch6(root, blocks, addresses, values, count);
  }
}

// Tables of few prefixes. Their blocks are in the nearest cache or soon will be, so addresses are followed one by one:
// of these chains of loads, too, several run at the same time.
void small4(const View& view, const uint32_t* addresses, uint32_t* values, size_t count) {
  const Entry* root = view.root;
  const std::byte* blocks = view.blocks;
  uint32_t last = ~addresses[0];
  Entry entry = 0;
  for (size_t i = 0; i < count; i++) {
    if (addresses[i] != last) {
      last = addresses[i];
      entry = deep4(blocks, load(&root[last >> (32 - kSmallRootBits4)]), last << kSmallRootBits4);
    }
    values[i] = entry;
  }
}

void small6(const View& view, const Wire6* addresses, uint32_t* values, size_t count) {
  const Entry* root = view.root;
  const std::byte* blocks = view.blocks;
  uint64_t last_high = ~load_big(addresses[0]), last_low = 0;
  Entry entry = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t high = load_big(addresses[i]), low = load_big(addresses[i] + 8);
    if (high != last_high || low != last_low) {
      last_high = high;
      last_low = low;
      entry = deep6(blocks, load(&root[high >> (64 - kSmallRootBits6)]), addresses[i], kSmallRootBits6);
    }
    values[i] = entry;
  }
}

}  // namespace
}  // namespace floof::ip::fib
