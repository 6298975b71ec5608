// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/netlink/netlink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <map>

namespace floof::netlink {
namespace {

using namespace std::chrono_literals;

/// Builds a message in memory, for the parser.
class Builder {
 public:
  template <typename T>
  Builder(uint16_t type, uint16_t flags, const T& fixed) : space_(4096), m_(mnl_nlmsg_put_header(space_.data())) {
    m_->nlmsg_type = type;
    m_->nlmsg_flags = flags;
    std::memcpy(mnl_nlmsg_put_extra_header(m_, sizeof fixed), &fixed, sizeof fixed);
  }
  Builder& bytes(uint16_t type, std::string_view data) {
    mnl_attr_put(m_, type, data.size(), data.data());
    return *this;
  }
  Builder& u32(uint16_t type, uint32_t v) {
    mnl_attr_put_u32(m_, type, v);
    return *this;
  }
  Builder& address(uint16_t type, const std::string& text) { return bytes(type, parse_ip(text)->wire()); }
  Builder& nested(uint16_t type, std::string_view data) { return bytes(type | NLA_F_NESTED, data); }
  const nlmsghdr& message() const { return *m_; }

 private:
  std::vector<char> space_;
  nlmsghdr* m_;
};

std::string attribute(uint16_t type, std::string_view data) {
  const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + data.size()), type};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out += data;
  out.resize(NLMSG_ALIGN(out.size()));
  return out;
}

std::string next_hop(int index, uint8_t hops, const std::string& attributes) {
  const rtnexthop header{static_cast<uint16_t>(sizeof(rtnexthop) + attributes.size()), 0, hops, index};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + attributes;
}

struct Seen {
  std::vector<Link> links;
  std::vector<Address> addresses;
  std::vector<Neighbor> neighbors;
  std::vector<Route> routes;
  int batches = 0;
  Handler handler() {
    Handler h;
    h.link = [this](const Link& x) { links.push_back(x); };
    h.address = [this](const Address& x) { addresses.push_back(x); };
    h.neighbor = [this](const Neighbor& x) { neighbors.push_back(x); };
    h.route = [this](const Route& x) { routes.push_back(x); };
    h.batch_end = [this] { batches++; };
    return h;
  }
};

Builder link_message() {
  ifinfomsg fixed{};
  fixed.ifi_index = 7;
  fixed.ifi_flags = IFF_UP | IFF_LOWER_UP;
  Builder b(RTM_NEWLINK, 0, fixed);
  b.bytes(IFLA_IFNAME, std::string_view("e0\0", 3)).bytes(IFLA_ADDRESS, "\x02\x01\x02\x03\x04\x05").u32(IFLA_MTU, 1400);
  b.nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, std::string_view("tun\0", 4)));
  return b;
}

Builder route_message() {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET;
  fixed.rtm_dst_len = 24;
  fixed.rtm_protocol = 12;
  fixed.rtm_type = RTN_UNICAST;
  Builder b(RTM_NEWROUTE, NLM_F_REPLACE, fixed);
  const std::string via6 = std::string("\x0a\x00", 2) + std::string(parse_ip("fe80::9")->wire());
  b.address(RTA_DST, "203.0.113.0").u32(RTA_TABLE, 10001).u32(RTA_PRIORITY, 32);
  b.bytes(RTA_MULTIPATH, next_hop(3, 0, attribute(RTA_GATEWAY, parse_ip("192.0.2.1")->wire())) +
                             next_hop(4, 4, attribute(RTA_VIA, via6)) + next_hop(5, 255, ""));
  return b;
}

TEST(ParseMessage, Link) {
  Seen seen;
  ASSERT_TRUE(parse_message(link_message().message(), seen.handler()));
  ASSERT_EQ(seen.links.size(), 1u);
  const Link& link = seen.links[0];
  EXPECT_EQ(link.index, 7);
  EXPECT_EQ(link.name, "e0");
  EXPECT_EQ(link.kind, "tun");
  EXPECT_EQ(to_string(link.mac), "02:01:02:03:04:05");
  EXPECT_EQ(link.mtu, 1400u);
  EXPECT_TRUE(link.admin_up);
  EXPECT_TRUE(link.carrier);
  EXPECT_FALSE(link.removed);
}

