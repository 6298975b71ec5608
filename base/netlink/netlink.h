// SPDX-License-Identifier: GPL-3.0-or-later
//
// rtnetlink by libmnl: typed events for what the kernel tells and typed requests for what we want of it.
// Sockets are opened once in a network namespace and kept (64 MB receive buffer). ENOBUFS is reported as `lost`: the
// owner marks, dumps and sweeps. Parsing is pure (parse_message) and fuzzed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/event_loop.h"
#include "base/prefix.h"
#include "base/result.h"

struct nlmsghdr;

namespace floof::netlink {

struct Link {
  bool removed = false;
  int index = 0;
  std::string name, kind;  ///< kind: "tun", "veth", "" ...
  Mac mac;
  uint32_t mtu = 0;
  bool admin_up = false;
  bool carrier = false;
};

struct Address {
  bool removed = false;
  int index = 0;
  InterfaceAddress address;
  bool tentative = false, dad_failed = false;
};

struct Neighbor {
  bool removed = false;
  int index = 0;
  IpAddress address;
  Mac mac;
  uint16_t state = 0;   ///< NUD_*
  bool usable = false;  ///< has a MAC that may be used (REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP)
};

struct RouteNextHop {
  int index = 0;                     ///< 0: none given
  std::optional<IpAddress> gateway;  ///< may be of the other family (RTA_VIA)
  uint8_t weight = 1;
  bool dead = false;  ///< Linux does not use it: its link is down, or lost its last IPv4 address
};

struct Route {
  bool removed = false;
  bool replace = false;  ///< NLM_F_REPLACE was set
  bool append = false;
  uint32_t table = 0;
  uint8_t protocol = 0;  ///< RTPROT_*
  uint8_t type = 0;      ///< RTN_*
  uint32_t metric = 0;
  uint32_t cwnd = 0;  ///< this and the next ones: RTAX_* of RTA_METRICS, 0 when not given
  uint32_t rttvar = 0, reordering = 0, window = 0;
  bool conditional = false;  ///< for packets of one TOS or one source only
  bool by_object = false;    ///< its next hops are those of a next-hop object
  Prefix prefix;
  std::vector<RouteNextHop> next_hops;
};

struct Handler {
  std::function<void(const Link&)> link;
  std::function<void(const Address&)> address;
  std::function<void(const Neighbor&)> neighbor;
  std::function<void(const Route&)> route;
  std::function<void()> next_hop_object;  ///< one is gone; Linux takes the IPv4 routes by it along without telling
  std::function<void()> batch_end;        ///< after everything readable now was delivered
  std::function<void()> lost;             ///< the kernel dropped messages
};

/// Gives one message to the handler. False when it is malformed or of no interest. Never reads past its length.
bool parse_message(const nlmsghdr& message, const Handler& handler);

/// Follows links, addresses, neighbours and routes of the namespace in which it is opened. Loop thread.
class Monitor {
 public:
  /// `netns`: descriptor of the namespace, or -1 for the thread's own. Starts silent; call `dump` for the present
  /// state.
  static Result<std::unique_ptr<Monitor>> open(EventLoop& loop, int netns, Handler handler);
  ~Monitor();
  enum What : unsigned { links = 1, addresses = 2, neighbors = 4, routes = 8 };
  /// Delivers the present state to the handler, before it returns. `table` limits routes (0: all).
  Result<void> dump(unsigned what, uint32_t table = 0);
  /// Which routes to read; `protocol` 0: of any.
  struct RouteFilter {
    Family family = Family::ip4;
    uint32_t table = 0;
    uint8_t protocol = 0;
  };
  /// Tells the routes that there are to `visit`, not to the handler. False when the kernel changed its mind meanwhile,
  /// so that some may have been left out.
  Result<bool> read_routes(const RouteFilter& filter, const std::function<void(const Route&)>& visit);
  /// Delivers the events that are waiting, so that what is read next is not older than what was told. False when there
  /// are too many, or some were lost.
  bool drain();

 private:
  struct Impl;
  explicit Monitor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Requests, each acknowledged. EEXIST on add and ESRCH/ENOENT/EADDRNOTAVAIL on delete count as success.
class Writer {
 public:
  static Result<std::unique_ptr<Writer>> open(int netns);
  ~Writer();

  Result<int> link_index(const std::string& name);
  /// The link as it is now.
  Result<Link> link(int index);
  struct LinkChange {
    std::optional<bool> up;
    std::optional<uint32_t> mtu;
    std::optional<Mac> mac;
    std::optional<bool> arp;  ///< false: IFF_NOARP
    std::optional<std::string> rename;
    std::optional<int> move_to_netns;  ///< descriptor
    std::optional<bool> promiscuous;
    std::optional<std::string> alias;
  };
  Result<void> change_link(int index, const LinkChange& change);
  Result<void> delete_link(int index);
  /// Many at once, which takes the kernel about as long as one (20 ms each otherwise). Puts them into one group;
  /// nothing else may be in `group`.
  Result<void> delete_links(const std::vector<int>& indexes, uint32_t group);
  Result<void> add_address(int index, const InterfaceAddress& address, bool no_dad = true);
  Result<void> remove_address(int index, const InterfaceAddress& address);
  /// A default route out of a device with preferred source, metric and protocol (RTPROT_*), replaced if there.
  Result<void> set_default_route(Family family, int index, std::optional<IpAddress> source, uint32_t metric,
                                 uint8_t protocol);
  Result<void> remove_default_route(Family family, int index, uint32_t metric);
  /// Adds the route, or replaces the one of the same table, prefix and metric. Gateways may be of the other family.
  Result<void> set_route(const Route& route);
  Result<void> remove_route(const Route& route);
  /// Asks the kernel to resolve: NTF_USE; `keep_fresh` adds NTF_EXT_MANAGED.
  Result<void> use_neighbor(int index, const IpAddress& address, bool keep_fresh);
  Result<void> remove_neighbor(int index, const IpAddress& address);

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Runs `work` with the calling thread inside namespace `netns` (a descriptor) and returns to the old one.
Result<void> inside_netns(int netns, const std::function<Result<void>()>& work);
/// Opens /run/netns/NAME, or /proc/PID/ns/net for "pid:N". Errors name it and say how to make it.
Result<UniqueFd> open_netns(const std::string& name);
/// Writes /proc/sys/net/... of namespace `netns` ("ipv4.conf.e0.rp_filter" with '/' allowed inside names by dots kept).
/// `path` is relative to /proc/sys/net, e.g. "ipv4/conf/e0/rp_filter".
Result<void> write_sysctl(int netns, const std::string& path, const std::string& value);

}  // namespace floof::netlink
