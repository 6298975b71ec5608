// SPDX-License-Identifier: GPL-3.0-or-later
//
// The feed session against a BIRD of our own making, which says and does what we want it to.
#include "features/route/bgp_feed/bgp_feed.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "base/ipc/feed_key.h"
#include "features/ip/tables/forwarding.h"

namespace floof::route {
namespace {

using bgp::Bytes;
using namespace std::chrono_literals;

constexpr uint32_t kFeedAs = 4200000000;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes attribute(uint8_t flags, uint8_t code, const Bytes& value) {
  return Bytes{flags, code, static_cast<uint8_t>(value.size())} + value;
}
Bytes update(const Bytes& attributes, const Bytes& nlri) {
  const Bytes body = Bytes{0, 0, 0, static_cast<uint8_t>(attributes.size())} + attributes + nlri;
  return Bytes(16, 0xff) + Bytes{0, static_cast<uint8_t>(body.size() + 19), 2} + body;
}
Bytes community(uint8_t what, uint8_t value) { return {0xfa, 0x56, 0xea, 0, 0, 0, 0, what, 0, 0, 0, value}; }
/// 10.0.N.0/24 via 192.0.2.1 with the private communities.
Bytes announce(uint8_t n, const Bytes& communities = community(1, 7) + community(4, 11)) {
  return update(attribute(0x40, 1, {0}) + attribute(0x40, 2, {2, 1, 0, 0, 0xfb, 0xf5}) +
                    attribute(0x40, 3, {192, 0, 2, 1}) + attribute(0xc0, 32, communities),
                {24, 10, 0, n});
}

class BgpFeedTest : public testing::Test {
 protected:
  EventLoop loop;
  Qsbr qsbr;
  ip::ForwardingTables tables{qsbr};
  Rib rib{tables, [](IfId) { return true; }};
  int kernel_index = 11;
  UniqueFd listener, session;
  std::unique_ptr<BgpFeed> feed;
  FeedOptions options{.name = "feed-best", .source = Ip4(0x7f000001), .bird = Ip4(0x7f000001), .stale_limit = 2s};
  Bytes heard;
  std::chrono::seconds igp_settles{0};
  std::string key;

  void SetUp() override {
    listen_again();
    feed = std::make_unique<BgpFeed>(
        loop, rib, options,
        FeedContext{.interface_of = [this](int index) { return index == kernel_index ? IfId(1) : IfId{}; },
                    .peer_is_internal = [](uint32_t peer) { return peer == 8; },
                    .igp_settles = [this] { return igp_settles; },
                    .changed = [] {},
                    .key = [this] { return Result(key); }});
    feed->start();
  }
  void listen_again() {
    listener.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(options.port == 1020 ? 0 : options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener.get(), 4), 0);
    socklen_t size = sizeof address;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    options.port = ntohs(address.sin_port);
  }

