// SPDX-License-Identifier: GPL-3.0-or-later
//
// The shared-memory segment `<run-dir>/stats`: counters and heartbeats that floof-dataplane writes and anybody may read
// without disturbing it. Layout: SegmentHeader, CounterEntry[kMaxEntries], InterfaceEntry[kMaxInterfaces], then for
// each thread that counts a block of uint64 slots. A value is the sum of one slot over all blocks; each block has one
// writer. Readers map it read-only; single values are never torn (aligned 64-bit stores), a set of values is not a
// snapshot.
//
// Which slots count what is told by the entries, which may come, grow, move and go while everybody reads: `epoch` is
// odd meanwhile and another one afterwards, and Reader::look looks again. The blocks have address space to spare (the
// file is sparse), so that nothing that exists has to be mapped anew.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace floof::stats {

inline constexpr uint64_t kMagic = 0x464c4f4f46535434;  // "FLOOFST4"
inline constexpr unsigned kMaxWorkers = 16;             ///< block 0 is the control thread, workers follow
inline constexpr uint32_t kMaxEntries = 4096;

/// `none`: the entry is free. `interface` and `vector` have many elements, one slot each: by interface id, or by what
/// the feature that declared it says (rules of a list).
enum class Kind : uint8_t { none, counter, node, drop, interface, vector };

/// A counter as declared beside the code that counts.
struct alignas(8) CounterEntry {
  char name[56];
  char unit[16];  ///< "packets", "bytes", "cycles", "calls"
  char help[120];
  Kind kind;
  uint32_t first_slot;
  uint32_t elements;  ///< slots from there on; of a node: calls, packets, cycles
};
static_assert(sizeof(CounterEntry) % 8 == 0);

/// What every interface has, in this order at interface_slots + id * kPerInterface of each block: one cache line. What
/// features count for each interface beside are entries of Kind::interface.
enum InterfaceSlot : uint32_t {
  rx_packets,
  rx_bytes,
  rx_errors,
  rx_drops,
  tx_packets,
  tx_bytes,
  tx_errors,
  tx_drops,
  kPerInterface
};

struct InterfaceSlotText {
  std::string_view name, unit, help;
};
inline constexpr std::array<InterfaceSlotText, kPerInterface> kInterfaceSlots{{
    {"rx-packets", "packets", "Received from the device."},
    {"rx-bytes", "bytes", "Received from the device, with Ethernet headers."},
    {"rx-errors", "packets", "The device could not receive, or gave something broken."},
    {"rx-drops", "packets", "Received, then dropped; `show dataplane drops` says why."},
    {"tx-packets", "packets", "Given to the device."},
    {"tx-bytes", "bytes", "Given to the device, with Ethernet headers."},
    {"tx-errors", "packets", "The device did not take it."},
    {"tx-drops", "packets", "Dropped on the way out; `show dataplane drops` says why."},
}};

struct InterfaceEntry {
  char name[16];  ///< empty = unused
};

/// Each on a cache line of its own: a worker beats every millisecond, and shall not wait for the others' lines.
struct alignas(64) Beats : std::atomic<uint64_t> {
  using std::atomic<uint64_t>::operator=;
};

struct SegmentHeader {
  uint64_t magic;
  std::atomic<uint64_t> epoch;  ///< odd while entries change
  uint32_t workers;             ///< blocks in use, with block 0
  uint32_t entries;             ///< behind the last one in use
  uint32_t slots;               ///< per block, that may be in use at most
  uint32_t interface_slots;
  uint64_t block_stride;  ///< bytes
  uint64_t tsc_hz;
  uint64_t started_unix_ms;
  Beats control_heartbeat;
  std::array<Beats, kMaxWorkers> worker_heartbeat;        ///< index = block
  std::array<std::atomic<int32_t>, kMaxWorkers> threads;  ///< by block: the kernel's number of who writes it; 0 unknown
};

/// Byte offsets of the parts that follow the header. Writer and readers share them.
constexpr size_t entries_offset() { return (sizeof(SegmentHeader) + 63) / 64 * 64; }
constexpr size_t interfaces_offset() { return entries_offset() + kMaxEntries * sizeof(CounterEntry); }
constexpr size_t blocks_offset() {
  return (interfaces_offset() + kMaxInterfaces * sizeof(InterfaceEntry) + 4095) / 4096 * 4096;
}

/// Read-only view for show commands, exporters, tests. Any thread, one at a time.
class Reader {
 public:
  /// Maps `path`; an Error when it is missing, short or of another layout.
  static Result<Reader> open(const std::string& path);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  const SegmentHeader& header() const { return *header_; }
  /// As they were at `open`, or when they were last read anew.
  const std::vector<CounterEntry>& counters() const { return counters_; }
  /// Whether entries are still where `counters` has them. What was read before is of this layout when they are.
  bool current() const;
  /// Reads the entries anew if they have changed. An Error when a change does not end, or nothing makes sense.
  Result<> refresh();
  /// Calls `what` with entries that stay as they are meanwhile; again, when they did not. False: they never did.
  template <typename What>
  bool look(What&& what) {
    for (unsigned attempt = 0; attempt < kAttempts; attempt++) {
      if (!refresh()) {
        return false;
      }
      what();
      if (current()) {
        return true;
      }
    }
    return false;
  }

  /// Sum over all blocks.
  uint64_t value(uint32_t slot) const;
  uint64_t value(uint32_t slot, unsigned block) const;
  /// Of one element of an entry; 0 when it has fewer.
  uint64_t value(const CounterEntry& entry, uint32_t element) const {
    return element < entry.elements ? value(entry.first_slot + element) : 0;
  }
  std::string interface_name(IfId id) const;
  uint64_t interface_value(IfId id, InterfaceSlot slot) const;

 private:
  static constexpr unsigned kAttempts = 100;
  Reader() = default;
  bool read_entries();
  const SegmentHeader* header_ = nullptr;
  size_t mapped_ = 0;  ///< bytes
  uint64_t epoch_ = 0;
  std::vector<CounterEntry> counters_;
};

}  // namespace floof::stats
