// SPDX-License-Identifier: GPL-3.0-or-later
//
// Further VRFs from the desired state to the FIB, and what one costs. Needs root, for a network namespace of its own.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "features/ip/tables/forwarding.h"
#include "features/route/route_apply.h"

namespace floof::route {
namespace {

using namespace std::chrono_literals;
using ip::PathKind;

class VrfsTest : public testing::Test {
 protected:
  EventLoop loop_;
  Qsbr qsbr_;
  ip::ForwardingTables tables_{qsbr_};
  Ribs ribs_{tables_, [](IfId) { return true; }};
  netlink::LinkMap links_;
  std::unique_ptr<netlink::KernelEvents> events_;
  std::unique_ptr<Routes> routes_;
  static constexpr VrfId kBlue{7};

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "a network namespace needs root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ip("link add d0 type veth peer name d1");
    ip("link set d0 up");
    ip("link set d1 up");
    links_.set(IfId(1), static_cast<int>(if_nametoindex("d0")));
    auto events = netlink::KernelEvents::open(loop_);
    ASSERT_TRUE(events);
    events_ = std::move(*events);
    routes_ = std::make_unique<Routes>(
        Routes::Context{.loop = loop_, .ribs = ribs_, .links = links_, .events = *events_, .interface_name = [](IfId) {
                          return std::string("d0");
                        }});
    ASSERT_TRUE(events_->resync());
  }
  static void ip(const std::string& words) { ASSERT_EQ(std::system(("ip " + words).c_str()), 0) << words; }
  void publish(const char* route) {
    const auto errors = routes_->stage({{"route", Json::parse(route)}}, false);
    ASSERT_TRUE(errors.empty()) << errors[0].text();
    ASSERT_TRUE(routes_->publish());
  }
  PathKind kind(const char* destination, VrfId vrf) const {
    return tables_.describe(tables_.lookup(*parse_ip4(destination), vrf)).kind;
  }
  template <typename Condition>
  bool wait(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      loop_.turn(10ms);
      qsbr_.reclaim();
    }
    return condition();
  }
};

TEST_F(VrfsTest, EachHasItsKernelTable) {
  ip("route add blackhole 198.51.100.0/24 table 10001");
  ip("route add 198.51.100.0/24 dev d0 table 10007");
  ip("route add unreachable 203.0.113.0/24");  // by hand, in the main table
  const char* both = R"([{"vrf":0,"name":"default","feed-table":10001},{"vrf":7,"name":"blue","feed-table":10007}])";
  publish(both);
  EXPECT_TRUE(wait([&] { return kind("198.51.100.9", kBlue) == PathKind::connected; }));
  EXPECT_TRUE(wait([&] { return kind("203.0.113.9", kDefaultVrf) == PathKind::unreachable; }));
  EXPECT_TRUE(wait([&] { return kind("198.51.100.9", kDefaultVrf) == PathKind::blackhole; }));
  EXPECT_EQ(kind("203.0.113.9", kBlue), PathKind::drop) << "the main table is the default VRF's";
  const auto shown = [&](VrfId vrf) {
    return routes_->show("route", {{"address", "198.51.100.9"}, {"vrf", vrf.value()}})[0]["fib"]["kind"];
  };
  EXPECT_EQ(shown(kBlue), "connected");
  EXPECT_EQ(shown(kDefaultVrf), "blackhole");
  EXPECT_EQ(routes_->show("route", {{"vrf", 8}, {"address", "198.51.100.9"}}), Json::array());
  EXPECT_EQ(routes_->show("feeds", {{"vrf", 7}})[0]["table"], 10007);

  ip("route replace blackhole 10.0.0.0/8 table 10007");
  EXPECT_TRUE(wait([&] { return kind("10.1.1.1", kBlue) == PathKind::blackhole; }));

  publish(R"([{"vrf":0,"name":"default","feed-table":10001}])");
  EXPECT_EQ(tables_.find_vrf(kBlue), nullptr);
  EXPECT_EQ(kind("198.51.100.9", kBlue), PathKind::drop);
  EXPECT_EQ(kind("198.51.100.9", kDefaultVrf), PathKind::blackhole);
  publish(both);
  EXPECT_TRUE(wait([&] { return kind("198.51.100.9", kBlue) == PathKind::connected; })) << "told again";
  EXPECT_TRUE(wait([&] { return kind("10.1.1.1", kBlue) == PathKind::blackhole; }));
}

TEST_F(VrfsTest, WhatBelongsToNoneGoes) {
  // As features/lcp does with addresses of an interface that was in a VRF which the desired state has no more.
  ribs_.at(kBlue).set(Source::connected, *parse_prefix("10.0.0.0/8"),
                      {.kind = PathKind::connected, .next_hops = {{.interface = IfId(1)}}});
  ribs_.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(kind("10.1.1.1", kBlue), PathKind::connected);
  publish("[]");
  EXPECT_EQ(ribs_.find(kBlue), nullptr);
  EXPECT_EQ(kind("10.1.1.1", kBlue), PathKind::drop);
}

/// Bytes that the kernel has given to this process.
long resident_bytes() {
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// All of one: feed, RIB, FIB. The figures of docs/performance.md come from here.
TEST_F(VrfsTest, CostsLittle) {
  constexpr int kMany = 200;
  const auto list = [](int many) {
    std::string out = R"([{"vrf":0,"name":"default","feed-table":10001})";
    for (int i = 1; i <= many; i++) {
      out += fmt::format(R"(,{{"vrf":{0},"name":"v{0}","feed-table":{1}}})", i, 10001 + i);
    }
    return out + "]";
  };
  publish(list(1).c_str());
  const long before = resident_bytes();
  publish(list(kMany).c_str());
  const long empty = (resident_bytes() - before) / (kMany - 1);
  for (uint16_t i = 1; i <= kMany; i++) {
    for (const char* prefix : {"192.0.2.0/24", "2001:db8:1::/64"}) {
      ribs_.at(VrfId(i)).set(Source::connected, *parse_prefix(prefix),
                             {.kind = PathKind::connected, .next_hops = {{.interface = IfId(i)}}});
    }
    for (const char* prefix : {"0.0.0.0/0", "::/0"}) {
      ribs_.at(VrfId(i)).set(Source::feed_table, *parse_prefix(prefix), {.kind = PathKind::blackhole});
    }
  }
  ribs_.settle(std::chrono::steady_clock::now());
  const long used = (resident_bytes() - before) / (kMany - 1);
  RecordProperty("empty_bytes", static_cast<int>(empty));
  RecordProperty("four_routes_bytes", static_cast<int>(used));
#ifndef __SANITIZE_ADDRESS__  // which has redzones
  EXPECT_LT(empty, 100'000);
  EXPECT_LT(used, 100'000);
#endif
  EXPECT_EQ(kind("192.0.2.9", VrfId(kMany)), PathKind::connected);
  EXPECT_EQ(kind("10.0.0.1", VrfId(kMany)), PathKind::blackhole);
  publish(list(0).c_str());
  EXPECT_EQ(ribs_.all().size(), 1u);
  EXPECT_EQ(kind("192.0.2.9", VrfId(kMany)), PathKind::drop);
}

}  // namespace
}  // namespace floof::route
