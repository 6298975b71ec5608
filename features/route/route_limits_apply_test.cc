// SPDX-License-Identifier: GPL-3.0-or-later
//
// `set dataplane max-routes` from the desired state to the alarm. Needs root, for a network namespace of its own.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "features/ip/tables/forwarding.h"
#include "features/route/route_apply.h"

namespace floof::route {
namespace {

using namespace std::chrono_literals;

class LimitsTest : public testing::Test {
 protected:
  EventLoop loop_;
  Qsbr qsbr_;
  ip::ForwardingTables tables_{qsbr_};
  Ribs ribs_{tables_, [](IfId) { return true; }};
  Rib& rib_ = ribs_.main();
  netlink::LinkMap links_;
  std::unique_ptr<netlink::KernelEvents> events_;
  std::unique_ptr<Routes> routes_;

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "a network namespace needs root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto events = netlink::KernelEvents::open(loop_);
    ASSERT_TRUE(events);
    events_ = std::move(*events);
    routes_ = std::make_unique<Routes>(
        Routes::Context{.loop = loop_, .ribs = ribs_, .links = links_, .events = *events_, .interface_name = [](IfId) {
                          return std::string("e0");
                        }});
  }
  void limit(unsigned most) {
    ASSERT_TRUE(routes_->stage({{"dataplane", {{"max-routes", most}}}}, false).empty());
    ASSERT_TRUE(routes_->publish());
    settle();
  }
  void settle() {
    // The timer of Routes that looks after others' changes comes every 500 ms.
    const auto end = std::chrono::steady_clock::now() + 700ms;
    while (std::chrono::steady_clock::now() < end) {
      loop_.turn(10ms);
    }
  }
  void settle_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) {
      loop_.turn(10ms);
    }
  }
  static Prefix route(uint32_t i) { return {Ip4(0x14000000u + (i << 8)), 24}; }
  dataplane::Resource resource(const std::string& name) {
    for (auto& one : routes_->resources()) {
      if (one.name == name) {
        return one;
      }
    }
    return {};
  }
  Json limits() { return routes_->show("route-summary", Json::object()).back(); }
};

TEST_F(LimitsTest, WhatIsRefusedIsToldUntilRoutesFit) {
  limit(100);
  EXPECT_EQ(resource("routes").limit, 100u);
  EXPECT_EQ(resource("routes").refused, 0u);
  EXPECT_EQ(resource("route table memory").limit, uint64_t{64} << 20);
  EXPECT_EQ(resource("IPv4 forwarding table memory").limit, tables_.stats(Family::ip4).limit);
  for (uint32_t i = 0; i < 105; i++) {
    rib_.set(Source::feed_table, route(i), {.kind = ip::PathKind::blackhole});
  }
  settle();
  EXPECT_EQ(tables_.routes(Family::ip4), 100u);
  EXPECT_EQ(limits()["routes"], 100);
  EXPECT_EQ(limits()["max-routes"], 100);
  EXPECT_EQ(limits()["refused4"], 5);
  settle_until([&] { return !limits()["unreachable"].is_null(); });
  EXPECT_EQ(limits()["unreachable"], 5);
  EXPECT_EQ(resource("routes").used, 100u);
  EXPECT_EQ(resource("routes").refused, 5u);
  EXPECT_EQ(resource("routes").latest, to_string(route(104)));
  EXPECT_EQ(resource("routes").more, "packets to none of them find another way");
  EXPECT_EQ(resource("IPv4 forwarding table memory").refused, 0u) << "it is not the memory";
  for (uint32_t i = 0; i < 3; i++) {
    rib_.remove(Source::feed_table, route(i));
  }
  settle();
  EXPECT_EQ(tables_.routes(Family::ip4), 100u);
  EXPECT_EQ(limits()["refused4"], 2);
  limit(1000);
  EXPECT_EQ(tables_.routes(Family::ip4), 102u);
  EXPECT_EQ(resource("routes").refused, 0u);
  EXPECT_EQ(resource("routes").latest, "");
}

TEST_F(LimitsTest, WhatHasAWayIsNotUnreachable) {
  limit(100);
  for (uint32_t i = 0; i < 128; i++) {
    rib_.set(Source::feed_table, route(i), {.kind = ip::PathKind::blackhole});
  }
  settle();
  // The router's own subnets are beyond the limit; this one covers half of what was refused.
  rib_.set(Source::connected, Prefix(Ip4(0x14000000u + (114 << 8)), 23),
           {.kind = ip::PathKind::connected, .next_hops = {{.interface = IfId(1)}}});
  settle_until([&] { return resource("routes").more.starts_with("26 "); });
  EXPECT_EQ(resource("routes").refused, 28u);
  EXPECT_EQ(resource("routes").more, "26 of them lead nowhere, packets to the others use shorter prefixes");
}

TEST_F(LimitsTest, ALimitBelowTodaysUseIsWarnedOf) {
  limit(1000);
  for (uint32_t i = 0; i < 200; i++) {
    rib_.set(Source::feed_table, route(i), {.kind = ip::PathKind::blackhole});
  }
  settle();
  const auto warnings = [&](const Json& desired) {
    EXPECT_TRUE(routes_->stage(desired, false).empty());
    const auto out = routes_->warnings();
    routes_->abort();
    return out;
  };
  EXPECT_TRUE(warnings({{"dataplane", {{"max-routes", 201}}}}).empty());
  EXPECT_TRUE(warnings(Json::object()).empty()) << "the machine's";
  ASSERT_EQ(warnings({{"dataplane", {{"max-routes", 150}}}}).size(), 1u);
  EXPECT_EQ(warnings({{"dataplane", {{"max-routes", 150}}}})[0],
            "dataplane max-routes: 150 is less than the 200 prefixes in use: these stay until they are withdrawn or "
            "floof-dataplane restarts, and new ones are refused; set it above 200, or have neighbors send fewer routes "
            "first");
  limit(150);
  EXPECT_EQ(tables_.routes(Family::ip4), 200u);
  EXPECT_TRUE(warnings({{"dataplane", {{"max-routes", 150}}}}).empty()) << "said already";
}

}  // namespace
}  // namespace floof::route
