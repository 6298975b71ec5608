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
  static Prefix route(uint32_t i) { return {Ip4(0x14000000u + (i << 8)), 24}; }
  Json limits() { return routes_->show("route-summary", Json::object()).back(); }
};

TEST_F(LimitsTest, ReachingTheLimitIsAnAlarmUntilRoutesFit) {
  limit(100);
  EXPECT_EQ(routes_->show("alarms", {}), Json::array());
  for (uint32_t i = 0; i < 105; i++) {
    rib_.set(Source::feed_table, route(i), {.kind = ip::PathKind::blackhole});
  }
  settle();
  EXPECT_EQ(tables_.routes(Family::ip4), 100u);
  EXPECT_EQ(limits()["routes"], 100);
  EXPECT_EQ(limits()["max-routes"], 100);
  EXPECT_EQ(limits()["refused4"], 5);
  ASSERT_EQ(routes_->show("alarms", {}).size(), 1u);
  EXPECT_EQ(
      routes_->show("alarms", {})[0],
      "route: 5 prefixes are not forwarded to: the limit of 100 is reached; 'set dataplane max-routes' raises it");
  for (uint32_t i = 0; i < 3; i++) {
    rib_.remove(Source::feed_table, route(i));
  }
  settle();
  EXPECT_EQ(tables_.routes(Family::ip4), 100u);
  EXPECT_EQ(limits()["refused4"], 2);
  limit(1000);
  EXPECT_EQ(tables_.routes(Family::ip4), 102u);
  EXPECT_EQ(routes_->show("alarms", {}), Json::array());
}

}  // namespace
}  // namespace floof::route
