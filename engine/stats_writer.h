// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/stats_segment.h"
#include "engine/graph.h"

namespace floof::engine {

/// The writer's side of the shared segment `<run_dir>/stats` (layout: base/stats_segment.h). Slots of each block: three
/// per node, one per drop reason, one per counter, then the interfaces'. A segment is made under a temporary name
/// and renamed, so that readers of an older process keep the map that they have. Made by the control thread.
class StatsWriter {
 public:
  /// `workers` without the control thread's block. Errors name the file.
  static Result<std::unique_ptr<StatsWriter>> create(const std::string& run_dir, Graph& graph, unsigned workers,
                                                     uint64_t tsc_hz);
  ~StatsWriter();
  StatsWriter(const StatsWriter&) = delete;
  StatsWriter& operator=(const StatsWriter&) = delete;

  stats::SegmentHeader& header() { return *reinterpret_cast<stats::SegmentHeader*>(memory_); }
  /// Slots of one thread: 0 = control, worker i has i + 1. Only that thread writes it.
  uint64_t* block(unsigned index);
  /// Control thread. Empty: unused.
  void name_interface(IfId id, std::string_view name);

  uint32_t node_slot(NodeId id) const { return id.value() * 3u; }  ///< calls, packets, cycles
  uint32_t drop_slots() const { return drop_slots_; }
  uint32_t counter_slots() const { return counter_slots_; }
  uint32_t interface_slots() const { return interface_slots_; }
  uint32_t slots() const { return interface_slots_ + kMaxInterfaces * stats::kPerInterface; }

 private:
  StatsWriter() = default;
  void fill(Graph& graph, unsigned workers, uint64_t tsc_hz);

  uint8_t* memory_ = nullptr;
  size_t size_ = 0;  ///< bytes
  uint32_t drop_slots_ = 0, counter_slots_ = 0, interface_slots_ = 0;
};

}  // namespace floof::engine
