// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <malloc.h>

namespace floof {

/// For daemons whose work comes in bursts (a commit makes and frees trees of the whole configuration): malloc keeps up
/// to 32 MiB of what is free, instead of giving it to Linux and taking it anew each time, page by page. A third of a
/// commit's time with 4000 interfaces (docs/performance.md, The configuration). At the program's start.
inline void keep_freed_memory() {
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

}  // namespace floof
