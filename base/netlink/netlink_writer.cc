// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests to rtnetlink, and work inside other network namespaces.
#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/netlink/netlink.h"
#include "base/netlink/netlink_socket.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

namespace floof::netlink {

// -- Socket -------------------------------------------------------------------------------------------------------

Result<Socket> Socket::open(int netns, uint32_t groups) {
  Socket out;
  const auto make = [&]() -> Result<void> {
    out.socket_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!out.socket_ || mnl_socket_bind(out.socket_.get(), groups, MNL_SOCKET_AUTOPID) != 0) {
      return errno_error("netlink", "cannot open a socket");
    }
    return {};
  };
  const auto made = netns < 0 ? make() : inside_netns(netns, make);
  if (!made) {
    return made.error();
  }
  const int on = 1;
  const int buffer = 64 << 20;
  setsockopt(out.fd(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(out.fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  if (groups != 0 && setsockopt(out.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(out.fd(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    log::warning(
        "netlink: no right to a receive buffer of 64 MB; a burst of kernel events may cost a resynchronisation");
  }
  return out;
}

Result<void> Socket::send(const std::string& message) {
  if (mnl_socket_sendto(socket_.get(), message.data(), message.size()) < 0) {
    return errno_error("netlink", "cannot send a request");
  }
  return {};
}

int error_code(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_HDRLEN + sizeof(nlmsgerr)) {
    return EBADMSG;
  }
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error;
}

std::string error_text(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_HDRLEN + sizeof(nlmsgerr) || (message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) {
    return "";
  }
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
  size_t at = sizeof(nlmsgerr);
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len >= NLMSG_HDRLEN) {
    at += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
  }
  if (at >= message.nlmsg_len - NLMSG_HDRLEN) {
    return "";
  }
  std::string text;
  mnl_attr_parse(
      &message, static_cast<unsigned>(at),
      [](const nlattr* attribute, void* to) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
          *static_cast<std::string*>(to) = mnl_attr_get_str(attribute);
        }
        return MNL_CB_OK;
      },
      &text);
  return text;
}

namespace {

/// A message being built. Bounded: our requests are small.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    nlmsghdr* m = mnl_nlmsg_put_header(space_);
    m->nlmsg_type = type;
    m->nlmsg_flags = NLM_F_REQUEST | flags;
  }
  nlmsghdr& message() { return *reinterpret_cast<nlmsghdr*>(space_); }
  template <typename T>
  T& fixed() {
    return *static_cast<T*>(mnl_nlmsg_put_extra_header(&message(), sizeof(T)));
  }
  void put(uint16_t type, const void* data, size_t length) {
    if (!mnl_attr_put_check(&message(), sizeof space_, type, length, data)) {
      log::error("netlink: a request is too long");
    }
  }
  void put_u32(uint16_t type, uint32_t value) { put(type, &value, sizeof value); }
  void put_address(uint16_t type, const IpAddress& a) { put(type, a.wire().data(), a.wire().size()); }
  void put_string(uint16_t type, const std::string& s) { put(type, s.c_str(), s.size() + 1); }

 private:
  alignas(nlmsghdr) char space_[4096] = {};
};

uint8_t kernel_family(Family family) { return family == Family::ip4 ? AF_INET : AF_INET6; }
uint8_t kernel_family(const IpAddress& address) { return kernel_family(address.family()); }

}  // namespace

// -- Writer -------------------------------------------------------------------------------------------------------

struct Writer::Impl {
  Socket socket;
  std::vector<char> buffer = std::vector<char>(64 * 1024);

  struct Reply {
    int code = 0;
    std::string text;
    std::optional<Link> link;
  };
  /// Sends and reads to the acknowledgement.
  Result<Reply> exchange(Request& request);
  /// `harmless`: errno values that count as success.
  Result<void> run(Request& request, const std::string& doing, std::initializer_list<int> harmless = {});
};

