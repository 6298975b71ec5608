// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/socket.h>

#include "base/address.h"

namespace floof {

/// An address with its port as bind(2) and connect(2) take it.
class SocketAddress {
 public:
  /// `port` in host order. Any thread.
  SocketAddress(const IpAddress& address, uint16_t port);
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace floof