TEST(ParseMessage, BridgePortNewsAreNoLinks) {
  ifinfomsg fixed{};
  fixed.ifi_family = AF_BRIDGE;
  Seen seen;
  EXPECT_FALSE(parse_message(Builder(RTM_DELLINK, 0, fixed).bytes(IFLA_IFNAME, "e0").message(), seen.handler()));
}

TEST(ParseMessage, AddressPrefersLocal) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = 31;
  fixed.ifa_index = 9;
  Seen seen;
  Builder b(RTM_DELADDR, 0, fixed);
  b.address(IFA_ADDRESS, "192.0.2.1").address(IFA_LOCAL, "192.0.2.0").u32(IFA_FLAGS, IFA_F_TENTATIVE);
  ASSERT_TRUE(parse_message(b.message(), seen.handler()));
  EXPECT_EQ(to_string(seen.addresses[0].address), "192.0.2.0/31");
  EXPECT_TRUE(seen.addresses[0].removed);
  EXPECT_TRUE(seen.addresses[0].tentative);
  EXPECT_EQ(seen.addresses[0].index, 9);
}

TEST(ParseMessage, RejectsLengthsThatNoAddressHas) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = 33;
  Seen seen;
  EXPECT_FALSE(parse_message(Builder(RTM_NEWADDR, 0, fixed).address(IFA_LOCAL, "192.0.2.1").message(), seen.handler()));
  fixed.ifa_prefixlen = 24;
  EXPECT_FALSE(parse_message(Builder(RTM_NEWADDR, 0, fixed).address(IFA_LOCAL, "fe80::1").message(), seen.handler()));
  rtmsg route{};
  route.rtm_family = AF_INET6;
  route.rtm_dst_len = 129;
  EXPECT_FALSE(parse_message(Builder(RTM_NEWROUTE, 0, route).address(RTA_DST, "::").message(), seen.handler()));
}

TEST(ParseMessage, NeighborStates) {
  const std::map<uint16_t, bool> usable = {{NUD_REACHABLE, true}, {NUD_STALE, true},   {NUD_DELAY, true},
                                           {NUD_PROBE, true},     {NUD_FAILED, false}, {NUD_INCOMPLETE, false},
                                           {NUD_PERMANENT, true}};
  for (const auto& [state, expected] : usable) {
    ndmsg fixed{};
    fixed.ndm_family = AF_INET6;
    fixed.ndm_ifindex = 3;
    fixed.ndm_state = state;
    Seen seen;
    Builder b(RTM_NEWNEIGH, 0, fixed);
    b.address(NDA_DST, "2001:db8::2").bytes(NDA_LLADDR, "\x02\x01\x02\x03\x04\x05");
    ASSERT_TRUE(parse_message(b.message(), seen.handler()));
    EXPECT_EQ(seen.neighbors[0].usable, expected) << state;
    EXPECT_EQ(seen.neighbors[0].state, state);
  }
  ndmsg proxy{};
  proxy.ndm_family = AF_INET;
  proxy.ndm_flags = NTF_PROXY;
  Seen seen;
  EXPECT_FALSE(parse_message(Builder(RTM_NEWNEIGH, 0, proxy).address(NDA_DST, "192.0.2.9").message(), seen.handler()));
}

TEST(ParseMessage, RouteWithManyWays) {
  Seen seen;
  ASSERT_TRUE(parse_message(route_message().message(), seen.handler()));
  const Route& route = seen.routes[0];
  EXPECT_EQ(to_string(route.prefix), "203.0.113.0/24");
  EXPECT_EQ(route.table, 10001u);
  EXPECT_EQ(route.metric, 32u);
  EXPECT_TRUE(route.replace);
  ASSERT_EQ(route.next_hops.size(), 3u);
  EXPECT_EQ(to_string(*route.next_hops[0].gateway), "192.0.2.1");
  EXPECT_EQ(route.next_hops[0].weight, 1);
  EXPECT_EQ(to_string(*route.next_hops[1].gateway), "fe80::9");
  EXPECT_EQ(route.next_hops[1].weight, 5);
  EXPECT_FALSE(route.next_hops[2].gateway);
  EXPECT_EQ(route.next_hops[2].weight, 255);
}