  template <typename Condition>
  bool wait(Condition condition, std::chrono::milliseconds limit = 5000ms) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      loop.turn(5ms);
      rib.settle(std::chrono::steady_clock::now());
      hear();
      if (condition()) {
        return true;
      }
    }
    return false;
  }
  void hear() {
    uint8_t buffer[4096];
    while (session) {
      const ssize_t n = recv(session.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (n <= 0) {
        break;
      }
      heard.insert(heard.end(), buffer, buffer + n);
    }
  }
  bool heard_type(bgp::MessageType type) {
    for (size_t at = 0; at < heard.size();) {
      const auto frame = std::get<bgp::Frame>(bgp::next_frame(bgp::View(heard).subspan(at)));
      if (frame.size == 0 || frame.type == type) {
        return frame.size != 0;
      }
      at += frame.size;
    }
    return false;
  }
  void say(const Bytes& bytes) {
    ASSERT_EQ(send(session.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Accepts the feed and greets it, `restarting`: as after `bird -R`.
  void establish(bool restarting = false) {
    heard.clear();
    ASSERT_TRUE(wait([&] {
      session.reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      return static_cast<bool>(session);
    }));
    say(bgp::encode_open({.as = kFeedAs,
                          .hold_seconds = 3,
                          .router_id = Ip4(0x0a000001),
                          .families = {true, true},
                          .four_octet_as = true,
                          .route_refresh = true,
                          .enhanced_refresh = true,
                          .graceful_restart = bgp::GracefulRestart{.restarting = restarting, .seconds = 120}}) +
        bgp::encode_keepalive());
    ASSERT_TRUE(wait([&] { return feed->status().state >= BgpFeed::State::syncing; }));
  }
  void end_of_rib() { say(bgp::encode_end_of_rib(Family::ip4) + bgp::encode_end_of_rib(Family::ip6)); }
  bool has(uint8_t n) { return tables.longest_match(Ip4(0x0a000001u | static_cast<uint32_t>(n) << 8)).has_value(); }
  /// A session with routes 1 and 2, complete.
  void two_routes() {
    establish();
    say(announce(1) + announce(2));
    end_of_rib();
    ASSERT_TRUE(wait([&] { return feed->status().state == BgpFeed::State::established && has(1) && has(2); }));
  }
};

TEST_F(BgpFeedTest, PrivateCommunitiesAreDecoded) {
  establish();
  say(announce(1, community(1, 8) + community(2, 90) + community(4, 11) + community(5, 33)) +
      announce(2, community(3, 1)) + announce(3, community(4, 99)));
  ASSERT_TRUE(wait([&] { return rib.count(Source::feed_best, Family::ip4) == 3; }));
  const auto path = [&](std::string_view p) { return rib.find(*parse_prefix(p))->candidates.at(0).paths.at(0); };
  const BgpPath first = path("10.0.1.0/24");
  EXPECT_EQ(first.peer, 8u);
  EXPECT_TRUE(first.internal);
  EXPECT_EQ(first.preference, 90u);
  EXPECT_EQ(first.igp_metric, 33u);
  EXPECT_EQ(first.next_hop, (NextHop{IfId(1), IpAddress(Ip4(0xc0000201))}));
  EXPECT_EQ(first.as_path_length, 1u);
  EXPECT_EQ(first.first_as, 64501u);
  EXPECT_EQ(path("10.0.2.0/24").kind, ip::PathKind::blackhole);
  EXPECT_FALSE(path("10.0.3.0/24").next_hop.interface);
  // That interface has become known: the routes are asked for again.
  heard.clear();
  feed->interfaces_changed();
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::route_refresh); }));
  heard.clear();
  feed->interfaces_changed();
  EXPECT_FALSE(wait([&] { return heard_type(bgp::MessageType::route_refresh); }, 50ms)) << "nothing unknown since";
}

TEST_F(BgpFeedTest, ARecoveredBirdSweepsAtItsEndOfRib) {
  two_routes();
  session.reset();
  ASSERT_TRUE(wait([&] { return feed->status().stale; }));
  EXPECT_TRUE(has(1) && has(2));
  establish(true);
  say(announce(2));
  wait([] { return false; }, 100ms);
  EXPECT_TRUE(has(1)) << "not before the end";
  say(bgp::encode_end_of_rib(Family::ip4));
  EXPECT_TRUE(wait([&] { return !has(1); }));
  EXPECT_TRUE(has(2));
  EXPECT_TRUE(feed->status().stale) << "IPv6 has not been told yet";
  say(bgp::encode_end_of_rib(Family::ip6));
  EXPECT_TRUE(wait([&] { return !feed->status().stale; }));
}

TEST_F(BgpFeedTest, ARecoveringBirdWaitsForTheIgp) {
  igp_settles = 1s;
  establish();
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::update); })) << "it does not recover";
  session.reset();
  ASSERT_TRUE(wait([&] { return feed->status().stale; }));
  const auto before = std::chrono::steady_clock::now();
  establish(true);
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::update); }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 1s);
}

TEST_F(BgpFeedTest, AFreshBirdDoesNotSweepBeforeTheLimit) {
  two_routes();
  session.reset();
  ASSERT_TRUE(wait([&] { return feed->status().stale; }));
  establish();
  say(announce(2));
  end_of_rib();
  wait([] { return false; }, 1000ms);
  EXPECT_TRUE(has(1) && has(2));
  say(bgp::encode_keepalive());
  EXPECT_TRUE(wait([&] { return !has(1); }, 3000ms)) << "the limit";
  EXPECT_TRUE(has(2));
  EXPECT_NE(feed->status().last_error, "");
}

TEST_F(BgpFeedTest, ALivingBirdSweepsAtItsEndOfRib) {
  two_routes();
  // "Other configuration change".
  say(bgp::encode_notification({bgp::kCease, 6, {}}));
  session.reset();
  establish();
  end_of_rib();
  EXPECT_TRUE(wait([&] { return !has(1) && !has(2); }));
}

