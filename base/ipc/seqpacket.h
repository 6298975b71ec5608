// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace floof {

/// One packet of a SOCK_SEQPACKET unix socket, with at most one descriptor beside it (SCM_RIGHTS).
struct Packet {
  std::string text;
  UniqueFd fd;
};

/// The longest packet; a longer one is an error on both sides.
inline constexpr size_t kMaxPacket = 128 * 1024;

/// Sends one packet; `fd` -1 sends none. Blocks as the socket does; errors keep errno.
Result<void> send_packet(int socket, const std::string& text, int fd = -1);
/// Receives one packet. An empty `text` means that the peer has closed. Surplus descriptors are closed. Errors keep
/// errno (EAGAIN on a socket that does not block).
Result<Packet> receive_packet(int socket);

}  // namespace floof