TEST(ParseMessage, DefaultRouteAndClones) {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET6;
  fixed.rtm_table = RT_TABLE_MAIN;
  Seen seen;
  ASSERT_TRUE(parse_message(Builder(RTM_NEWROUTE, 0, fixed).u32(RTA_OIF, 4).message(), seen.handler()));
  EXPECT_EQ(to_string(seen.routes[0].prefix), "::/0");
  EXPECT_EQ(seen.routes[0].table, 254u);
  EXPECT_EQ(seen.routes[0].next_hops[0].index, 4);
  fixed.rtm_flags = RTM_F_CLONED;
  EXPECT_FALSE(parse_message(Builder(RTM_NEWROUTE, 0, fixed).u32(RTA_OIF, 4).message(), seen.handler()));
}

/// Each message cut at every byte: nothing is read behind the cut (run under ASan), nothing crashes.
TEST(ParseMessage, CutAtEveryByte) {
  for (const auto& builder : {link_message(), route_message()}) {
    const nlmsghdr& whole = builder.message();
    for (uint32_t length = 0; length < whole.nlmsg_len; length++) {
      auto exact = std::make_unique<char[]>(std::max<size_t>(length, sizeof(nlmsghdr)));
      std::memcpy(exact.get(), &whole, std::max<size_t>(length, sizeof(nlmsghdr)));
      reinterpret_cast<nlmsghdr*>(exact.get())->nlmsg_len = length;
      Seen seen;
      parse_message(*reinterpret_cast<nlmsghdr*>(exact.get()), seen.handler());
    }
  }
}

TEST(ParseMessage, UnknownTypes) {
  nlmsghdr m{};
  m.nlmsg_len = sizeof m;
  m.nlmsg_type = NLMSG_DONE;
  EXPECT_FALSE(parse_message(m, {}));
}

/// A network namespace of its own for each test; the process stays in the last one.
class InNetns : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "these tests need root"; }

  int tap(const std::string& name) {
    const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    EXPECT_EQ(ioctl(fd, TUNSETIFF, &request), 0);
    return fd;
  }
  void settle(EventLoop& loop) {
    for (int i = 0; i < 20; i++) {
      loop.turn(5ms);
    }
  }
};

TEST_F(InNetns, WriterChangesAndMonitorSees) {
  EventLoop loop;
  Seen seen;
  auto monitor = Monitor::open(loop, -1, seen.handler());
  ASSERT_TRUE(monitor.ok()) << monitor.error().text();
  const UniqueFd device(tap("e0"));
  auto writer = Writer::open(-1);
  ASSERT_TRUE(writer.ok());
  auto& w = **writer;
  const auto index = w.link_index("e0");
  ASSERT_TRUE(index.ok()) << index.error().text();
  EXPECT_FALSE(w.link_index("nope").ok());
  EXPECT_EQ(w.link(*index)->name, "e0");
  EXPECT_FALSE(w.link(99999).ok());

  EXPECT_TRUE(w.change_link(*index, {.mtu = 1400, .mac = *parse_mac("02:00:00:00:00:01")}).ok());
  EXPECT_TRUE(w.change_link(*index, {.up = true}).ok());
  const auto v4 = *parse_interface_address("192.0.2.1/24");
  const auto v6 = *parse_interface_address("2001:db8::1/64");
  for (int twice = 0; twice < 2; twice++) {
    EXPECT_TRUE(w.add_address(*index, v4).ok());
    EXPECT_TRUE(w.add_address(*index, v6).ok());
  }
  settle(loop);
  ASSERT_FALSE(seen.links.empty());
  EXPECT_EQ(seen.links.back().name, "e0");
  EXPECT_EQ(seen.links.back().kind, "tun");
  EXPECT_EQ(seen.links.back().mtu, 1400u);
  EXPECT_TRUE(seen.links.back().admin_up);
  EXPECT_TRUE(seen.links.back().carrier);
  EXPECT_EQ(to_string(seen.links.back().mac), "02:00:00:00:00:01");
  const auto has = [&](const InterfaceAddress& a, bool removed) {
    return std::any_of(seen.addresses.begin(), seen.addresses.end(),
                       [&](const Address& x) { return x.address == a && x.removed == removed; });
  };
  EXPECT_TRUE(has(v4, false));
  EXPECT_TRUE(has(v6, false));
  EXPECT_GT(seen.batches, 0);

  for (int twice = 0; twice < 2; twice++) {
    EXPECT_TRUE(w.remove_address(*index, v4).ok());
  }
  settle(loop);
  EXPECT_TRUE(has(v4, true));

  EXPECT_TRUE(w.change_link(*index, {.rename = "e9"}).ok());
  settle(loop);
  EXPECT_EQ(seen.links.back().name, "e9");
  EXPECT_TRUE(w.delete_link(*index).ok());
  EXPECT_TRUE(w.delete_link(*index).ok());
  const auto gone = w.change_link(*index, {.up = true});
  ASSERT_FALSE(gone.ok());
  EXPECT_NE(gone.error().reason.find("No such device"), std::string::npos) << gone.error().text();
}

