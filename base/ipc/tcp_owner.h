// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/address.h"

namespace floof {

/// Who made the other end of a connection over IPv4 loopback (sock_diag(7)); nothing when it is gone or was never on
/// this machine. `fd` is a connected TCP socket. Asks the kernel, without waiting for anybody. Any thread.
std::optional<uid_t> owner_of_other_end(int fd);

/// Whose program listens on an IPv4 address and port of this namespace, as somebody at `from` would meet it; nothing
/// when nobody does. Any thread.
std::optional<uid_t> owner_of_listener(Ip4 address, uint16_t port, Ip4 from);

}  // namespace floof
