// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the FIB lies in memory, for its writer (fib_tree.h) and its readers (fib_lookup_body.h).
//
// A root array is indexed by the first 18 (IPv4) or 20 (IPv6) bits; that of a table with few prefixes by the first 6 or
// 8, for several steps more down to an answer and a thousandth of the memory (fib_table.h). An entry is a value or
// leads to a block for the next bits. A block is immutable, save that single entries are replaced by atomic stores; to
// change its shape the writer makes a new one and stores the entry that leads to it. So a reader sees the old answer or
// the new one.
//
// - bitmap block, 6 bits: one bit for each of 64 slots, set where a run of equal entries begins, then the runs'
//   entries. The slot's entry is found by a population count (the idea of Lulea, SIGCOMM 1997, and of Poptrie, SIGCOMM
//   2015). Bits and entries share a block, so that an IPv4 lookup touches two cache lines: root and block.
// - range block, 16 bits (IPv6 from bit 32 on, where tables are sparse): up to 32 sorted boundaries in one cache line,
//   compared all at once (DXR's ranges, CCR 2012, without its binary search), then the entries of the ranges.
#pragma once

#include <cstddef>
#include <cstdint>

namespace floof::ip::fib {

using Entry = uint32_t;
inline constexpr Entry kNodeBit = Entry{1} << 31;
/// Values are 1..kMaxValue, 0 is "no route": 24 bits, because the writer keeps length and value in one word.
inline constexpr uint32_t kMaxValue = (uint32_t{1} << 24) - 1;

/// The range kinds by their room for boundaries: 8, 16 or 32. Range blocks begin and end at cache lines: a reader may
/// load a whole line of boundaries whatever the kind.
enum class NodeKind : uint32_t { bitmap = 0, range8 = 1, range16 = 2, range32 = 3 };

inline constexpr unsigned kKindShift = 29;
inline constexpr Entry kRefMask = (Entry{1} << kKindShift) - 1;
/// Bytes between a block's reference and its address.
inline constexpr unsigned kUnitShift = 4;

inline constexpr unsigned kBitmapBits = 6;
inline constexpr unsigned kBitmapSlots = 1 << kBitmapBits;
inline constexpr unsigned kRangeBits = 16;
inline constexpr unsigned kMaxBoundaries = 32;
/// Stored boundaries are the last slot of a range; this one never is, so it fills unused places.
inline constexpr uint16_t kNoBoundary = 0xffff;

inline constexpr unsigned kRootBits4 = 18;
inline constexpr unsigned kRootBits6 = 20;
/// Of tables with few prefixes. Both kinds reach the same depths with blocks of 6 bits.
inline constexpr unsigned kSmallRootBits4 = 6;
inline constexpr unsigned kSmallRootBits6 = 8;
/// From this depth on IPv6 may use range blocks; before it, prefixes are dense and end at /32.
inline constexpr unsigned kRangeFrom = 32;

constexpr bool is_node(Entry entry) { return (entry & kNodeBit) != 0; }
constexpr NodeKind kind_of(Entry entry) { return static_cast<NodeKind>((entry & ~kNodeBit) >> kKindShift); }
constexpr uint32_t ref_of(Entry entry) { return entry & kRefMask; }
constexpr Entry node_entry(NodeKind kind, uint32_t ref) {
  return kNodeBit | static_cast<Entry>(kind) << kKindShift | ref;
}
constexpr unsigned range_room(NodeKind kind) { return 4u << static_cast<unsigned>(kind); }

/// What a reader needs. Both arrays stay where they are as long as a reader may have this.
struct View {
  const Entry* root;
  const std::byte* blocks;
};

}  // namespace floof::ip::fib