Result<Writer::Impl::Reply> Writer::Impl::exchange(Request& request) {
  nlmsghdr& m = request.message();
  m.nlmsg_flags |= NLM_F_ACK;
  m.nlmsg_seq = socket.next_sequence();
  if (auto sent = socket.send({reinterpret_cast<const char*>(&m), m.nlmsg_len}); !sent) {
    return sent.error();
  }
  Reply reply;
  while (true) {
    const ssize_t n = recv(socket.fd(), buffer.data(), buffer.size(), 0);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("netlink", "cannot read an answer");
    }
    int left = static_cast<int>(n);
    for (auto* a = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(a, left); a = mnl_nlmsg_next(a, &left)) {
      if (a->nlmsg_seq != m.nlmsg_seq) {
        continue;
      }
      if (a->nlmsg_type == NLMSG_ERROR) {
        reply.code = error_code(*a);
        reply.text = error_text(*a);
        return reply;
      }
      Handler handler;
      handler.link = [&](const Link& link) { reply.link = link; };
      parse_message(*a, handler);
    }
  }
}

Result<void> Writer::Impl::run(Request& request, const std::string& doing, std::initializer_list<int> harmless) {
  auto reply = exchange(request);
  if (!reply) {
    return Error{doing, reply.error().reason, ""};
  }
  if (reply->code == 0) {
    return {};
  }
  for (const int code : harmless) {
    if (reply->code == code) {
      return {};
    }
  }
  errno = reply->code;
  Error error = errno_error("", "the kernel refuses to " + doing);
  if (!reply->text.empty()) {
    error.reason += " (" + reply->text + ")";
  }
  return error;
}

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::~Writer() = default;

Result<std::unique_ptr<Writer>> Writer::open(int netns) {
  auto socket = Socket::open(netns, 0);
  if (!socket) {
    return socket.error();
  }
  return std::unique_ptr<Writer>(new Writer(std::make_unique<Impl>(Impl{std::move(*socket)})));
}

Result<int> Writer::link_index(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return Error{name, "is no name of a link", "use 1 to 15 characters"};
  }
  Request request(RTM_GETLINK, 0);
  request.fixed<ifinfomsg>();
  request.put_string(IFLA_IFNAME, name);
  auto reply = impl_->exchange(request);
  if (!reply) {
    return reply.error();
  }
  if (!reply->link) {
    errno = reply->code == 0 ? ENODEV : reply->code;
    return errno_error(name, "cannot find the link");
  }
  return reply->link->index;
}

Result<Link> Writer::link(int index) {
  Request request(RTM_GETLINK, 0);
  request.fixed<ifinfomsg>().ifi_index = index;
  auto reply = impl_->exchange(request);
  if (!reply) {
    return reply.error();
  }
  if (!reply->link) {
    errno = reply->code == 0 ? ENODEV : reply->code;
    return errno_error(fmt::format("link {}", index), "cannot find it");
  }
  return *reply->link;
}

Result<void> Writer::change_link(int index, const LinkChange& change) {
  Request request(RTM_NEWLINK, 0);
  auto& fixed = request.fixed<ifinfomsg>();
  fixed.ifi_index = index;
  const auto flag = [&](std::optional<bool> wanted, unsigned bit) {
    if (wanted) {
      fixed.ifi_change |= bit;
      fixed.ifi_flags |= *wanted ? bit : 0;
    }
  };
  flag(change.up, IFF_UP);
  flag(change.promiscuous, IFF_PROMISC);
  flag(change.arp ? std::optional(!*change.arp) : std::nullopt, IFF_NOARP);
  if (change.mtu) {
    request.put_u32(IFLA_MTU, *change.mtu);
  }
  if (change.mac) {
    request.put(IFLA_ADDRESS, change.mac->bytes.data(), change.mac->bytes.size());
  }
  if (change.rename) {
    request.put_string(IFLA_IFNAME, *change.rename);
  }
  if (change.alias) {
    request.put(IFLA_IFALIAS, change.alias->data(), std::min<size_t>(change.alias->size(), 255));
  }
  if (change.move_to_netns) {
    request.put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(*change.move_to_netns));
  }
  return impl_->run(request, fmt::format("change link {}", index));
}

Result<void> Writer::delete_link(int index) {
  Request request(RTM_DELLINK, 0);
  request.fixed<ifinfomsg>().ifi_index = index;
  return impl_->run(request, fmt::format("delete link {}", index), {ENODEV});
}

Result<void> Writer::delete_links(const std::vector<int>& indexes, uint32_t group) {
  for (const int index : indexes) {
    Request request(RTM_NEWLINK, 0);
    request.fixed<ifinfomsg>().ifi_index = index;
    request.put_u32(IFLA_GROUP, group);
    if (auto done = impl_->run(request, fmt::format("put link {} into a group", index), {ENODEV}); !done) {
      return done;
    }
  }
  Request request(RTM_DELLINK, 0);
  request.fixed<ifinfomsg>();
  request.put_u32(IFLA_GROUP, group);
  return impl_->run(request, fmt::format("delete the links of group {}", group), {ENODEV});
}

