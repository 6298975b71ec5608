// SPDX-License-Identifier: GPL-3.0-or-later
//
// The feeds against a real BIRD, in network namespaces of their own. Needs root, bird and iproute2.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/fd.h"
#include "base/test_folder.h"
#include "features/ip/tables/forwarding.h"
#include "features/route/desired_vrf.h"
#include "features/route/route_apply.h"

namespace floof::route {
namespace {

using ip::PathKind;
using ip::PathSet;
using namespace std::chrono_literals;

constexpr std::string_view kFeeds = R"(
log "{dir}/{name}.log" all;
router id 198.51.100.1;
graceful restart wait 60;
define FEED = 4200000000;
attribute int floof_peer;
attribute int floof_direct;
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; ipv6; }}
filter feed_out {{
  if source != RTS_BGP then reject;
  bgp_large_community.delete([(FEED, *, *)]);
  if defined(floof_peer) then bgp_large_community.add((FEED, 1, floof_peer));
  bgp_large_community.add((FEED, 2, preference));
  if dest = RTD_BLACKHOLE then bgp_large_community.add((FEED, 3, 1));
  else if dest = RTD_UNREACHABLE then bgp_large_community.add((FEED, 3, 2));
  else if dest = RTD_PROHIBIT then bgp_large_community.add((FEED, 3, 3));
  else if defined(floof_direct) then {{
    bgp_next_hop = gw;
    bgp_large_community.add((FEED, 4, ifindex));
  }}
  accept;
}}
filter to_feed_table {{
  if source = RTS_BGP || source = RTS_DEVICE then reject;
  if defined(ospf_metric1) then krt_cwnd = ospf_metric1;
  accept;
}}
template bgp feed {{
  local 127.0.0.1 port 1020 as FEED; strict bind yes;
  multihop; passive; rr client; interpret communities off; graceful restart on;
  hold time 30; startup hold time 10; error wait time 1,1; error forget time 1;
}}
protocol bgp feed_best from feed {{
  neighbor 127.0.0.2 as FEED;
  ipv4 {{ import none; export filter feed_out; next hop keep; extended next hop on; }};
  ipv6 {{ import none; export filter feed_out; next hop keep; extended next hop on; }};
}}
protocol bgp feed_all from feed {{
  neighbor 127.0.0.3 as FEED;
  ipv4 {{ import none; export filter feed_out; next hop keep; extended next hop on; add paths tx; }};
  ipv6 {{ import none; export filter feed_out; next hop keep; extended next hop on; add paths tx; }};
}}
protocol kernel feed_table4 {{
  kernel table 10001; persist; graceful restart; merge paths on limit 16; metric 32;
  ipv4 {{ import none; export filter to_feed_table; }};
}}
protocol kernel feed_table6 {{
  kernel table 10001; persist; graceful restart; merge paths on limit 16; metric 32;
  ipv6 {{ import none; export filter to_feed_table; }};
}}
filter from_one {{
  floof_peer = 1; floof_direct = 1;
  if (65535, 666) ~ bgp_community then dest = RTD_BLACKHOLE;
  if net = 100.64.3.0/24 then gw = 10.1.0.77;
  accept;
}}
filter from_two {{ floof_peer = 2; floof_direct = 1; accept; }}
)";

/// A bird of its own config, socket and pid file in a namespace.
struct Bird {
  std::string netns, name, dir;

  std::string file(std::string_view suffix) const { return fmt::format("{}/{}.{}", dir, name, suffix); }
  void write(const std::string& config) const { std::ofstream(file("conf")) << config; }
  bool start(std::string_view options = "") const {
    unlink(file("ctl").c_str());
    return run(fmt::format("ip netns exec {} bird {} -c {} -s {} -P {}", netns, options, file("conf"), file("ctl"),
                           file("pid"))) == 0;
  }
  pid_t pid() const {
    pid_t out = 0;
    std::ifstream(file("pid")) >> out;
    return out;
  }
  void signal(int number) const {
    if (const pid_t process = pid(); process > 0) {
      kill(process, number);
    }
  }
  bool ask(std::string_view command) const { return run(fmt::format("birdc -s {} '{}'", file("ctl"), command)) == 0; }
  static int run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }
};

