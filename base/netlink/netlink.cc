// SPDX-License-Identifier: GPL-3.0-or-later
//
// Parsing of rtnetlink messages, and Monitor. Requests are in netlink_writer.cc.
#include "base/netlink/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/netlink/netlink_socket.h"

namespace floof::netlink {

namespace {

/// Calls `visit(type, payload)` for each whole attribute. What is cut short ends the walk.
template <typename Visit>
void for_each_attribute(std::string_view bytes, Visit visit) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > bytes.size()) {
      return;
    }
    visit(uint16_t(header.nla_type & NLA_TYPE_MASK), bytes.substr(sizeof header, header.nla_len - sizeof header));
    bytes.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nla_len), bytes.size()));
  }
}

template <typename T>
std::optional<T> read(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) {
    return std::nullopt;
  }
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

std::string read_string(std::string_view bytes) { return std::string(bytes.substr(0, bytes.find('\0'))); }

std::optional<IpAddress> read_address(int family, std::string_view bytes) {
  if (family == AF_INET && bytes.size() == 4) {
    return IpAddress(Ip4(be32::from_raw(*read<uint32_t>(bytes))));
  }
  if (family == AF_INET6 && bytes.size() == 16) {
    return IpAddress(Ip6(*read<Ip6::Bytes>(bytes)));
  }
  return std::nullopt;
}

std::optional<Mac> read_mac(std::string_view bytes) { return bytes.size() == 6 ? read<Mac>(bytes) : std::nullopt; }

bool is_ip(int family) { return family == AF_INET || family == AF_INET6; }

/// The fixed part of a message of type T, and the bytes of its attributes.
template <typename T>
struct Body {
  T fixed;
  std::string_view attributes;
};
template <typename T>
std::optional<Body<T>> body_of(const nlmsghdr& message) {
  if (message.nlmsg_len < NLMSG_HDRLEN) {
    return std::nullopt;
  }
  const std::string_view payload(reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN,
                                 message.nlmsg_len - NLMSG_HDRLEN);
  const auto fixed = read<T>(payload);
  if (!fixed) {
    return std::nullopt;
  }
  return Body<T>{*fixed, payload.substr(std::min<size_t>(NLMSG_ALIGN(sizeof(T)), payload.size()))};
}

std::optional<Link> parse_link(const nlmsghdr& message) {
  const auto body = body_of<ifinfomsg>(message);
  if (!body || body->fixed.ifi_family != AF_UNSPEC) {  // AF_BRIDGE: a bridge port's news, not the link's
    return std::nullopt;
  }
  Link link;
  link.removed = message.nlmsg_type == RTM_DELLINK;
  link.index = body->fixed.ifi_index;
  link.admin_up = (body->fixed.ifi_flags & IFF_UP) != 0;
  link.carrier = (body->fixed.ifi_flags & IFF_LOWER_UP) != 0;
  for_each_attribute(body->attributes, [&](uint16_t type, std::string_view value) {
    switch (type) {
      case IFLA_IFNAME:
        link.name = read_string(value);
        break;
      case IFLA_ADDRESS:
        link.mac = read_mac(value).value_or(Mac{});
        break;
      case IFLA_MTU:
        link.mtu = read<uint32_t>(value).value_or(0);
        break;
      case IFLA_CARRIER:
        link.carrier = read<uint8_t>(value).value_or(0) != 0;
        break;
      case IFLA_LINKINFO:
        for_each_attribute(value, [&](uint16_t inner, std::string_view text) {
          if (inner == IFLA_INFO_KIND) {
            link.kind = read_string(text);
          }
        });
        break;
      default:
        break;
    }
  });
  return link.name.empty() ? std::nullopt : std::optional(link);
}

std::optional<Address> parse_address(const nlmsghdr& message) {
  const auto body = body_of<ifaddrmsg>(message);
  if (!body || !is_ip(body->fixed.ifa_family)) {
    return std::nullopt;
  }
  const int family = body->fixed.ifa_family;
  if (body->fixed.ifa_prefixlen > (family == AF_INET ? 32 : 128)) {
    return std::nullopt;
  }
  std::optional<IpAddress> own, peer;
  uint32_t flags = body->fixed.ifa_flags;
  for_each_attribute(body->attributes, [&](uint16_t type, std::string_view value) {
    if (type == IFA_LOCAL) {
      own = read_address(family, value);
    } else if (type == IFA_ADDRESS) {
      peer = read_address(family, value);
    } else if (type == IFA_FLAGS) {
      flags = read<uint32_t>(value).value_or(flags);
    }
  });
  // On a point-to-point link IFA_ADDRESS is the far end; the own address is IFA_LOCAL whenever there is one.
  if (!own) {
    own = peer;
  }
  if (!own) {
    return std::nullopt;
  }
  Address address;
  address.removed = message.nlmsg_type == RTM_DELADDR;
  address.index = static_cast<int>(body->fixed.ifa_index);
  address.address = {*own, body->fixed.ifa_prefixlen};
  address.tentative = (flags & IFA_F_TENTATIVE) != 0;
  address.dad_failed = (flags & IFA_F_DADFAILED) != 0;
  return address;
}

