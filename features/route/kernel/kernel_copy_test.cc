// SPDX-License-Identifier: GPL-3.0-or-later
//
// The copy in Linux's main table, in a network namespace of its own. Needs root.
#include "features/route/kernel/kernel_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "base/fd.h"
#include "features/route/kernel/kernel_feed.h"
#include "features/route/rib/rib_fixture.h"

namespace floof::route {
namespace {

constexpr uint16_t kE0 = 1, kE1 = 2;

class KernelCopyTest : public RibTest {
 protected:
  UniqueFd home_, taps_[2];
  EventLoop loop_;
  std::unique_ptr<netlink::Writer> writer_;
  std::unique_ptr<netlink::Monitor> monitor_;
  std::map<uint16_t, int> index_;
  std::unique_ptr<KernelCopy> copy_;
  std::unique_ptr<KernelFeed> feed_;
  std::map<Prefix, netlink::Route> seen_;

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "network namespaces need root";
    home_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    writer_ = std::move(*netlink::Writer::open(-1));
    for (const uint16_t id : {kE0, kE1}) {
      make_link(id, fmt::format("192.0.{}.1/24", id + 1), fmt::format("2001:db8:{}::1/64", id + 1));
    }
    feed_ = std::make_unique<KernelFeed>(rib, [](int) { return IfId{}; });
    netlink::Handler handler;
    handler.link = [this](const netlink::Link& link) {
      if (copy_) {
        copy_->on_link(link);
      }
    };
    handler.address = [this](const netlink::Address& address) {
      if (copy_) {
        copy_->on_address(address);
      }
    };
    handler.route = [this](const netlink::Route& route) {
      feed_->on_route(route);
      if (copy_) {
        copy_->on_route(route);
      }
      if (route.protocol == kCopyProtocol && route.table == RT_TABLE_MAIN) {
        seen_[route.prefix] = route;
      }
    };
    monitor_ = std::move(*netlink::Monitor::open(loop_, -1, handler));
    start();
  }

  void TearDown() override {
    copy_.reset();
    monitor_.reset();
    setns(home_.get(), CLONE_NEWNET);
  }

