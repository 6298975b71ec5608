// SPDX-License-Identifier: GPL-3.0-or-later
//
// Inside of base/netlink: one rtnetlink socket. Nothing outside base/netlink*.cc includes this.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace floof::netlink {

class Socket {
 public:
  /// Opened in `netns` (-1: the thread's own) with membership of `groups` and a 64 MB receive buffer if it has any.
  static Result<Socket> open(int netns, uint32_t groups);
  int fd() const { return mnl_socket_get_fd(socket_.get()); }
  uint32_t next_sequence() { return ++sequence_; }
  Result<void> send(const std::string& message);

 private:
  struct Close {
    void operator()(mnl_socket* s) const { mnl_socket_close(s); }
  };
  std::unique_ptr<mnl_socket, Close> socket_;
  uint32_t sequence_ = 0;
};

/// The positive errno of an NLMSG_ERROR message, 0 for an acknowledgement.
int error_code(const nlmsghdr& message);
/// What the kernel adds in words (extended acknowledgement), or "".
std::string error_text(const nlmsghdr& message);

}  // namespace floof::netlink
