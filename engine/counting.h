// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace floof::engine {

/// Tells `count_interface` which block of the stats segment belongs to the calling thread; nullptr: none, nothing is
/// counted. `interface_slots` as in the segment's header.
void set_counting_thread(uint64_t* block, uint32_t interface_slots);

}  // namespace floof::engine
