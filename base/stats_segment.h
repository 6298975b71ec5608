// SPDX-License-Identifier: GPL-3.0-or-later
//
// The shared-memory segment `<run-dir>/stats`: counters and heartbeats that floof-dataplane writes and anybody may read
// without disturbing it. Layout: SegmentHeader, CounterEntry[counters], InterfaceEntry[kMaxInterfaces], then for each
// worker a block of uint64 slots. A value is the sum of one slot over all worker blocks. Readers map it read-only;
// single values are never torn (aligned 64-bit stores), a set of values is not a snapshot.
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

inline constexpr uint64_t kMagic = 0x464c4f4f46535432;  // "FLOOFST2"
inline constexpr unsigned kMaxWorkers = 16;             ///< block 0 is the control thread, workers follow

enum class Kind : uint8_t { counter, node, drop };

/// A counter as declared beside the code that counts.
struct CounterEntry {
  char name[56];
  char unit[16];  ///< "packets", "bytes", "cycles", "calls"
  char help[120];
  Kind kind;
  uint32_t first_slot;  ///< node: slots are calls, packets, cycles; else one slot
};

/// Per-interface slots, in this order, at interface_slots + id * kPerInterface of each block.
enum InterfaceSlot : uint32_t {
  rx_packets,
  rx_bytes,
  rx_errors,
  rx_drops,
  tx_packets,
  tx_bytes,
  tx_errors,
  tx_drops,
  punted,
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
    {"punted", "packets", "Given to Linux."},
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
  uint32_t size;  ///< of the whole segment, bytes
  uint32_t counters;
  uint32_t workers;  ///< blocks in use, with block 0
  uint32_t slots;    ///< per block
  uint32_t interface_slots;
  uint32_t block_stride;  ///< bytes
  uint64_t tsc_hz;
  uint64_t started_unix_ms;
  Beats control_heartbeat;
  std::array<Beats, kMaxWorkers> worker_heartbeat;  ///< index = block
};

/// Byte offsets of the parts that follow the header, from the number of counters. Writer and readers share them.
constexpr size_t counters_offset() { return (sizeof(SegmentHeader) + 63) / 64 * 64; }
constexpr size_t interfaces_offset(uint32_t counters) { return counters_offset() + counters * sizeof(CounterEntry); }
constexpr size_t blocks_offset(uint32_t counters) {
  return (interfaces_offset(counters) + kMaxInterfaces * sizeof(InterfaceEntry) + 63) / 64 * 64;
}

/// Read-only view for show commands, exporters, tests. Any thread.
class Reader {
 public:
  /// Maps `path`; an Error when it is missing, short or of another layout.
  static Result<Reader> open(const std::string& path);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  const SegmentHeader& header() const { return *header_; }
  const std::vector<CounterEntry>& counters() const { return counters_; }
  /// Sum over all blocks.
  uint64_t value(uint32_t slot) const;
  uint64_t value(uint32_t slot, unsigned block) const;
  std::string interface_name(IfId id) const;
  uint64_t interface_value(IfId id, InterfaceSlot slot) const;

 private:
  Reader() = default;
  const SegmentHeader* header_ = nullptr;
  size_t mapped_ = 0;  ///< bytes
  std::vector<CounterEntry> counters_;
};

}  // namespace floof::stats