class FeedTest : public testing::Test {
 protected:
  const std::string base_ = fmt::format("route-{}", getpid());
  const std::string router_netns_ = base_ + "-r", peer_netns_ = base_ + "-p";
  const TestFolder made_;
  const std::string dir_ = made_.path();
  UniqueFd home_;
  Bird bird_, peer_;

  EventLoop loop_;
  Qsbr qsbr_;
  ip::ForwardingTables tables_{qsbr_};
  Ribs ribs_{tables_, [](IfId) { return true; }};
  Rib& rib_ = ribs_.main();
  netlink::LinkMap links_;
  std::unique_ptr<netlink::KernelEvents> events_;
  Incidents incidents_{loop_, ""};
  std::unique_ptr<Routes> routes_;

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "network namespaces need root";
    chmod(dir_.c_str(), 0755);
    home_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const std::string r = router_netns_, p = peer_netns_;
    for (const std::string& command : {
             fmt::format("ip netns add {}", r),
             fmt::format("ip netns add {}", p),
             fmt::format("ip -n {} link set lo up", r),
             fmt::format("ip -n {} link set lo up", p),
             fmt::format("ip -n {} link add rp type veth peer name pr netns {}", r, p),
             fmt::format("ip -n {} addr add 10.1.0.1/24 dev rp", r),
             // BIRD allows one session per neighbour address: the peer's other ones go to these.
             fmt::format("ip -n {} addr add 10.1.0.11/24 dev rp", r),
             fmt::format("ip -n {} addr add 10.1.0.12/24 dev rp", r),
             fmt::format("ip -n {} addr add 2001:db8:1::1/64 dev rp nodad", r),
             fmt::format("ip -n {} addr add fe80::1/64 dev rp nodad", r),
             fmt::format("ip -n {} addr add 10.1.0.2/24 dev pr", p),
             fmt::format("ip -n {} addr add 10.1.0.3/24 dev pr", p),
             fmt::format("ip -n {} addr add 10.255.0.2/32 dev lo", p),
             fmt::format("ip -n {} addr add 2001:db8:1::2/64 dev pr nodad", p),
             fmt::format("ip -n {} addr add fe80::2/64 dev pr nodad", p),
             fmt::format("ip -n {} link set rp up", r),
             fmt::format("ip -n {} link set pr up", p),
             // What the router itself sends to a neighbour off link.
             fmt::format("ip -n {} route add 10.255.0.0/16 via 10.1.0.2 proto 44", r),
         }) {
      ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    bird_ = {r, "router", dir_};
    peer_ = {p, "peer", dir_};
    const UniqueFd netns(open(("/run/netns/" + r).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(setns(netns.get(), CLONE_NEWNET), 0);
    start_dataplane();
  }

  void TearDown() override {
    routes_.reset();
    events_.reset();
    bird_.signal(SIGKILL);
    peer_.signal(SIGKILL);
    setns(home_.get(), CLONE_NEWNET);
    Bird::run("ip netns del " + router_netns_);
    Bird::run("ip netns del " + peer_netns_);
  }

  void start_dataplane() {
    links_.set(IfId(1), static_cast<int>(if_nametoindex("rp")));
    auto events = netlink::KernelEvents::open(loop_);
    ASSERT_TRUE(events);
    events_ = std::move(*events);
    routes_ = std::make_unique<Routes>(Routes::Context{.loop = loop_,
                                                       .ribs = ribs_,
                                                       .links = links_,
                                                       .events = *events_,
                                                       .interface_name = [](IfId) { return std::string("rp"); },
                                                       .incidents = &incidents_});
    for (const auto* subnet : {"10.1.0.0/24", "2001:db8:1::/64"}) {
      rib_.set(Source::connected, *parse_prefix(subnet),
               {.kind = PathKind::connected, .next_hops = {{.interface = IfId(1)}}});
    }
    Json desired;
    vrf_in(desired, kDefaultVrf)
        .update({{"feeds", true},
                 {"multipath", 8},
                 {"peers", Json::array({{{"id", 1}, {"name", "one"}, {"internal", false}},
                                        {{"id", 2}, {"name", "two"}, {"internal", false}},
                                        {{"id", 3}, {"name", "three"}, {"internal", true}}})}});
    ASSERT_TRUE(routes_->stage(desired, false).empty());
    ASSERT_TRUE(routes_->publish());
    ASSERT_TRUE(events_->resync());
  }

  void write_router(std::string_view rest) {
    bird_.write(fmt::format(fmt::runtime(kFeeds), fmt::arg("dir", dir_), fmt::arg("name", "router")) +
                std::string(rest));
  }
  void write_peer(std::string_view rest) {
    peer_.write(fmt::format("log \"{}/peer.log\" all;\nrouter id 10.1.0.2;\nprotocol device {{ scan time 1; }}\n{}",
                            dir_, rest));
  }

  void turn() {
    loop_.turn(5ms);
    qsbr_.reclaim();
  }
  template <typename Condition>
  bool wait(Condition condition, std::chrono::seconds limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      turn();
      if (condition()) {
        return true;
      }
    }
    return condition();
  }
  template <typename Check>
  void run_for(std::chrono::milliseconds time, Check check) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      turn();
      check();
      if (HasFatalFailure()) {
        return;
      }
    }
  }
  PathSet fib(std::string_view destination) const {
    const auto entry = tables_.longest_match(*parse_ip(destination));
    return entry ? tables_.describe(entry->group) : PathSet{};
  }
  static PathSet via(std::string_view gateway) {
    return {.kind = PathKind::forward, .paths = {{IfId(1), *parse_ip(gateway)}}};
  }
  std::string state(size_t feed) { return routes_->show("feeds", Json::object())[feed]["state"].get<std::string>(); }
  /// The last one of that.
  const Incident* told(std::string_view subject, std::string_view kind) const {
    const auto& all = incidents_.all();
    const auto at = std::find_if(all.rbegin(), all.rend(),
                                 [&](const Incident& one) { return one.subject == subject && one.kind == kind; });
    return at == all.rend() ? nullptr : &*at;
  }
  bool stale(size_t feed) { return routes_->show("feeds", Json::object())[feed]["stale"].get<bool>(); }
};

