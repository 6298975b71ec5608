// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/port.h"

namespace floof::engine {

struct EalState {
  bool hugepages = false;
  bool started_before = false;  ///< by an earlier engine of this process; options were not looked at again
};

/// Starts DPDK's EAL once per process: no PCI, no telemetry, no files shared with other instances. Uses hugepages if
/// `bytes` of them are free and allowed, else plain memory, and warns what that costs. `extra`: bytes beside the pools.
/// The calling thread keeps its CPU affinity. Control thread.
Result<EalState> start_eal(size_t bytes, bool allow_hugepages, size_t extra = 0);

/// The memory that `make_pools` will ask for.
size_t pool_bytes(unsigned buffers);
/// One pool of `count` mbufs with `room` bytes and PacketNotes in front; nullptr: no memory, see rte_errno.
rte_mempool* make_pool(const std::string& name, unsigned count, unsigned cache, uint16_t room);
/// Makes both pools; buffers have room for PacketNotes in front of the data. Control thread.
Result<Pools> make_pools(unsigned buffers);
void free_pools(Pools& pools);

}  // namespace floof::engine
