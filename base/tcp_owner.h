// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <optional>

namespace floof {

/// Who made the other end of a connection over IPv4 loopback (sock_diag(7)); nothing when it is gone or was never on
/// this machine. `fd` is a connected TCP socket. Asks the kernel, without waiting for anybody. Any thread.
std::optional<uid_t> owner_of_other_end(int fd);

}  // namespace floof