namespace {

Request address_request(uint16_t type, uint16_t flags, int index, const InterfaceAddress& address, bool no_dad) {
  Request request(type, flags);
  auto& fixed = request.fixed<ifaddrmsg>();
  fixed.ifa_family = kernel_family(address.address);
  fixed.ifa_prefixlen = address.length;
  fixed.ifa_index = static_cast<uint32_t>(index);
  request.put_address(IFA_LOCAL, address.address);
  request.put_address(IFA_ADDRESS, address.address);
  if (address.address.is_ip6() && no_dad) {
    request.put_u32(IFA_FLAGS, IFA_F_NODAD);
  }
  if (address.address.is_ip4() && address.length < 31 && type == RTM_NEWADDR) {
    const uint32_t host_bits = address.length == 0 ? ~0u : (1u << (32 - address.length)) - 1;
    request.put_address(IFA_BROADCAST, Ip4(address.address.ip4().value() | host_bits));
  }
  return request;
}

}  // namespace

Result<void> Writer::add_address(int index, const InterfaceAddress& address, bool no_dad) {
  auto request = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, no_dad);
  return impl_->run(request, fmt::format("add address {} to link {}", to_string(address), index), {EEXIST});
}

Result<void> Writer::remove_address(int index, const InterfaceAddress& address) {
  auto request = address_request(RTM_DELADDR, 0, index, address, false);
  return impl_->run(request, fmt::format("remove address {} from link {}", to_string(address), index),
                    {EADDRNOTAVAIL, ENODEV, ESRCH, ENOENT});
}

Result<void> Writer::set_default_route(Family family, int index, std::optional<IpAddress> source, uint32_t metric,
                                       uint8_t protocol) {
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  auto& fixed = request.fixed<rtmsg>();
  fixed.rtm_family = kernel_family(family);
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = protocol;
  fixed.rtm_type = RTN_UNICAST;
  fixed.rtm_scope = family == Family::ip4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  request.put_u32(RTA_OIF, static_cast<uint32_t>(index));
  request.put_u32(RTA_PRIORITY, metric);
  if (source) {
    request.put_address(RTA_PREFSRC, *source);
  }
  return impl_->run(request, fmt::format("set the default route of IPv{} to link {}", static_cast<int>(family), index));
}

Result<void> Writer::remove_default_route(Family family, int index, uint32_t metric) {
  Request request(RTM_DELROUTE, 0);
  auto& fixed = request.fixed<rtmsg>();
  fixed.rtm_family = kernel_family(family);
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_scope = RT_SCOPE_NOWHERE;
  request.put_u32(RTA_OIF, static_cast<uint32_t>(index));
  request.put_u32(RTA_PRIORITY, metric);
  return impl_->run(request, fmt::format("remove the default route of IPv{}", static_cast<int>(family)),
                    {ESRCH, ENOENT, ENODEV});
}

namespace {

void put_gateway(Request& request, Family family, const IpAddress& gateway) {
  if (gateway.family() == family) {
    request.put_address(RTA_GATEWAY, gateway);
    return;
  }
  std::string via(2, '\0');  // struct rtvia: the family in host order, then the address (RFC 8950)
  const uint16_t kind = kernel_family(gateway);
  std::memcpy(via.data(), &kind, sizeof kind);
  via += gateway.wire();
  request.put(RTA_VIA, via.data(), via.size());
}

/// Request is fixed in size, so at most this many ways are written.
constexpr size_t kMostWays = 64;

void put_ways(Request& request, const Route& route) {
  const Family family = route.prefix.family();
  if (route.next_hops.size() == 1) {
    const RouteNextHop& hop = route.next_hops.front();
    request.put_u32(RTA_OIF, static_cast<uint32_t>(hop.index));
    if (hop.gateway) {
      put_gateway(request, family, *hop.gateway);
    }
    return;
  }
  nlattr* const nest = mnl_attr_nest_start(&request.message(), RTA_MULTIPATH);
  for (const RouteNextHop& hop : std::span(route.next_hops).first(std::min(kMostWays, route.next_hops.size()))) {
    const size_t start = request.message().nlmsg_len;
    auto& header = request.fixed<rtnexthop>();
    header.rtnh_ifindex = hop.index;
    header.rtnh_hops = static_cast<uint8_t>(std::max<int>(hop.weight, 1) - 1);
    if (hop.gateway) {
      put_gateway(request, family, *hop.gateway);
    }
    header.rtnh_len = static_cast<uint16_t>(request.message().nlmsg_len - start);
  }
  mnl_attr_nest_end(&request.message(), nest);
}

Request route_request(uint16_t type, uint16_t flags, const Route& route) {
  Request request(type, flags);
  auto& fixed = request.fixed<rtmsg>();
  fixed.rtm_family = kernel_family(route.prefix.family());
  fixed.rtm_dst_len = route.prefix.length();
  fixed.rtm_protocol = route.protocol;
  fixed.rtm_type = type == RTM_NEWROUTE ? route.type : uint8_t{RTN_UNSPEC};
  fixed.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
  const bool on_link = !route.next_hops.empty() && !route.next_hops.front().gateway;
  if (type == RTM_NEWROUTE && on_link && route.prefix.family() == Family::ip4) {
    fixed.rtm_scope = RT_SCOPE_LINK;
  }
  request.put_u32(RTA_TABLE, route.table);
  request.put_u32(RTA_PRIORITY, route.metric);
  request.put_address(RTA_DST, route.prefix.address());
  return request;
}

}  // namespace