TEST_F(FeedTest, BirdsChoiceIsForwarded) {
  write_router(R"(
protocol bgp one { local 10.1.0.1 as 65000; neighbor 10.1.0.2 as 64501; connect delay time 1; graceful restart on;
  ipv4 { import filter from_one; export none; }; ipv6 { import filter from_one; export none; }; }
protocol bgp two { local 10.1.0.11 as 65000; neighbor 10.1.0.3 as 64501; connect delay time 1; graceful restart on;
  ipv4 { import filter from_two; export none; }; }
protocol bgp unnumbered { local as 65000; neighbor fe80::2%rp as 64503; connect delay time 1; graceful restart on;
  ipv4 { import filter from_two; export none; extended next hop on; }; }
protocol bgp three { local 10.1.0.12 as 65000; neighbor 10.255.0.2 as 65000; multihop; connect delay time 1;
  ipv4 { import filter { floof_peer = 3; accept; }; export none; }; }
protocol static { ipv4; route 10.255.0.2/32 via 10.1.0.2; route 100.80.0.0/24 blackhole; route 100.80.1.0/24 prohibit;
  route 100.80.2.0/24 via 10.1.0.2 via 10.1.0.3; }
protocol static { ipv6; route 2001:db8:80::/48 unreachable; route 2001:db8:81::/48 via 2001:db8:1::2; }
)");
  write_peer(R"(
protocol static s4 { ipv4 { import all; };
  route 100.64.0.0/24 blackhole;
  route 100.64.1.0/24 blackhole { bgp_community.add((65535, 666)); bgp_community.add((65535, 65282)); };
  route 100.64.3.0/24 blackhole;
  route 100.64.9.0/24 blackhole { bgp_large_community.add((4200000000, 3, 1)); };
  route 100.65.0.0/24 blackhole; route 100.66.0.0/24 blackhole; }
protocol static s6 { ipv6; route 2001:db8:100::/48 blackhole; }
protocol bgp one { local 10.1.0.2 as 64501; neighbor 10.1.0.1 as 65000; connect delay time 1; interpret communities off;
  graceful restart on;
  ipv4 { import none; export where net ~ 100.64.0.0/16; }; ipv6 { import none; export all; }; }
protocol bgp two { local 10.1.0.3 as 64501; neighbor 10.1.0.11 as 65000; connect delay time 1; graceful restart on;
  ipv4 { import none; export where net ~ [100.64.0.0/24, 100.64.3.0/24]; }; }
protocol bgp unnumbered { local as 64503; neighbor fe80::1%pr as 65000; connect delay time 1; graceful restart on;
  ipv4 { import none; export where net = 100.65.0.0/24; extended next hop on; }; }
protocol bgp three { local 10.255.0.2 as 65000; neighbor 10.1.0.12 as 65000; multihop; connect delay time 1;
  ipv4 { import none; export where net = 100.66.0.0/24; }; }
)");
  ASSERT_TRUE(peer_.start());
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(wait([&] { return state(0) == "established" && state(1) == "established"; }));
  EXPECT_TRUE(wait([&] { return fib("100.64.0.1").paths.size() == 2; })) << "two sessions, one neighbour AS: ECMP";
  EXPECT_TRUE(wait([&] { return fib("100.65.0.1") == via("fe80::2"); })) << "unnumbered, RFC 8950";
  EXPECT_TRUE(wait([&] { return fib("100.66.0.1") == via("10.1.0.2"); })) << "iBGP, resolved over the feed table";
  // Sessions come up in any order.
  EXPECT_TRUE(wait([&] { return fib("100.64.1.1").kind == PathKind::blackhole; })) << "RTBH with NO_ADVERTISE";
  EXPECT_TRUE(wait([&] { return fib("100.64.9.1") == via("10.1.0.2"); }))
      << "a neighbour's private communities say nothing to us";
  EXPECT_TRUE(wait([&] { return fib("2001:db8:100::1") == via("2001:db8:1::2"); }));
  EXPECT_TRUE(wait([&] { return fib("100.80.0.1").kind == PathKind::blackhole; }));
  EXPECT_TRUE(wait([&] { return fib("100.80.1.1").kind == PathKind::prohibit; }));
  EXPECT_TRUE(wait([&] { return fib("100.80.2.1").paths.size() == 2; }));
  EXPECT_TRUE(wait([&] { return fib("2001:db8:80::1").kind == PathKind::unreachable; }));
  EXPECT_TRUE(wait([&] { return fib("2001:db8:81::1") == via("2001:db8:1::2"); }));
  EXPECT_TRUE(wait([&] {
    const PathSet changed = fib("100.64.3.1");
    return std::any_of(changed.paths.begin(), changed.paths.end(),
                       [](const ip::Path& path) { return path.gateway == *parse_ip("10.1.0.77"); });
  })) << "a next hop that the import policy changed";

  const Json rows = routes_->show("route", {{"address", "100.66.0.9"}});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["prefix"], "100.66.0.0/24");
  EXPECT_EQ(rows[0]["candidates"][0]["detail"], "three");
  EXPECT_EQ(rows[0]["fib"]["paths"][0]["gateway"], "10.1.0.2");

  // A session down takes its member, withdrawal takes the route.
  ASSERT_TRUE(peer_.ask("disable two"));
  ASSERT_TRUE(peer_.ask("disable unnumbered"));
  EXPECT_TRUE(wait([&] { return fib("100.64.0.1") == via("10.1.0.2"); }));
  EXPECT_TRUE(wait([&] { return fib("100.65.0.1").kind == PathKind::drop; }));
}

