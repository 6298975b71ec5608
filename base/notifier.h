// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string_view>

#include "base/fd.h"

namespace floof {

/// systemd's readiness protocol (sd_notify(3)): a datagram to $NOTIFY_SOCKET; silent without one. One thread.
class Notifier {
 public:
  /// Takes the variables of the protocol out of the environment, so that children do not speak for us.
  Notifier();
  /// "READY=1", "WATCHDOG=1", "STOPPING=1". Never blocks.
  void say(std::string_view text) const;

 private:
  sockaddr_un address_{AF_UNIX, {}};
  socklen_t size_ = 0;
  UniqueFd socket_;
};

}  // namespace floof