std::optional<Neighbor> parse_neighbor(const nlmsghdr& message) {
  const auto body = body_of<ndmsg>(message);
  if (!body || !is_ip(body->fixed.ndm_family) || (body->fixed.ndm_flags & NTF_PROXY) != 0) {
    return std::nullopt;
  }
  std::optional<IpAddress> address;
  std::optional<Mac> mac;
  for_each_attribute(body->attributes, [&](uint16_t type, std::string_view value) {
    if (type == NDA_DST) {
      address = read_address(body->fixed.ndm_family, value);
    } else if (type == NDA_LLADDR) {
      mac = read_mac(value);
    }
  });
  if (!address) {
    return std::nullopt;
  }
  Neighbor neighbor;
  neighbor.removed = message.nlmsg_type == RTM_DELNEIGH;
  neighbor.index = body->fixed.ndm_ifindex;
  neighbor.address = *address;
  neighbor.state = body->fixed.ndm_state;
  neighbor.mac = mac.value_or(Mac{});
  constexpr uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
  neighbor.usable = !neighbor.removed && mac && (neighbor.state & kUsable) != 0;
  return neighbor;
}

std::optional<IpAddress> read_via(std::string_view value) {
  const auto family = read<uint16_t>(value);  // struct rtvia: host order family, then the address
  return family ? read_address(*family, value.substr(2)) : std::nullopt;
}

std::vector<RouteNextHop> read_multipath(int family, std::string_view bytes) {
  std::vector<RouteNextHop> out;
  while (const auto hop = read<rtnexthop>(bytes)) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > bytes.size()) {
      break;
    }
    RouteNextHop next{hop->rtnh_ifindex, std::nullopt, static_cast<uint8_t>(std::min(255, hop->rtnh_hops + 1)),
                      (hop->rtnh_flags & RTNH_F_DEAD) != 0};
    for_each_attribute(bytes.substr(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop)),
                       [&](uint16_t type, std::string_view value) {
                         if (type == RTA_GATEWAY) {
                           next.gateway = read_address(family, value);
                         } else if (type == RTA_VIA) {
                           next.gateway = read_via(value);
                         }
                       });
    out.push_back(next);
    bytes.remove_prefix(std::min<size_t>(RTNH_ALIGN(hop->rtnh_len), bytes.size()));
  }
  return out;
}