  void make_link(uint16_t id, const std::string& address4, const std::string& address6) {
    UniqueFd& fd = taps_[id - 1];
    fd.reset(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    std::strcpy(request.ifr_name, fmt::format("e{}", id - 1).c_str());
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    ASSERT_EQ(ioctl(fd.get(), TUNSETIFF, &request), 0);
    index_[id] = *writer_->link_index(request.ifr_name);
    ASSERT_TRUE(writer_->change_link(index_[id], {.up = true}));
    ASSERT_TRUE(writer_->add_address(index_[id], *parse_interface_address(address4)));
    ASSERT_TRUE(writer_->add_address(index_[id], *parse_interface_address(address6)));
  }

  /// As a fresh dataplane does.
  void start(bool on = true) {
    copy_ = std::make_unique<KernelCopy>(loop_, rib, [this](IfId id) {
      const auto at = index_.find(id.value());
      return at == index_.end() ? 0 : at->second;
    });
    copy_->enable(on);
    resync();
  }
  void resync() {
    copy_->mark();
    feed_->mark();
    ASSERT_TRUE(monitor_->dump(netlink::Monitor::links | netlink::Monitor::routes));
    feed_->sweep();
    copy_->sweep();
  }
  void turn() {
    settle();
    for (int i = 0; i < 8; i++) {
      loop_.turn(1ms);
    }
  }
  /// The copies that the kernel has, each as "PREFIX TYPE [GATEWAY]%LINK ...".
  std::vector<std::string> kernel() {
    seen_.clear();
    EXPECT_TRUE(monitor_->dump(netlink::Monitor::routes, RT_TABLE_MAIN));
    std::vector<std::string> out;
    for (const auto& [prefix, route] : seen_) {
      out.push_back(to_string(prefix));
      if (route.type != RTN_UNICAST) {
        out.back() += fmt::format(" type {}", route.type);
        continue;  // IPv6 names lo
      }
      for (const auto& hop : route.next_hops) {
        out.back() +=
            fmt::format(" {}%e{}", hop.gateway ? to_string(*hop.gateway) : "", hop.index == index_[kE1] ? 1 : 0);
      }
      EXPECT_EQ(route.metric, kCopyMetric);
    }
    return out;
  }
  void bird(std::string_view text, RouteInfo info) { rib.set(Source::feed_table, prefix(text), std::move(info)); }
};

using Lines = std::vector<std::string>;

TEST_F(KernelCopyTest, CopiesWhatBirdChose) {
  connected("192.0.2.0/24", kE0);
  connected("192.0.3.0/24", kE1);
  rib.configure({.multipath = 4});
  rib.set(Source::local, prefix("192.0.2.1/32"), {.kind = PathKind::local, .next_hops = {{IfId(kE0), {}}}});
  rib.set(Source::kernel, prefix("10.20.0.0/16"), via("192.0.2.9", kE0));
  rib.set_best(prefix("10.1.0.0/16"), direct("192.0.2.9", kE0, 1));
  rib.set_path(prefix("10.1.0.0/16"), 1, direct("192.0.2.9", kE0, 1));
  BgpPath second = direct("192.0.3.9", kE1, 2);
  second.first_as = 64501;
  rib.set_path(prefix("10.1.0.0/16"), 2, second);
  rib.set_best(prefix("10.2.0.0/16"), recursive("192.0.3.77", 3));
  rib.set_best(prefix("10.3.0.0/16"), direct("fe80::9", kE0, 4));
  rib.set_best(prefix("10.4.0.0/16"), recursive("fe80::77", 3));  // unresolved: on which link?
  bird("0.0.0.0/0", via("192.0.2.7", kE0));
  bird("10.5.0.0/16", {.kind = PathKind::blackhole});
  bird("10.6.0.0/16", {.next_hops = {{IfId(kE1), {}}}});
  bird("2001:db8:a::/48", {.kind = PathKind::unreachable});
  bird("2001:db8:b::/48", {.kind = PathKind::prohibit});
  bird("2001:db8:c::/48", {.next_hops = {{IfId(kE0), address("fe80::9")}, {IfId(kE1), address("2001:db8:3::9")}}});
  turn();
  EXPECT_EQ(kernel(),
            (Lines{"0.0.0.0/0 192.0.2.7%e0", "10.1.0.0/16 192.0.2.9%e0 192.0.3.9%e1", "10.2.0.0/16 192.0.3.77%e1",
                   "10.3.0.0/16 fe80::9%e0", "10.5.0.0/16 type 6", "10.6.0.0/16 %e1", "2001:db8:a::/48 type 7",
                   "2001:db8:b::/48 type 8", "2001:db8:c::/48 fe80::9%e0 2001:db8:3::9%e1"}));
  EXPECT_EQ(copy_->copied(Family::ip4), 6u);
  EXPECT_EQ(copy_->copied(Family::ip6), 3u);
  EXPECT_EQ(copy_->failed(Family::ip4) + copy_->failed(Family::ip6), 0u);
  EXPECT_EQ(rib.count(Source::kernel, Family::ip4), 1u) << "no copy comes back as a route of the kernel";
  EXPECT_EQ(rib.count(Source::kernel, Family::ip6), 0u);

  rib.remove_best(prefix("10.1.0.0/16"));
  rib.remove_path(prefix("10.1.0.0/16"), 1);
  rib.remove_path(prefix("10.1.0.0/16"), 2);
  bird("10.20.0.0/16", via("192.0.2.9", kE0));  // from another source now, by the same way
  forever();
  turn();
  const Lines after = kernel();
  EXPECT_EQ(std::count(after.begin(), after.end(), "10.20.0.0/16 192.0.2.9%e0"), 1);
  EXPECT_EQ(after[1], "10.2.0.0/16 192.0.3.77%e1") << "10.1.0.0/16 was withdrawn";
}

TEST_F(KernelCopyTest, EveryKindTakesThePlaceOfEveryOther) {
  for (const char* text : {"10.1.0.0/16", "2001:db8:a::/48"}) {
    const bool six = prefix(text).family() == Family::ip6;
    const auto hop = [&](uint16_t id, int last) {
      return NextHop{IfId(id), address(six ? fmt::format("2001:db8:{}::{}", id + 1, last)
                                           : fmt::format("192.0.{}.{}", id + 1, last))};
    };
    const std::vector<RouteInfo> kinds = {{.next_hops = {hop(kE0, 5)}},
                                          {.next_hops = {hop(kE0, 6), hop(kE1, 6)}},
                                          {.next_hops = {hop(kE0, 7), hop(kE0, 8), hop(kE1, 9)}},
                                          {.next_hops = {{IfId(kE1), {}}}},
                                          {.kind = PathKind::blackhole},
                                          {.kind = PathKind::unreachable},
                                          {.kind = PathKind::prohibit}};
    std::map<size_t, std::string> alone;
    for (size_t from = 0; from < kinds.size(); from++) {
      for (size_t to = 0; to < kinds.size(); to++) {
        bird(text, kinds[from]);
        turn();
        bird(text, kinds[to]);
        turn();
        const Lines lines = kernel();
        ASSERT_EQ(lines.size(), 1u) << from << " to " << to;
        EXPECT_EQ(alone.try_emplace(to, lines[0]).first->second, lines[0]) << from << " to " << to;
      }
    }
    rib.remove(Source::feed_table, prefix(text));
    forever();
    turn();
    EXPECT_EQ(kernel(), Lines{});
  }
}

TEST_F(KernelCopyTest, FollowsSetsOfNextHops) {
  connected("192.0.2.0/24", kE0);
  bird("10.255.0.0/24", via("192.0.2.9", kE0));
  for (int i = 0; i < 300; i++) {
    rib.set_best(prefix(fmt::format("10.1.{}.0/24", i % 256)), recursive("10.255.0.1", 1));
  }
  bird("10.2.0.0/16", {.next_hops = {{IfId(kE0), address("192.0.2.8")}, {IfId(kE1), address("192.0.3.8")}}});
  turn();
  EXPECT_EQ(kernel().at(0), "10.1.0.0/24 192.0.2.9%e0");
  // The IGP moves the next hop: no BGP route changed.
  bird("10.255.0.0/24", via("192.0.3.9", kE1));
  turn();
  const Lines moved = kernel();
  ASSERT_EQ(moved.size(), 258u);
  for (size_t i = 0; i < 256; i++) {
    EXPECT_NE(moved[i].find(" 192.0.3.9%e1"), std::string::npos) << moved[i];
  }
  down.insert(kE1);
  rib.link_changed(IfId(kE1));
  turn();
  EXPECT_EQ(kernel(), Lines{"10.2.0.0/16 192.0.2.8%e0"});
}

TEST_F(KernelCopyTest, RoutesOfALinkComeBackWithIt) {
  bird("10.1.0.0/16", via("192.0.2.9", kE0));
  bird("10.2.0.0/16", via("192.0.3.9", kE1));
  turn();
  ASSERT_EQ(kernel().size(), 2u);
  // Too fast for anybody to have told the RIB, but Linux has dropped what led over it.
  ASSERT_TRUE(writer_->change_link(index_[kE0], {.up = false}));
  ASSERT_TRUE(writer_->change_link(index_[kE0], {.up = true}));
  EXPECT_EQ(kernel(), Lines{"10.2.0.0/16 192.0.3.9%e1"});
  turn();
  EXPECT_EQ(kernel(), (Lines{"10.1.0.0/16 192.0.2.9%e0", "10.2.0.0/16 192.0.3.9%e1"}));
  // A new TAP in place of the old one.
  taps_[0].reset();
  turn();
  make_link(kE0, "192.0.2.1/24", "2001:db8:2::1/64");
  turn();
  EXPECT_EQ(kernel(), (Lines{"10.1.0.0/16 192.0.2.9%e0", "10.2.0.0/16 192.0.3.9%e1"}));
}

TEST_F(KernelCopyTest, OffRemovesItsOwnAndNothingElse) {
  netlink::Route other{.table = RT_TABLE_MAIN,
                       .protocol = RTPROT_STATIC,
                       .type = RTN_UNICAST,
                       .prefix = prefix("10.1.0.0/16"),
                       .next_hops = {{index_[kE1], address("192.0.3.3"), 1}}};
  ASSERT_TRUE(writer_->set_route(other));
  bird("10.1.0.0/16", via("192.0.2.9", kE0));
  bird("2001:db8:a::/48", {.kind = PathKind::blackhole});
  turn();
  EXPECT_EQ(kernel().size(), 2u);
  copy_->enable(false);
  turn();
  EXPECT_EQ(kernel(), Lines{});
  EXPECT_EQ(copy_->copied(Family::ip4), 0u);
  bird("10.2.0.0/16", via("192.0.2.9", kE0));
  turn();
  EXPECT_EQ(kernel(), Lines{});
  size_t others = 0;
  netlink::Handler handler;
  handler.route = [&](const netlink::Route& route) { others += route.protocol == RTPROT_STATIC; };
  auto second = netlink::Monitor::open(loop_, -1, handler);
  ASSERT_TRUE((*second)->dump(netlink::Monitor::routes, RT_TABLE_MAIN));
  EXPECT_EQ(others, 1u);
  copy_->enable(true);
  turn();
  EXPECT_EQ(kernel().size(), 3u);
}

TEST_F(KernelCopyTest, ARestartSweepsLeftovers) {
  bird("10.1.0.0/16", via("192.0.2.9", kE0));
  bird("10.2.0.0/16", via("192.0.2.9", kE0));
  bird("10.3.0.0/16", {.kind = PathKind::blackhole});
  turn();
  ASSERT_EQ(kernel().size(), 3u);
  copy_.reset();
  EXPECT_EQ(kernel().size(), 2u) << "what no link takes along goes at the end";
  rib.remove(Source::feed_table, prefix("10.1.0.0/16"));
  bird("10.2.0.0/16", via("192.0.3.9", kE1));
  forever();
  start();
  turn();
  EXPECT_EQ(kernel(), (Lines{"10.2.0.0/16 192.0.3.9%e1", "10.3.0.0/16 type 6"}));
  EXPECT_EQ(rib.count(Source::kernel, Family::ip4), 0u);
  // What somebody removed is back after the next look, and a restart in the other mode removes all.
  netlink::Route gone = seen_.at(prefix("10.2.0.0/16"));
  ASSERT_TRUE(writer_->remove_route(gone));
  resync();
  turn();
  EXPECT_EQ(kernel(), (Lines{"10.2.0.0/16 192.0.3.9%e1", "10.3.0.0/16 type 6"}));
  copy_.reset();
  start(false);
  turn();
  EXPECT_EQ(kernel(), Lines{});
}

TEST_F(KernelCopyTest, WhatLinuxRefusesIsCounted) {
  bird("10.1.0.0/16", via("203.0.113.1", kE0));  // on no subnet of e0, so Linux takes it for invalid
  bird("10.2.0.0/16", via("192.0.2.9", 9));      // an interface without TAP
  bird("10.3.0.0/16", via("192.0.2.9", kE0));
  turn();
  EXPECT_EQ(kernel(), Lines{"10.3.0.0/16 192.0.2.9%e0"});
  EXPECT_EQ(copy_->failed(Family::ip4), 2u);
  bird("10.3.0.0/16", via("203.0.113.1", kE0));
  turn();
  EXPECT_EQ(kernel(), Lines{}) << "an old copy that leads elsewhere is worse than none";
  EXPECT_EQ(copy_->failed(Family::ip4), 3u);
  rib.remove(Source::feed_table, prefix("10.2.0.0/16"));
  forever();
  turn();
  EXPECT_EQ(copy_->failed(Family::ip4), 2u);
  // What it is refused for ends without any news for the RIB.
  ASSERT_TRUE(writer_->add_address(index_[kE0], *parse_interface_address("203.0.113.7/24")));
  turn();
  EXPECT_EQ(kernel(), (Lines{"10.1.0.0/16 203.0.113.1%e0", "10.3.0.0/16 203.0.113.1%e0"}));
  EXPECT_EQ(copy_->failed(Family::ip4), 0u);
}

TEST_F(KernelCopyTest, ManyRoutesAreWrittenInTurns) {
  constexpr uint32_t kMany = 100'000;
  copy_->enable(false);
  for (uint32_t i = 0; i < kMany; i++) {
    rib.set_best(Prefix(Ip4(0x14000000 + (i << 8)), 24), direct("192.0.2.9", kE0, 1));
  }
  settle();
  const auto start = std::chrono::steady_clock::now();
  auto longest = std::chrono::steady_clock::duration{};
  const auto until = [&](bool on, size_t count) {
    size_t turns = 0;
    copy_->enable(on);
    for (size_t last = copy_->copied(Family::ip4); last != count; turns++) {
      const auto before = std::chrono::steady_clock::now();
      loop_.turn(1ms);
      longest = std::max(longest, std::chrono::steady_clock::now() - before);
      const size_t have = copy_->copied(Family::ip4);
      ASSERT_LE(std::max(have, last) - std::min(have, last), 1000u);
      ASSERT_LT(turns, 10'000u);
      last = have;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("{} copies: {:.2f} s, {} turns, the longest {} us\n", count, took.count(), turns, longest / 1us);
  };
  until(true, kMany);
  EXPECT_EQ(kernel().size(), kMany);
  rib.set_best(Prefix(Ip4(0x14000000), 24), direct("192.0.2.8", kE0, 1));
  turn();
  EXPECT_EQ(kernel().at(0), "20.0.0.0/24 192.0.2.8%e0");
  until(false, 0);
  EXPECT_EQ(kernel(), Lines{});
  until(true, kMany);
}

}  // namespace
}  // namespace floof::route
