// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/port.h"

namespace floof::engine {

/// An endless source of prepared frames and the sink that gives the buffers back, in one process: measures the graph
/// without any device. Frames are repeated in order; each is copied into its buffer anew, since the graph has rewritten
/// it. Buffers go round in a long ring, so that they are as cold as a network card's would be.
struct BenchPorts {
  std::unique_ptr<Port> source;  ///< always readable
  std::unique_ptr<Port> sink;    ///< takes everything
};
struct BenchOptions {
  std::vector<std::vector<uint8_t>> frames;  ///< at least one, each at most 2 KiB
  unsigned buffers = 8192;
  unsigned vector = 256;  ///< packets per receive
};
/// Needs a started EAL. Both ports may be destroyed in any order, after the graph let go of all packets. One worker.
Result<BenchPorts> open_bench_ports(BenchOptions options);

}  // namespace floof::engine
