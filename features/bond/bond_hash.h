// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which bucket of a bond a frame falls into. Both directions of a conversation get the same hash, at every level.
// Pure function on bytes; workers call it, and frames may be anything (the kernel's own, broadcasts, cut ones).
#pragma once

#include <cstdint>
#include <span>

#include "features/bond/bond.h"

namespace floof::bond {

/// `frame`: the contiguous bytes from the Ethernet header on, tags included. l34: addresses and ports (fragments: like
/// l23), l23: IP addresses, l2: MAC addresses. What is no IP packet, behind at most four tags, is hashed as l2.
uint32_t bond_hash(std::span<const uint8_t> frame, LoadBalance balance);

}  // namespace floof::bond
