// SPDX-License-Identifier: GPL-3.0-or-later
//
// Resilient hashing: which member of a group (the next hops of a route, the ports of a bond) owns each bucket. When
// members come, go or change weight, the fewest buckets change hands, so that flows stay on their paths (the disruption
// that RFC 2992 measures). Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace floof {

struct BucketMember {
  uint32_t id;      ///< never 0
  uint32_t weight;  ///< at least 1
};

/// `buckets`: the present owners (0: nobody) become the new ones. `members`: at least one and at most as many as there
/// are buckets, distinct ids. Each gets floor or ceiling of its share by weight, and at least one bucket.
void assign_buckets(std::span<uint32_t> buckets, std::span<const BucketMember> members);

template <size_t N>
[[nodiscard]] std::array<uint32_t, N> assign_buckets(const std::array<uint32_t, N>& present,
                                                     std::span<const BucketMember> members) {
  std::array<uint32_t, N> out = present;
  assign_buckets(std::span<uint32_t>(out), members);
  return out;
}

}  // namespace floof
