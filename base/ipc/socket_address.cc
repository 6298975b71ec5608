// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace floof {

SocketAddress::SocketAddress(const IpAddress& address, uint16_t port) {
  if (address.is_ip4()) {
    auto& in4 = reinterpret_cast<sockaddr_in&>(storage_);
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    std::memcpy(&in4.sin_addr, address.wire().data(), sizeof in4.sin_addr);
    size_ = sizeof in4;
  } else {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(storage_);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.wire().data(), sizeof in6.sin6_addr);
    size_ = sizeof in6;
  }
}

}  // namespace floof
