// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace floof::dataplane {

/// How much of each thing a machine should hold, so that it never runs out of memory by what others send.
struct MachineLimits {
  size_t routes;      ///< in the forwarding tables of all VRFs; the RIB's memory follows from it
  size_t fib_bytes;   ///< of the forwarding tables of each family
  size_t neighbors;   ///< of both families
  size_t interfaces;  ///< that are configured
};

/// For so many bytes of memory: an eighth is for the route table, a sixteenth for the forwarding table of each family,
/// an eighth for interfaces, a 32nd for neighbours. Pure.
MachineLimits machine_limits(uint64_t memory);
/// Those of this machine, as it was at the first call. Any thread.
const MachineLimits& machine_limits();

}  // namespace floof::dataplane