TEST_F(InNetns, WritesRoutesThatTheMonitorReads) {
  const UniqueFd first(tap("e0")), second(tap("e1"));
  auto writer = Writer::open(-1);
  auto& w = **writer;
  const int e0 = *w.link_index("e0"), e1 = *w.link_index("e1");
  for (const auto& [index, v4, v6] :
       {std::tuple{e0, "192.0.2.1/24", "2001:db8::1/64"}, {e1, "192.0.3.1/24", "2001:db8:1::1/64"}}) {
    ASSERT_TRUE(w.change_link(index, {.up = true}).ok());
    ASSERT_TRUE(w.add_address(index, *parse_interface_address(v4)).ok());
    ASSERT_TRUE(w.add_address(index, *parse_interface_address(v6)).ok());
  }
  const auto base = [](const char* prefix, std::vector<RouteNextHop> hops, uint8_t type = RTN_UNICAST) {
    return Route{.table = RT_TABLE_MAIN,
                 .protocol = 42,
                 .type = type,
                 .metric = 1024,
                 .prefix = *parse_prefix(prefix),
                 .next_hops = std::move(hops)};
  };
  Route many = base("10.7.0.0/16", {});
  for (int i = 1; i <= 64; i++) {
    many.next_hops.push_back({e0, *parse_ip("fe80::" + std::to_string(i)), 1});
  }
  const std::vector<Route> routes = {
      base("10.1.0.0/16", {{e0, *parse_ip("192.0.2.9"), 1}}),
      base("10.2.0.0/16", {{e0, *parse_ip("192.0.2.9"), 1}, {e1, *parse_ip("192.0.3.9"), 5}}),
      base("10.3.0.0/16", {{e0, *parse_ip("fe80::9"), 1}}),
      base("10.4.0.0/16", {{e0, *parse_ip("fe80::9"), 1}, {e1, *parse_ip("fe80::8"), 1}}),
      base("10.5.0.0/16", {{e1, std::nullopt, 1}}),
      base("10.6.0.0/16", {}, RTN_BLACKHOLE),
      base("2001:db8:f::/48", {{e0, *parse_ip("2001:db8::9"), 1}, {e1, *parse_ip("2001:db8:1::9"), 1}}),
      base("2001:db8:e::/48", {{e1, *parse_ip("fe80::9"), 1}}),
      base("2001:db8:d::/48", {}, RTN_UNREACHABLE),
      many,
  };
  EventLoop loop;
  std::map<Prefix, Route> seen;
  Handler handler;
  handler.route = [&](const Route& r) {
    if (r.protocol == 42) {
      seen[r.prefix] = r;
    }
  };
  auto monitor = Monitor::open(loop, -1, handler);
  for (int twice = 0; twice < 2; twice++) {
    for (const Route& route : routes) {
      const auto done = w.set_route(route);
      EXPECT_TRUE(done.ok()) << to_string(route.prefix) << ": " << done.error().text();
    }
  }
  ASSERT_TRUE((*monitor)->dump(Monitor::routes, RT_TABLE_MAIN).ok());
  ASSERT_EQ(seen.size(), routes.size());
  for (const Route& route : routes) {
    const Route& got = seen[route.prefix];
    EXPECT_EQ(got.type, route.type);
    if (route.type == RTN_UNICAST) {  // IPv6 names the loopback as the device of the others
      ASSERT_EQ(got.next_hops.size(), route.next_hops.size()) << to_string(route.prefix);
    }
    for (size_t i = 0; i < route.next_hops.size(); i++) {
      EXPECT_EQ(got.next_hops[i].index, route.next_hops[i].index);
      EXPECT_EQ(got.next_hops[i].gateway, route.next_hops[i].gateway);
      EXPECT_EQ(got.next_hops[i].weight, route.next_hops[i].weight);
    }
    EXPECT_TRUE(w.remove_route(route).ok());
    EXPECT_TRUE(w.remove_route(route).ok());
  }
  seen.clear();
  ASSERT_TRUE((*monitor)->dump(Monitor::routes, RT_TABLE_MAIN).ok());
  EXPECT_TRUE(seen.empty());
}