TEST_F(BgpFeedTest, ABirdThatRestartsItsProtocolsIsTheSame) {
  two_routes();
  say(bgp::encode_notification({bgp::kCease, 4, {}}));
  session.reset();
  listener.reset();
  ASSERT_TRUE(wait([&] { return feed->status().last_error == "Connection refused"; }));
  listen_again();
  establish();
  end_of_rib();
  EXPECT_TRUE(wait([&] { return !has(1) && !has(2); }));
  EXPECT_FALSE(feed->status().stale);
}

TEST_F(BgpFeedTest, ABirdThatNobodyHeardEndIsAnotherOne) {
  two_routes();
  say({1, 2, 3});  // we end it
  ASSERT_TRUE(wait([&] { return heard_type(bgp::MessageType::notification); }));
  session.reset();
  listener.reset();
  ASSERT_TRUE(wait([&] { return feed->status().last_error == "Connection refused"; }));
  listen_again();
  establish();
  end_of_rib();
  wait([] { return false; }, 300ms);
  EXPECT_TRUE(has(1) && has(2));
}

// Whoever is at BIRD's port and lets us not in: BIRD may live and have the routes.
TEST_F(BgpFeedTest, NothingIsSweptWhileSomebodyRefusesUs) {
  two_routes();
  EXPECT_FALSE(feed->away());
  session.reset();
  ASSERT_TRUE(wait([&] { return feed->status().stale; }));
  const auto end = std::chrono::steady_clock::now() + 3500ms;  // the limit is 2 s
  EXPECT_FALSE(wait([&] {
                 UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
                 return !has(1) || std::chrono::steady_clock::now() > end;
               }) &&
               !has(1));
  EXPECT_TRUE(has(1) && has(2));
  ASSERT_TRUE(feed->away());
  EXPECT_GE(*feed->away(), 3s);
  // Then BIRD comes back, fresh: it has its time to learn everything.
  establish();
  say(announce(2));
  end_of_rib();
  EXPECT_FALSE(feed->away());
  EXPECT_FALSE(wait([&] { return !has(1); }, 1000ms));
  EXPECT_TRUE(wait([&] {
    say(bgp::encode_keepalive());
    return !has(1);
  })) << "the limit, anew";
  EXPECT_TRUE(has(2));
}

TEST_F(BgpFeedTest, WithoutBirdTheLimitCounts) {
  two_routes();
  session.reset();
  listener.reset();
  EXPECT_TRUE(wait([&] { return !has(1) && !has(2); }));
}

TEST_F(BgpFeedTest, AnotherKeyIsNoSession) {
  key = std::string(32, 'a');
  ASSERT_TRUE(wait([&] { return feed->status().state == BgpFeed::State::connecting; }));
  EXPECT_TRUE(wait([&] { return feed->status().last_error.starts_with("BIRD does not answer"); }))
      << feed->status().last_error;
  // With the same key it comes.
  sockaddr_in us{};
  us.sin_family = AF_INET;
  us.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_TRUE(sign_with(listener.get(), &us, sizeof us, key));
  establish();
}

TEST_F(BgpFeedTest, SilenceEndsTheSessionAfterTheHoldTime) {
  two_routes();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::notification); }, 8000ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2500ms);
  EXPECT_TRUE(heard_type(bgp::MessageType::keepalive));
  EXPECT_TRUE(has(1));
}

TEST_F(BgpFeedTest, GarbageEndsTheSessionAndOnlyIt) {
  two_routes();
  say({1, 2, 3});
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::notification); }));
  EXPECT_TRUE(has(1) && has(2));
  establish();
  end_of_rib();
  EXPECT_TRUE(wait([&] { return !has(1); })) << "we ended it, BIRD lives";
}

TEST_F(BgpFeedTest, WhatIsMalformedIsWithdrawn) {
  two_routes();
  say(update(attribute(0x40, 1, {9}), {24, 10, 0, 1}));
  EXPECT_TRUE(wait([&] { return !has(1); }));
  EXPECT_TRUE(has(2));
  EXPECT_EQ(feed->status().state, BgpFeed::State::established);
}

TEST_F(BgpFeedTest, StopKeepsTheRoutesAndForgetDoesNot) {
  two_routes();
  feed->stop();
  EXPECT_TRUE(wait([&] { return heard_type(bgp::MessageType::notification); }));
  EXPECT_TRUE(has(1) && has(2));
  feed->forget();
  EXPECT_TRUE(wait([&] { return !has(1) && !has(2); }));
}

// -- BIRD tells all again ---------------------------------------------------------------------------------------------

