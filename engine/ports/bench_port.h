// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/port.h"

namespace floof::engine {

/// What the sink saw. Written by the worker; read it between turns.
struct BenchFigures {
  uint64_t sink_cycles = 0;         ///< TSC cycles in the sink, which are part of port-tx's
  std::vector<uint64_t> latencies;  ///< TSC cycles from source to sink, of stamped packets, as long as there is room
};

/// An endless source of one frame and the sink that gives the buffers back, in one process: measures the graph without
/// any device. Each packet is written into its buffer anew, since the graph has rewritten it. Buffers go round in a
/// long ring, so that they are as cold as a network card's would be.
struct BenchPorts {
  std::unique_ptr<Port> source;  ///< always readable
  std::unique_ptr<Port> sink;    ///< takes everything
  std::vector<std::unique_ptr<Port>> more_sinks;
  std::shared_ptr<BenchFigures> figures;
};
/// A part of the frame that differs from packet to packet: packet n gets value n, modulo their number.
struct BenchField {
  size_t offset = 0;
  size_t size = 0;  ///< bytes: 2, 4 or 16
  std::vector<uint8_t> values;
};
struct BenchOptions {
  std::vector<uint8_t> frame;  ///< 64 bytes to 2 KiB
  std::vector<BenchField> fields;
  unsigned buffers = 8192;
  unsigned vector = 256;  ///< packets per receive
  unsigned sinks = 1;
  bool stamps = false;  ///< the last eight bytes of the frame tell when it was made; the sink keeps latencies
};
/// Needs a started EAL. The ports may be destroyed in any order, after the graph let go of all packets. One worker.
Result<BenchPorts> open_bench_ports(BenchOptions options);

}  // namespace floof::engine