TEST_F(FeedTest, WhatIsOtherwiseThanBirdHasItIsFound) {
  write_router(R"(
protocol bgp one { local 10.1.0.1 as 65000; neighbor 10.1.0.2 as 64501; connect delay time 1;
  ipv4 { import filter from_one; export none; }; ipv6 { import filter from_one; export none; }; }
)");
  write_peer(R"(
protocol static { ipv4; route 100.64.0.0/24 blackhole; route 100.65.0.0/24 blackhole; }
protocol static { ipv6; route 2001:db8:100::/48 blackhole; }
protocol bgp one { local 10.1.0.2 as 64501; neighbor 10.1.0.1 as 65000; connect delay time 1;
  ipv4 { import none; export all; }; ipv6 { import none; export all; }; }
)");
  ASSERT_TRUE(peer_.start());
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(wait([&] { return state(0) == "established" && state(1) == "established"; }));
  ASSERT_TRUE(wait([&] {
    return rib_.count(Source::feed_best, Family::ip4) == 2 && rib_.count_paths(Family::ip4) == 2 &&
           rib_.count_paths(Family::ip6) == 1;
  }));
  const auto look = [&](uint64_t run) {
    routes_->show("route-verify", {{"begin", true}});
    Json bird;
    EXPECT_TRUE(wait([&] {
      bird = routes_->show("route-verify", Json::object())["bird"];
      return bird["runs"] == run;
    }));
    return bird;
  };
  const Json good = look(1);
  EXPECT_EQ(good["routes"], 6) << "three of each feed";
  EXPECT_EQ(good["wrong"], 0) << good.dump();
  EXPECT_EQ(good["changed"], 0);
  EXPECT_EQ(told("route", "repair of routes of BIRD"), nullptr);

  const BgpPath wrong{.next_hop = {IfId(1), *parse_ip("10.1.0.99")}, .peer = 1};
  const auto prefix = [](std::string_view text) { return *parse_prefix(text); };
  rib_.set_best(prefix("100.64.0.0/24"), wrong);
  rib_.set_best(prefix("100.99.0.0/24"), wrong);
  rib_.set_path(prefix("100.99.0.0/24"), 77, wrong);
  rib_.set_path(prefix("100.65.0.0/24"), 77, wrong);
  rib_.remove_best(prefix("2001:db8:100::/48"));
  ASSERT_TRUE(wait([&] { return fib("100.99.0.1") == via("10.1.0.99"); }));
  const Json found = look(2);
  EXPECT_EQ(found["wrong"], 5) << found.dump();
  EXPECT_EQ(found["changed"], 0);
  EXPECT_EQ(found["prefixes"].size(), 5u);
  EXPECT_TRUE(wait([&] { return fib("100.64.0.1") == via("10.1.0.2"); }));
  EXPECT_TRUE(wait([&] { return fib("100.99.0.1").kind == PathKind::drop; }));
  EXPECT_EQ(rib_.count_paths(Family::ip4), 2u);
  EXPECT_EQ(rib_.count(Source::feed_best, Family::ip6), 1u);
  EXPECT_TRUE(wait([&] { return told("route", "repair of routes of BIRD") != nullptr; }));
  const Json again = look(3);
  EXPECT_EQ(again["wrong"], 0);
  EXPECT_EQ(again["wrong-since-start"], 5);
}