Bytes refresh(bgp::Refresh what) {
  return bgp::encode_route_refresh(Family::ip4, what) + bgp::encode_route_refresh(Family::ip6, what);
}

TEST_F(BgpFeedTest, WhatBirdTellsAgainIsCompared) {
  EXPECT_FALSE(feed->check()) << "no session";
  two_routes();
  heard.clear();
  ASSERT_TRUE(feed->check());
  EXPECT_FALSE(feed->check()) << "one at a time";
  ASSERT_TRUE(wait([&] { return heard_type(bgp::MessageType::route_refresh); }));
  say(refresh(bgp::Refresh::begins) + announce(1) + announce(2) + refresh(bgp::Refresh::ends));
  const auto& check = feed->status().check;
  ASSERT_TRUE(wait([&] { return check.runs == 1; }));
  EXPECT_EQ(check.routes, 2u);
  EXPECT_EQ(check.changed + check.gone, 0u);
  EXPECT_TRUE(check.alone && check.samples.empty());

  // One has another path here, one is missing, one is there that BIRD has never told.
  rib.set_best(*parse_prefix("10.0.9.0/24"), {});
  rib.remove_best(*parse_prefix("10.0.2.0/24"));
  ASSERT_TRUE(feed->check());
  say(refresh(bgp::Refresh::ends));  // of something else that was under way
  wait([] { return false; }, 50ms);
  EXPECT_TRUE(check.under_way);
  say(refresh(bgp::Refresh::begins) + announce(1, community(1, 8)) + announce(2) + announce(3) +
      refresh(bgp::Refresh::ends));
  ASSERT_TRUE(wait([&] { return check.runs == 2; }));
  EXPECT_EQ(check.routes, 3u);
  EXPECT_EQ(check.changed, 3u);
  EXPECT_EQ(check.samples.size(), 3u);
  EXPECT_EQ(check.untold, 1u);
  EXPECT_EQ(check.gone, 0u) << "it is asked twice";
  EXPECT_TRUE(wait([&] { return has(1) && has(2) && has(3) && rib.count(Source::feed_best, Family::ip4) == 4; }));
  ASSERT_TRUE(feed->check());
  say(refresh(bgp::Refresh::begins) + announce(1, community(1, 8)) + announce(2) + announce(3) +
      refresh(bgp::Refresh::ends));
  ASSERT_TRUE(wait([&] { return check.runs == 3; }));
  EXPECT_EQ(check.changed + check.untold, 0u);
  EXPECT_EQ(check.gone, 1u);
  EXPECT_EQ(check.samples, std::vector{*parse_prefix("10.0.9.0/24")});
  EXPECT_TRUE(wait([&] { return rib.count(Source::feed_best, Family::ip4) == 3; }));
}

TEST_F(BgpFeedTest, WhatIsWithdrawnMeanwhileIsNoFault) {
  two_routes();
  ASSERT_TRUE(feed->check());
  say(refresh(bgp::Refresh::begins) + announce(1) + update({}, {}) +
      (Bytes(16, 0xff) + Bytes{0, 27, 2, 0, 4, 24, 10, 0, 2, 0, 0}) + refresh(bgp::Refresh::ends));
  const auto& check = feed->status().check;
  ASSERT_TRUE(wait([&] { return check.runs == 1; }));
  EXPECT_EQ(check.gone, 0u);
  EXPECT_FALSE(check.alone);
  EXPECT_TRUE(wait([&] { return !has(2); }));
}

TEST_F(BgpFeedTest, ACheckEndsWithItsSession) {
  two_routes();
  ASSERT_TRUE(feed->check());
  say(refresh(bgp::Refresh::begins) + announce(1));
  session.reset();
  EXPECT_TRUE(wait([&] { return !feed->status().check.under_way; }));
  EXPECT_EQ(feed->status().check.runs, 0u);
  establish(true);
  say(announce(1) + announce(2));
  end_of_rib();
  ASSERT_TRUE(wait([&] { return feed->status().state == BgpFeed::State::established; }));
  ASSERT_TRUE(feed->check());
  say(refresh(bgp::Refresh::begins) + announce(1) + announce(2) + refresh(bgp::Refresh::ends));
  ASSERT_TRUE(wait([&] { return feed->status().check.runs == 1; }));
  EXPECT_EQ(feed->status().check.changed + feed->status().check.gone, 0u);
  EXPECT_TRUE(has(1) && has(2));
}

}  // namespace
}  // namespace floof::route
