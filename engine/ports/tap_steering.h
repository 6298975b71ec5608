// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace floof::engine {

/// Makes the kernel choose the queue of a TAP by a hash of addresses and ports, alike for both directions; of fragments
/// and of other transports by the addresses, all that is not IP by queue 0. By itself the kernel would follow the queue
/// that was last written to for a flow, or forget that after 3 s: the flow changes its queue, and packets overtake.
/// False: the kernel takes no such program, and does as it likes. Control thread.
bool steer_by_hash(int tap_fd);

}  // namespace floof::engine
