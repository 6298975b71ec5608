// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/notifier.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace floof {

Notifier::Notifier() {
  const char* name = getenv("NOTIFY_SOCKET");
  if (name != nullptr && std::strlen(name) < sizeof address_.sun_path) {
    std::strcpy(address_.sun_path, name);
    size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(name));
    address_.sun_path[0] = name[0] == '@' ? '\0' : name[0];  // '@' stands for an abstract name
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    unsetenv(variable);
  }
}

void Notifier::say(std::string_view text) const {
  if (socket_) {
    sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address_), size_);
  }
}

}  // namespace floof
