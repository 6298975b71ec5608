// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace floof::ospf {

/// How many seconds beside the longest hello OSPF has to be given after a start of BIRD until routes are complete: the
/// exchange, and twice MinLSInterval (RFC 2328, 5 s), as a neighbour that has told that we are gone tells the opposite
/// 5 s later at the earliest, and so do we.
inline constexpr uint64_t kComesUpSeconds = 12;

}  // namespace floof::ospf