TEST_F(FeedTest, APrefixMovesBetweenBgpAndStaticWithoutAGap) {
  write_router(R"(
protocol bgp one { local 10.1.0.1 as 65000; neighbor 10.1.0.2 as 64501; connect delay time 1;
  ipv4 { import filter from_one; export none; }; }
protocol bgp two { local 10.1.0.11 as 65000; neighbor 10.1.0.3 as 64501; connect delay time 1;
  ipv4 { import filter from_two; export none; }; }
protocol static fixed { ipv4; route 100.64.0.0/24 via 10.1.0.4; }
protocol static second { ipv4 { preference 300; }; route 100.64.0.0/24 via 10.1.0.5; }
)");
  write_peer(R"(
protocol static s4 { ipv4; route 100.64.0.0/24 blackhole; }
protocol bgp one { local 10.1.0.2 as 64501; neighbor 10.1.0.1 as 65000; connect delay time 1; ipv4 { import none; export all; }; }
protocol bgp two { local 10.1.0.3 as 64501; neighbor 10.1.0.11 as 65000; connect delay time 1; ipv4 { import none; export all; }; }
)");
  ASSERT_TRUE(peer_.start());
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(wait([&] { return rib_.count_paths(Family::ip4) == 2; }));
  ASSERT_EQ(fib("100.64.0.1"), via("10.1.0.5"));
  const auto present = [&] { ASSERT_EQ(fib("100.64.0.1").kind, PathKind::forward); };
  for (int round = 0; round < 6; round++) {
    for (const auto* step :
         {"disable fixed", "disable second", "enable second", "disable second", "disable one", "enable fixed",
          "enable second", "disable fixed", "enable one", "disable second", "enable fixed", "enable second"}) {
      ASSERT_TRUE(bird_.ask(step));
      run_for(std::chrono::milliseconds(round < 3 ? 5 : 120), present);
      ASSERT_FALSE(HasFatalFailure()) << round << " " << step;
    }
    ASSERT_TRUE(wait([&] { return rib_.count_paths(Family::ip4) == 2; }));
  }
  EXPECT_TRUE(
      wait([&] { return fib("100.64.0.1") == via("10.1.0.5") && !rib_.find(*parse_prefix("100.64.0.0/24"))->held; }));
}

