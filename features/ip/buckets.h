// SPDX-License-Identifier: GPL-3.0-or-later
//
// Resilient hashing: which member of an ECMP group owns each bucket. When members come, go or change weight, the
// fewest buckets change hands, so that flows stay on their paths (the disruption that RFC 2992 measures).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "features/ip/forwarding.h"

namespace floof::ip {

struct BucketMember {
  uint32_t id;      ///< never 0
  uint32_t weight;  ///< at least 1
};

using Buckets = std::array<uint32_t, kBuckets>;

/// The new owners, given the present ones (0: nobody). `members`: 1..kBuckets of them, distinct ids. Each gets
/// floor or ceiling of its share by weight, and at least one bucket.
Buckets assign_buckets(const Buckets& present, std::span<const BucketMember> members);

}  // namespace floof::ip
