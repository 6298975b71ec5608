// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/dataplane/machine_limits.h"

#include <algorithm>

#include "base/dataplane/machine_memory.h"

namespace floof::dataplane {

namespace {

// What one takes, in our tables and Linux's together.
constexpr size_t kRoute = 192, kNeighbor = 1024, kInterface = 64 << 10;

}  // namespace

MachineLimits machine_limits(uint64_t memory) {
  return {.routes = std::clamp<size_t>(memory / 8 / kRoute, 100'000, 4'000'000),
          .fib_bytes = std::clamp<size_t>(memory / 16, size_t{32} << 20, size_t{256} << 20),
          .neighbors = std::clamp<size_t>(memory / 32 / kNeighbor, 4096, 65536),
          .interfaces = std::clamp<size_t>(memory / 8 / kInterface, 64, 8192)};
}

const MachineLimits& machine_limits() {
  static const MachineLimits limits = machine_limits(machine_memory());
  return limits;
}

}  // namespace floof::dataplane