TEST_F(FeedTest, AShownPrefixHasItsOwnFibEntry) {
  const auto fib_of = [&](const char* what, const char* text) {
    return routes_->show("route", {{what, text}})[0]["fib"]["prefix"].get<std::string>();
  };
  rib_.set(Source::local, *parse_prefix("10.1.0.0/32"), {.kind = PathKind::local, .next_hops = {{IfId(1), {}}}});
  rib_.set(Source::feed_table, *parse_prefix("0.0.0.0/0"), {.kind = PathKind::blackhole});
  rib_.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(fib_of("prefix", "10.1.0.0/24"), "10.1.0.0/24");
  EXPECT_EQ(fib_of("prefix", "10.1.0.0/32"), "10.1.0.0/32");
  EXPECT_EQ(fib_of("prefix", "0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(fib_of("address", "10.1.0.0"), "10.1.0.0/32");
  EXPECT_EQ(fib_of("address", "10.1.0.7"), "10.1.0.0/24");
  EXPECT_EQ(fib_of("address", "10.2.0.0"), "0.0.0.0/0");
  // Asked for and known, but nothing forwards it: what covers it does, and not the host route at its own address.
  const Prefix subnet = *parse_prefix("10.1.0.0/24");
  rib_.remove(Source::connected, subnet);
  rib_.set(Source::connected, subnet, {.kind = PathKind::connected});
  rib_.settle(std::chrono::steady_clock::now());
  EXPECT_EQ(fib_of("prefix", "10.1.0.0/24"), "0.0.0.0/0");
  for (const auto* row : {"10.1.0.0/24", "0.0.0.0/0"}) {
    rib_.remove(Source::feed_table, *parse_prefix(row));
  }
  ASSERT_TRUE(wait([&] { return routes_->show("route", {{"prefix", "10.1.0.0/24"}})[0]["fib"].is_null(); }));
}

constexpr uint32_t kMany = 100'000;

/// 100000 /24 from 20.0.0.0 on, without the first `left_out`.
std::string many_routes(uint32_t left_out) {
  std::string out = "protocol static s4 { ipv4; route 100.64.0.0/24 blackhole;\n";
  for (uint32_t i = left_out; i < kMany; i++) {
    out += fmt::format("route {}.{}.{}.0/24 blackhole;\n", 20 + (i >> 16), i >> 8 & 255, i & 255);
  }
  return out + R"(}
protocol bgp one { local 10.1.0.2 as 64501; neighbor 10.1.0.1 as 65000; connect delay time 1; graceful restart on;
  ipv4 { import none; export all; }; }
)";
}

TEST_F(FeedTest, ACrashOfBirdLosesNoRoute) {
  write_router(R"(
protocol bgp one { local 10.1.0.1 as 65000; neighbor 10.1.0.2 as 64501; connect delay time 1; graceful restart on;
  ipv4 { import filter from_one; export none; }; }
)");
  write_peer(many_routes(0));
  ASSERT_TRUE(peer_.start());
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(wait([&] { return rib_.count(Source::feed_best, Family::ip4) != 0; }));
  const auto start = std::chrono::steady_clock::now();
  const auto all_there = [&] {
    return tables_.routes(Family::ip4) == kMany + 2 && rib_.count_paths(Family::ip4) == kMany + 1;
  };
  ASSERT_TRUE(wait(all_there));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{} routes over both feeds: {:.2f} s after the first\n", kMany, took.count());

  // Crash. Meanwhile the neighbour loses 1000 routes.
  const auto nothing_lost = [&] { ASSERT_GE(tables_.routes(Family::ip4), kMany + 2 - 1000); };
  bird_.signal(SIGKILL);
  write_peer(many_routes(1000));
  ASSERT_TRUE(wait([&] { return state(0) == "waiting" && state(1) == "waiting"; }));
  ASSERT_TRUE(peer_.ask("configure"));
  run_for(500ms, [&] { ASSERT_EQ(tables_.routes(Family::ip4), kMany + 2); });
  EXPECT_TRUE(stale(0) && stale(1));
  for (const auto* feed : {"feed-best", "feed-all"}) {
    ASSERT_NE(told(feed, "feed lost"), nullptr) << feed;
    EXPECT_EQ(told(feed, "feed lost")->ended, 0);
    EXPECT_TRUE(told(feed, "feed lost")->cause.starts_with("no session with BIRD: ")) << told(feed, "feed lost")->cause;
  }
  ASSERT_TRUE(bird_.start("-R"));
  ASSERT_TRUE(wait([&] {
    nothing_lost();
    return !stale(0) && !stale(1);
  })) << "swept at the End-of-RIB of the recovered feed";
  ASSERT_TRUE(wait([&] { return tables_.routes(Family::ip4) == kMany + 2 - 1000; }));
  run_for(300ms, nothing_lost);
  EXPECT_EQ(rib_.count_paths(Family::ip4), kMany + 1 - 1000);
  for (const auto* feed : {"feed-best", "feed-all"}) {
    EXPECT_NE(told(feed, "feed lost")->ended, 0) << feed;
    ASSERT_NE(told(feed, "graceful restart"), nullptr) << feed;
    EXPECT_EQ(told(feed, "graceful restart")->cause, "BIRD came back in graceful restart");
    EXPECT_NE(told(feed, "graceful restart")->ended, 0) << feed;
    ASSERT_NE(told(fmt::format("{} IPv4", feed), "old routes removed"), nullptr) << feed;
    EXPECT_EQ(told(fmt::format("{} IPv4", feed), "old routes removed")->cause,
              "1000 IPv4 routes of before were removed, as BIRD did not tell them again");
  }

  // A fresh start: End-of-RIB comes at once and proves nothing.
  bird_.signal(SIGKILL);
  ASSERT_TRUE(wait([&] { return state(0) == "waiting" && state(1) == "waiting"; }));
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(wait([&] { return state(0) == "established" && state(1) == "established"; }));
  run_for(5000ms, nothing_lost);
  EXPECT_TRUE(stale(0)) << "until the limit";
  EXPECT_TRUE(told("feed-best", "graceful restart")->cause.starts_with("BIRD was started afresh"));
  EXPECT_EQ(told("feed-best", "graceful restart")->ended, 0);
  EXPECT_EQ(rib_.count_paths(Family::ip4), kMany + 1 - 1000) << "the same paths, whatever their ids";
}

TEST_F(FeedTest, ALivingBirdThatEndsTheSessionIsBackAtOnce) {
  write_router(R"(
protocol bgp one { local 10.1.0.1 as 65000; neighbor 10.1.0.2 as 64501; connect delay time 1;
  ipv4 { import filter from_one; export none; }; }
)");
  write_peer(R"(
protocol static s4 { ipv4; route 100.64.0.0/24 blackhole; }
protocol bgp one { local 10.1.0.2 as 64501; neighbor 10.1.0.1 as 65000; connect delay time 1; ipv4 { import none; export all; }; }
)");
  ASSERT_TRUE(peer_.start());
  ASSERT_TRUE(bird_.start());
  ASSERT_TRUE(
      wait([&] { return rib_.count_paths(Family::ip4) == 1 && rib_.count(Source::feed_best, Family::ip4) == 1; }));
  const auto present = [&] { ASSERT_EQ(fib("100.64.0.1"), via("10.1.0.2")); };
  for (const auto* command : {"restart feed_best", "restart feed_all"}) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(bird_.ask(command));
    ASSERT_TRUE(wait([&] {
      present();
      return state(0) != "established" || state(1) != "established";
    }));
    ASSERT_TRUE(wait([&] {
      present();
      return state(0) == "established" && state(1) == "established";
    }));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("{}: back after {:.2f} s\n", command, took.count());
  }
}

}  // namespace
}  // namespace floof::route
