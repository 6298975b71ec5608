// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dataplane/stats_segment.h"
#include "base/fd.h"
#include "base/result.h"
#include "engine/graph.h"

namespace floof::engine {

/// The writer's side of the shared segment `<run_dir>/stats` (layout: base/dataplane/stats_segment.h). Slots of each
/// block: three per node, one per drop reason, one per counter, the interfaces', then vectors, which come and go. A
/// segment is made under a temporary name and renamed, so that readers of an older process keep the map that they have.
/// The slots in use have their memory from the start: a full run folder is an Error here, not a SIGBUS later. What a
/// dataplane before this one had counted since boot (`stats.before`, see SegmentWatch) is counted on, by names. Control
/// thread.
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
  /// Empty: unused.
  void name_interface(IfId id, std::string_view name);
  /// All that was there before has come back: what comes from now on under a name begins with 0.
  void forget_earlier() { earlier_.reset(); }

  // -- Vectors ----------------------------------------------------------------------------------------------------
  /// All elements are zero. Whoever counts by it is told where (Lane::vectors). Errors: too many, or no memory.
  Result<VectorId> add(std::string_view name, std::string_view unit, std::string_view help, uint32_t elements,
                       stats::Kind kind = stats::Kind::vector);
  /// Where the vector will be with so many elements: the same place when there is room, else one that is all zero.
  /// Whoever counts by it is then to `move_block` each block and `finish_resize`; readers wait meanwhile.
  Result<CounterVector> begin_resize(VectorId id, uint32_t elements);
  /// On the thread that writes the block: brings its values along and clears what is left behind.
  void move_block(unsigned index, const CounterVector& from, const CounterVector& to);
  void finish_resize(VectorId id, const CounterVector& to);
  /// Nobody counts by it any more, and each block was moved to nowhere.
  void remove(VectorId id);
  CounterVector vector(VectorId id) const { return vectors_[id.value()].at; }
  size_t vectors() const { return vectors_.size(); }

  uint32_t node_slot(NodeId id) const { return id.value() * 3u; }  ///< calls, packets, cycles
  uint32_t drop_slots() const { return drop_slots_; }
  uint32_t counter_slots() const { return counter_slots_; }
  uint32_t interface_slots() const { return interface_slots_; }
  uint32_t slots() const { return used_; }  ///< behind the last one in use

 private:
  StatsWriter() = default;
  void open_earlier(const std::string& path);
  void add_earlier(const stats::CounterEntry& entry);
  Result<> fill(Graph& graph, unsigned workers, uint64_t tsc_hz);
  stats::CounterEntry& entry(uint32_t index) const;
  void begin_change();
  void end_change();
  Result<uint32_t> take_slots(uint32_t count);
  Result<> commit(uint32_t first, uint32_t count);
  /// Grows by doubling: as often as not there is room where it is.
  static uint32_t room(uint32_t elements);

  uint8_t* memory_ = nullptr;
  UniqueFd fd_;
  size_t size_ = 0;  ///< bytes
  uint32_t drop_slots_ = 0, counter_slots_ = 0, interface_slots_ = 0;
  uint32_t used_ = 0;
  struct Vector {
    uint32_t entry = 0;
    uint32_t room = 0;  ///< slots that it has; 0: the id is free
    CounterVector at;
  };
  std::vector<Vector> vectors_;             ///< by id
  std::multimap<uint32_t, uint32_t> free_;  ///< slots that are zero: how many, from where
  struct Earlier {
    stats::Reader reader;
    std::map<std::string, IfId, std::less<>> interfaces;  ///< whose values have not been taken yet
  };
  std::optional<Earlier> earlier_;
};

}  // namespace floof::engine
