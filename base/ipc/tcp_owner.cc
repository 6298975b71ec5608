// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ipc/tcp_owner.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

namespace floof {

namespace {

/// Of the socket at `there` that speaks with `here`.
std::optional<uid_t> owner_of(const sockaddr_in& there, const sockaddr_in& here) {
  const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC),
                                                                 mnl_socket_close);
  if (!socket) {
    return std::nullopt;
  }
  alignas(nlmsghdr) char bytes[8192];
  nlmsghdr* message = mnl_nlmsg_put_header(bytes);
  message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message->nlmsg_flags = NLM_F_REQUEST;
  auto* ask = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(message, sizeof(inet_diag_req_v2)));
  ask->sdiag_family = AF_INET;
  ask->sdiag_protocol = IPPROTO_TCP;
  ask->idiag_states = ~0U;
  ask->id.idiag_sport = there.sin_port;
  ask->id.idiag_dport = here.sin_port;
  ask->id.idiag_src[0] = there.sin_addr.s_addr;
  ask->id.idiag_dst[0] = here.sin_addr.s_addr;
  ask->id.idiag_cookie[0] = ask->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0) {
    return std::nullopt;
  }
  const ssize_t got = mnl_socket_recvfrom(socket.get(), bytes, sizeof bytes);
  const auto* answer = reinterpret_cast<const nlmsghdr*>(bytes);
  if (got <= 0 || !mnl_nlmsg_ok(answer, static_cast<int>(got)) || answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      mnl_nlmsg_get_payload_len(answer) < sizeof(inet_diag_msg)) {
    return std::nullopt;
  }
  return static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(answer))->idiag_uid;
}

sockaddr_in address_of(Ip4 address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address.value());
  return out;
}

}  // namespace

std::optional<uid_t> owner_of_other_end(int fd) {
  sockaddr_in here{}, there{};
  socklen_t size = sizeof here;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) != 0 || here.sin_family != AF_INET) {
    return std::nullopt;
  }
  size = sizeof there;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&there), &size) != 0) {
    return std::nullopt;
  }
  return owner_of(there, here);
}

std::optional<uid_t> owner_of_listener(Ip4 address, uint16_t port, Ip4 from) {
  // No connection has port 0, so the kernel finds who listens.
  return owner_of(address_of(address, port), address_of(from, 0));
}

}  // namespace floof