Result<void> Writer::set_route(const Route& route) {
  Request request = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
  if (!route.next_hops.empty()) {
    put_ways(request, route);
  }
  return impl_->run(request, "set the route to " + to_string(route.prefix));
}

Result<void> Writer::remove_route(const Route& route) {
  Request request = route_request(RTM_DELROUTE, 0, route);
  return impl_->run(request, "remove the route to " + to_string(route.prefix), {ESRCH, ENOENT, ENODEV});
}

Result<void> Writer::use_neighbor(int index, const IpAddress& address, bool keep_fresh) {
  Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  auto& fixed = request.fixed<ndmsg>();
  fixed.ndm_family = kernel_family(address);
  fixed.ndm_ifindex = index;
  fixed.ndm_state = NUD_NONE;
  fixed.ndm_flags = NTF_USE;
  request.put_address(NDA_DST, address);
  if (keep_fresh) {
    request.put_u32(NDA_FLAGS_EXT, NTF_EXT_MANAGED);
  }
  return impl_->run(request, fmt::format("resolve {} on link {}", to_string(address), index));
}

Result<void> Writer::remove_neighbor(int index, const IpAddress& address) {
  Request request(RTM_DELNEIGH, 0);
  auto& fixed = request.fixed<ndmsg>();
  fixed.ndm_family = kernel_family(address);
  fixed.ndm_ifindex = index;
  request.put_address(NDA_DST, address);
  return impl_->run(request, fmt::format("remove neighbour {} from link {}", to_string(address), index),
                    {ESRCH, ENOENT, ENODEV});
}

// -- Namespaces ---------------------------------------------------------------------------------------------------

Result<void> inside_netns(int netns, const std::function<Result<void>()>& work) {
  if (netns < 0) {
    return work();
  }
  const UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home) {
    return errno_error("/proc/thread-self/ns/net", "cannot open", "is /proc mounted?");
  }
  if (setns(netns, CLONE_NEWNET) != 0) {
    return errno_error("network namespace", "cannot enter", "run as root");
  }
  auto result = work();
  if (setns(home.get(), CLONE_NEWNET) != 0) {
    log::error("cannot return to my network namespace: {}", std::strerror(errno));
    std::abort();  // everything that this thread did next would happen to another router
  }
  return result;
}

Result<UniqueFd> open_netns(const std::string& name) {
  std::string path = "/run/netns/" + name;
  if (name.starts_with("pid:")) {
    path = "/proc/" + name.substr(4) + "/ns/net";
  }
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..") {
    return Error{name, "is no name of a network namespace", "see `ip netns list`"};
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return Error{name, "there is no such network namespace (" + path + ": " + std::strerror(errno) + ")",
                 "make it with `ip netns add " + name + "`, or see `ip netns list`"};
  }
  return fd;
}

Result<void> write_sysctl(int netns, const std::string& path, const std::string& value) {
  return inside_netns(netns, [&]() -> Result<void> {
    const std::string file = "/proc/sys/net/" + path;
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || ::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
      return errno_error(file, "cannot write " + value);
    }
    return {};
  });
}

}  // namespace floof::netlink