std::optional<Route> parse_route(const nlmsghdr& message) {
  const auto body = body_of<rtmsg>(message);
  if (!body || !is_ip(body->fixed.rtm_family) || (body->fixed.rtm_flags & RTM_F_CLONED) != 0) {
    return std::nullopt;
  }
  const int family = body->fixed.rtm_family;
  if (body->fixed.rtm_dst_len > (family == AF_INET ? 32 : 128)) {
    return std::nullopt;
  }
  Route route;
  route.removed = message.nlmsg_type == RTM_DELROUTE;
  route.replace = (message.nlmsg_flags & NLM_F_REPLACE) != 0 && !route.removed;
  route.append = (message.nlmsg_flags & NLM_F_APPEND) != 0 && !route.removed;
  route.table = body->fixed.rtm_table;
  route.protocol = body->fixed.rtm_protocol;
  route.type = body->fixed.rtm_type;
  route.conditional = body->fixed.rtm_tos != 0 || body->fixed.rtm_src_len != 0;
  IpAddress destination = family == AF_INET ? IpAddress(Ip4()) : IpAddress(Ip6());
  bool has_destination = body->fixed.rtm_dst_len == 0;
  RouteNextHop single;
  bool has_single = false;
  for_each_attribute(body->attributes, [&](uint16_t type, std::string_view value) {
    switch (type) {
      case RTA_DST:
        if (const auto a = read_address(family, value)) {
          destination = *a;
          has_destination = true;
        }
        break;
      case RTA_TABLE:
        route.table = read<uint32_t>(value).value_or(route.table);
        break;
      case RTA_PRIORITY:
        route.metric = read<uint32_t>(value).value_or(0);
        break;
      case RTA_OIF:
        single.index = read<int>(value).value_or(0);
        has_single = true;
        break;
      case RTA_GATEWAY:
      case RTA_VIA:
        single.gateway = type == RTA_VIA ? read_via(value) : read_address(family, value);
        has_single = has_single || single.gateway.has_value();
        break;
      case RTA_MULTIPATH:
        route.next_hops = read_multipath(family, value);
        break;
      case RTA_NH_ID:
        route.by_object = true;
        break;
      case RTA_METRICS:
        for_each_attribute(value, [&](uint16_t metric, std::string_view bytes) {
          uint32_t* const field = metric == RTAX_CWND         ? &route.cwnd
                                  : metric == RTAX_RTTVAR     ? &route.rttvar
                                  : metric == RTAX_REORDERING ? &route.reordering
                                  : metric == RTAX_WINDOW     ? &route.window
                                                              : nullptr;
          if (field != nullptr) {
            *field = read<uint32_t>(bytes).value_or(0);
          }
        });
        break;
      default:
        break;
    }
  });
  if (!has_destination) {
    return std::nullopt;
  }
  route.prefix = Prefix(destination, body->fixed.rtm_dst_len);
  if (route.next_hops.empty() && has_single) {
    single.dead = (body->fixed.rtm_flags & RTNH_F_DEAD) != 0;
    route.next_hops.push_back(single);
  }
  return route;
}

template <typename T>
bool deliver(const std::optional<T>& event, const std::function<void(const T&)>& to) {
  if (event && to) {
    to(*event);
  }
  return event.has_value();
}

}  // namespace

bool parse_message(const nlmsghdr& message, const Handler& handler) {
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return deliver(parse_link(message), handler.link);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return deliver(parse_address(message), handler.address);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return deliver(parse_neighbor(message), handler.neighbor);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return deliver(parse_route(message), handler.route);
    case RTM_DELNEXTHOP:
      if (handler.next_hop_object) {
        handler.next_hop_object();
      }
      return true;
    default:
      return false;
  }
}

struct Monitor::Impl {
  EventLoop& loop;
  Handler handler;
  Socket events;
  Socket requests;
  std::vector<char> buffer = std::vector<char>(256 * 1024);

  /// What came of reading events.
  enum class Read { all, more, lost };
  Read read_events();
  void parse_all(size_t length);
  Result<bool> dump_once(const std::string& request, const Handler& to);
};

void Monitor::Impl::parse_all(size_t length) {
  int left = static_cast<int>(length);
  for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
    parse_message(*m, handler);
  }
}

Monitor::Impl::Read Monitor::Impl::read_events() {
  // A sender that never pauses must not keep the loop from everything else: the rest is read in the next turn.
  constexpr int kMostReads = 256;
  bool any = false, overrun = false;
  int i = 0;
  for (; i < kMostReads; i++) {
    const ssize_t n = recv(events.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      overrun = overrun || errno == ENOBUFS;
      if (errno == ENOBUFS) {
        continue;
      }
      break;
    }
    overrun = overrun || static_cast<size_t>(n) > buffer.size();
    parse_all(std::min(static_cast<size_t>(n), buffer.size()));
    any = true;
  }
  if (overrun && handler.lost) {
    handler.lost();
  }
  if ((any || overrun) && handler.batch_end) {
    handler.batch_end();
  }
  return overrun ? Read::lost : i == kMostReads ? Read::more : Read::all;
}

bool Monitor::drain() {
  constexpr int kMostRounds = 64;
  auto state = Impl::Read::more;
  for (int i = 0; i < kMostRounds && state == Impl::Read::more; i++) {
    state = impl_->read_events();
  }
  return state == Impl::Read::all;
}

Monitor::Monitor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Monitor::~Monitor() { impl_->loop.unwatch(impl_->events.fd()); }