TEST_F(InNetns, DeletesManyLinksAtOnce) {
  std::vector<UniqueFd> devices;
  std::vector<int> indexes;
  auto writer = Writer::open(-1);
  for (const char* name : {"a", "b", "c", "keep"}) {
    devices.emplace_back(tap(name));
    indexes.push_back(*(*writer)->link_index(name));
  }
  indexes.pop_back();
  indexes.push_back(4711);
  EXPECT_TRUE((*writer)->delete_links(indexes, 77).ok());
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_FALSE((*writer)->link_index(name).ok()) << name;
  }
  EXPECT_TRUE((*writer)->link_index("keep").ok());
}

TEST_F(InNetns, ReadsWhatLinuxTookAwayWithoutTelling) {
  const UniqueFd first(tap("e0")), second(tap("e1"));
  auto writer = Writer::open(-1);
  auto& w = **writer;
  const int e0 = *w.link_index("e0"), e1 = *w.link_index("e1");
  for (const auto& [index, address] : {std::pair{e0, "192.0.2.1/24"}, {e1, "192.0.3.1/24"}}) {
    ASSERT_TRUE(w.change_link(index, {.up = true}).ok());
    ASSERT_TRUE(w.add_address(index, *parse_interface_address(address)).ok());
  }
  EventLoop loop;
  unsigned removed = 0;
  Handler handler;
  handler.route = [&](const Route& r) { removed += r.removed && r.protocol == 42 ? 1 : 0; };
  auto monitor = Monitor::open(loop, -1, handler);
  const auto route = [](const char* prefix, uint8_t protocol, std::vector<RouteNextHop> hops) {
    return Route{.table = 77,
                 .protocol = protocol,
                 .type = RTN_UNICAST,
                 .metric = 5,
                 .prefix = *parse_prefix(prefix),
                 .next_hops = std::move(hops)};
  };
  const RouteNextHop by0{e0, *parse_ip("192.0.2.9")}, by1{e1, *parse_ip("192.0.3.9")};
  ASSERT_TRUE(w.set_route(route("10.1.0.0/16", 42, {by0})).ok());
  ASSERT_TRUE(w.set_route(route("10.2.0.0/16", 42, {by0, by1})).ok());
  ASSERT_TRUE(w.set_route(route("10.3.0.0/16", 43, {by1})).ok());
  const auto read = [&](uint8_t protocol) {
    std::map<Prefix, Route> out;
    const auto whole = (*monitor)->read_routes({Family::ip4, 77, protocol}, [&](const Route& r) { out[r.prefix] = r; });
    EXPECT_TRUE(whole.ok() && *whole);
    return out;
  };
  EXPECT_EQ(read(0).size(), 3u);
  EXPECT_EQ(read(42).size(), 2u);
  EXPECT_TRUE((*monitor)->read_routes({Family::ip4, 78, 0}, [](const Route&) {}).ok()) << "there is no such table";
  ASSERT_TRUE(w.change_link(e0, {.up = false}).ok());
  EXPECT_TRUE((*monitor)->drain());
  EXPECT_EQ(removed, 0u);
  const auto left = read(42);
  ASSERT_EQ(left.size(), 1u);
  const auto& hops = left.begin()->second.next_hops;
  ASSERT_EQ(hops.size(), 2u);
  EXPECT_TRUE(hops[0].dead);
  EXPECT_FALSE(hops[1].dead);
}