Result<std::unique_ptr<Monitor>> Monitor::open(EventLoop& loop, int netns, Handler handler) {
  uint32_t groups = 0;
  groups |= handler.link ? RTMGRP_LINK : 0;
  groups |= handler.address ? RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR : 0;
  groups |= handler.neighbor ? RTMGRP_NEIGH : 0;
  groups |= handler.route ? RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE : 0;
  auto events = Socket::open(netns, groups);
  if (!events) {
    return events.error();
  }
  if (handler.next_hop_object) {
    // Beyond the 32 groups of the old mask. Without it such removals are found later.
    const unsigned group = RTNLGRP_NEXTHOP;
    setsockopt(events->fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
  }
  auto requests = Socket::open(netns, 0);
  if (!requests) {
    return requests.error();
  }
  auto impl = std::make_unique<Impl>(Impl{loop, std::move(handler), std::move(*events), std::move(*requests)});
  Impl* raw = impl.get();
  loop.watch(raw->events.fd(), EPOLLIN, [raw](uint32_t) { raw->read_events(); });
  return std::unique_ptr<Monitor>(new Monitor(std::move(impl)));
}

/// True when complete, false when the kernel changed its mind meanwhile and the dump has to be taken again.
Result<bool> Monitor::Impl::dump_once(const std::string& request, const Handler& to) {
  if (auto sent = requests.send(request); !sent) {
    return sent.error();
  }
  const uint32_t sequence = reinterpret_cast<const nlmsghdr*>(request.data())->nlmsg_seq;
  bool consistent = true;
  while (true) {
    const ssize_t n = recv(requests.fd(), buffer.data(), buffer.size(), 0);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("netlink", "cannot read a dump");
    }
    int left = static_cast<int>(n);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
      if (m->nlmsg_seq != sequence) {
        continue;
      }
      consistent = consistent && (m->nlmsg_flags & NLM_F_DUMP_INTR) == 0;
      if (m->nlmsg_type == NLMSG_DONE) {
        return consistent;
      }
      if (m->nlmsg_type == NLMSG_ERROR) {
        const int code = error_code(*m);
        if (code == 0 || code == ENOENT) {  // ENOENT: the table does not exist yet
          return true;
        }
        errno = code;
        return errno_error("netlink", "the kernel refuses a dump");
      }
      parse_message(*m, to);
    }
  }
}

namespace {

template <typename T>
std::string dump_request(uint16_t type, uint32_t sequence, const T& fixed, uint32_t table = 0) {
  alignas(nlmsghdr) char space[256] = {};
  nlmsghdr* m = mnl_nlmsg_put_header(space);
  m->nlmsg_type = type;
  m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  m->nlmsg_seq = sequence;
  std::memcpy(mnl_nlmsg_put_extra_header(m, sizeof fixed), &fixed, sizeof fixed);
  if (table != 0) {
    mnl_attr_put_u32(m, RTA_TABLE, table);
  }
  return {space, m->nlmsg_len};
}

}  // namespace

Result<void> Monitor::dump(unsigned what, uint32_t table) {
  constexpr int kMostAttempts = 5;
  const auto run = [&](auto make) -> Result<void> {
    for (int attempt = 0; attempt < kMostAttempts; attempt++) {
      auto complete = impl_->dump_once(make(), impl_->handler);
      if (!complete) {
        return complete.error();
      }
      if (*complete) {
        break;
      }
    }
    return {};
  };
  Socket& socket = impl_->requests;
  Result<void> result;
  if ((what & links) != 0) {
    result = run([&] { return dump_request(RTM_GETLINK, socket.next_sequence(), ifinfomsg{}); });
  }
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    if (result && (what & addresses) != 0) {
      ifaddrmsg fixed{};
      fixed.ifa_family = family;
      result = run([&] { return dump_request(RTM_GETADDR, socket.next_sequence(), fixed); });
    }
    if (result && (what & neighbors) != 0) {
      ndmsg fixed{};
      fixed.ndm_family = family;
      result = run([&] { return dump_request(RTM_GETNEIGH, socket.next_sequence(), fixed); });
    }
    if (result && (what & routes) != 0) {
      rtmsg fixed{};
      fixed.rtm_family = family;
      result = run([&] { return dump_request(RTM_GETROUTE, socket.next_sequence(), fixed, table); });
    }
  }
  if (result && impl_->handler.batch_end) {
    impl_->handler.batch_end();
  }
  return result;
}

Result<bool> Monitor::read_routes(const RouteFilter& filter, const std::function<void(const Route&)>& visit) {
  rtmsg fixed{};
  fixed.rtm_family = filter.family == Family::ip4 ? AF_INET : AF_INET6;
  fixed.rtm_protocol = filter.protocol;
  Handler handler;
  handler.route = visit;
  return impl_->dump_once(dump_request(RTM_GETROUTE, impl_->requests.next_sequence(), fixed, filter.table), handler);
}

}  // namespace floof::netlink