TEST_F(InNetns, DumpGivesThePresentState) {
  const UniqueFd device(tap("e0"));
  auto writer = Writer::open(-1);
  auto& w = **writer;
  const int index = *w.link_index("e0");
  ASSERT_TRUE(w.change_link(index, {.up = true}).ok());
  ASSERT_TRUE(w.add_address(index, *parse_interface_address("192.0.2.1/24")).ok());
  ASSERT_TRUE(w.add_address(index, *parse_interface_address("2001:db8::1/64")).ok());
  ASSERT_TRUE(w.set_default_route(Family::ip4, index, *parse_ip("192.0.2.1"), 4096, 42).ok());
  ASSERT_TRUE(w.set_default_route(Family::ip4, index, *parse_ip("192.0.2.1"), 4096, 42).ok());
  ASSERT_TRUE(w.set_default_route(Family::ip6, index, *parse_ip("2001:db8::1"), 4096, 42).ok());
  ASSERT_TRUE(w.use_neighbor(index, *parse_ip("192.0.2.77"), true).ok());

  EventLoop loop;
  Seen seen;
  auto monitor = Monitor::open(loop, -1, seen.handler());
  ASSERT_TRUE((*monitor)->dump(Monitor::links | Monitor::addresses | Monitor::neighbors | Monitor::routes).ok());
  EXPECT_EQ(seen.links.size(), 2u);  // lo, e0
  EXPECT_EQ(std::count_if(seen.addresses.begin(), seen.addresses.end(),
                          [](auto& a) { return a.address.length != 64 || !a.address.address.is_link_local(); }),
            2);
  EXPECT_TRUE(std::any_of(seen.neighbors.begin(), seen.neighbors.end(), [](const Neighbor& n) {
    return n.address == *parse_ip("192.0.2.77") && (n.state & NUD_INCOMPLETE) != 0 && !n.usable;
  }));
  const auto defaults = [&] {
    return std::count_if(seen.routes.begin(), seen.routes.end(),
                         [](const Route& r) { return r.prefix.length() == 0 && r.metric == 4096 && r.protocol == 42; });
  };
  EXPECT_EQ(defaults(), 2);
  EXPECT_EQ(seen.batches, 1);

  seen.routes.clear();
  ASSERT_TRUE((*monitor)->dump(Monitor::routes, 10001).ok()) << "a table that does not exist is empty";
  EXPECT_TRUE(seen.routes.empty());
  ASSERT_TRUE((*monitor)->dump(Monitor::routes, RT_TABLE_MAIN).ok());
  EXPECT_EQ(defaults(), 2);
  EXPECT_TRUE(
      std::all_of(seen.routes.begin(), seen.routes.end(), [](const Route& r) { return r.table == RT_TABLE_MAIN; }));

  ASSERT_TRUE(w.remove_default_route(Family::ip4, index, 4096).ok());
  ASSERT_TRUE(w.remove_default_route(Family::ip4, index, 4096).ok());
  ASSERT_TRUE(w.remove_neighbor(index, *parse_ip("192.0.2.77")).ok());
  seen.routes.clear();
  ASSERT_TRUE((*monitor)->dump(Monitor::routes).ok());
  EXPECT_EQ(defaults(), 1);
}

TEST_F(InNetns, WorksInsideAnotherNamespaceAndComesBack) {
  const UniqueFd device(tap("here"));
  const UniqueFd here(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  auto there = Writer::open(here.get());
  ASSERT_TRUE(there.ok()) << there.error().text();
  EXPECT_TRUE((*there)->link_index("here").ok());
  EXPECT_FALSE((*Writer::open(-1))->link_index("here").ok());

  ASSERT_TRUE(write_sysctl(here.get(), "ipv4/conf/here/rp_filter", "2").ok());
  const auto read = [](const std::string& file) {
    std::string text;
    std::ifstream(file) >> text;
    return text;
  };
  EXPECT_EQ(read("/proc/sys/net/ipv4/conf/here/rp_filter"), "") << "we are not there any more";
  ASSERT_TRUE(inside_netns(here.get(), [&]() -> Result<void> {
                EXPECT_EQ(read("/proc/sys/net/ipv4/conf/here/rp_filter"), "2");
                return {};
              }).ok());
  const auto wrong = write_sysctl(here.get(), "ipv4/conf/nope/rp_filter", "2");
  EXPECT_FALSE(wrong.ok());

  // Moving a link into the other namespace.
  const UniqueFd second(tap("mover"));
  auto own = Writer::open(-1);
  ASSERT_TRUE((*own)->change_link(*(*own)->link_index("mover"), {.move_to_netns = here.get()}).ok());
  EXPECT_FALSE((*own)->link_index("mover").ok());
  EXPECT_TRUE((*there)->link_index("mover").ok());
}

TEST(OpenNetns, SaysWhatIsWrong) {
  const auto missing = open_netns("floof-no-such");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().remedy.find("ip netns add floof-no-such"), std::string::npos);
  EXPECT_FALSE(open_netns("").ok());
  EXPECT_FALSE(open_netns("../x").ok());
  EXPECT_TRUE(open_netns("pid:" + std::to_string(getpid())).ok());
}

}  // namespace
}  // namespace floof::netlink
