// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/route_show.h"

#include <gtest/gtest.h>

#include "features/route/audit/audit_show.h"
#include "shell/fake_context.h"

namespace floof::route {
namespace {

using shell::Json;

const Json kRoutes = Json::parse(R"([
  {"prefix":"10.0.0.0/8","held":false,"age-s":3723,
   "candidates":[
     {"source":"feed-table","chosen":false,"stale":true,"protocol":"ospf","type":"E2","preference":150,"metric":10000,
      "detail":"","kind":"forward","next-hops":[{"gateway":"198.51.100.9","interface":"e1"}]},
     {"source":"feed-best","chosen":true,"stale":false,"protocol":"bgp","preference":100,"local-pref":120,"metric":0,
      "detail":"upstream-a","kind":"forward",
      "next-hops":[{"gateway":"192.0.2.254","interface":"e0"},{"gateway":"192.0.2.253","interface":"e0"}]}],
   "fib":{"prefix":"10.0.0.0/8","kind":"forward","paths":[
     {"interface":"e0","gateway":"192.0.2.254","mac":"02:00:00:00:00:fe","state":"reachable","buckets":8},
     {"interface":"e0","gateway":"192.0.2.253","mac":null,"state":"incomplete","buckets":8}]}},
  {"prefix":"203.0.113.0/24","held":true,"age-s":null,
   "candidates":[{"source":"feed-table","chosen":true,"stale":false,"protocol":"static","preference":200,"metric":0,
                  "kind":"blackhole","next-hops":[]}],
   "fib":{"prefix":"203.0.113.0/24","kind":"blackhole","paths":[]}}])");

TEST(RouteShow, TableMarksWhatPacketsUse) {
  shell::Table::Flow flow;
  EXPECT_EQ(render_routes(kRoutes, flow),
            "     Prefix          Protocol        Pref  Metric  Age       Next hop\n"
            " s   10.0.0.0/8      ospf E2          150   10000            via 198.51.100.9 on e1\n"
            "*                    bgp upstream-a   100          01:02:03  via 192.0.2.254 on e0\n"
            "                                                             via 192.0.2.253 on e0\n"
            "* h  203.0.113.0/24  static           200                    blackhole\n");
}

constexpr const char* kTenText =
    "  *: used by packets, s: stale, h: held\n"
    "    s  ospf E2, preference 150, metric 10000, stale\n"
    "        via 198.51.100.9 on e1\n"
    "   *   bgp upstream-a, preference 100, local pref 120\n"
    "        via 192.0.2.254 on e0\n"
    "        via 192.0.2.253 on e0\n"
    "  FIB: 10.0.0.0/8, forward\n"
    "    via 192.0.2.254 on e0, MAC 02:00:00:00:00:fe, reachable, 8 of 16 buckets\n"
    "    via 192.0.2.253 on e0, incomplete, 8 of 16 buckets\n";

TEST(RouteShow, LookupShowsCandidatesAndAdjacencies) {
  EXPECT_EQ(render_lookup(Json::array({kRoutes[0]}), "10.0.0.1"),
            std::string("10.0.0.1: longest match 10.0.0.0/8, for 01:02:03\n") + kTenText);
  EXPECT_EQ(render_lookup(Json::array(), "10.9.9.9"), "10.9.9.9: no route; packets to it are dropped\n");
}

TEST(RouteShow, APrefixTellsOfThoseAroundIt) {
  EXPECT_EQ(render_prefix({{"routes", {kRoutes[0]}}, {"covering", nullptr}, {"more-specific", 3}}, "10.0.0.0/8"),
            std::string("10.0.0.0/8, for 01:02:03\n") + kTenText +
                "3 more specific: show ip route 10.0.0.0/8 longer-prefixes\n");
  EXPECT_EQ(render_prefix({{"routes", Json::array()}, {"covering", kRoutes[0]}, {"more-specific", 0}}, "10.1.0.0/16"),
            std::string("10.1.0.0/16: no route to exactly this prefix; packets to it use 10.0.0.0/8\n"
                        "10.0.0.0/8, for 01:02:03\n") +
                kTenText);
  EXPECT_EQ(render_prefix({{"routes", Json::array()}, {"covering", nullptr}, {"more-specific", 12}}, "2001:db8::/32"),
            "2001:db8::/32: no route to exactly this prefix; other packets to it are dropped\n"
            "12 more specific: show ip6 route 2001:db8::/32 longer-prefixes\n");
}

TEST(RouteShow, Fib) {
  shell::Table::Flow flow;
  EXPECT_EQ(render_fib(kRoutes, flow),
            "Prefix          Kind       Next hop               MAC                State       Buckets\n"
            "10.0.0.0/8      forward    via 192.0.2.254 on e0  02:00:00:00:00:fe  reachable         8\n"
            "                           via 192.0.2.253 on e0  -                  incomplete        8\n"
            "203.0.113.0/24  blackhole\n");
}

TEST(RouteShow, Feeds) {
  const Json feeds = Json::parse(R"([
    {"name":"feed-best","state":"established","since-ms":93784000,"routes4":12,"routes6":3,"stale":true,"updates":40,
     "restarts":1,"last-error":"connection refused"},
    {"name":"feed-table","state":"following","table":10001,"routes4":2,"routes6":0,"updates":2,"restarts":0,
     "last-error":""}])");
  EXPECT_EQ(render_feeds(feeds),
            "Feed        State                Since       IPv4  IPv6  Updates  Restarts  Last error\n"
            "feed-best   established (stale)  1d02:03:04    12     3       40         1  connection refused\n"
            "feed-table  following            -              2     0        2         0\n");
}

TEST(RouteShow, Summary) {
  EXPECT_EQ(
      render_summary(Json::parse(R"([{"source":"connected","routes4":3,"routes6":2},{"source":"fib","routes4":9}])")),
      "Source     IPv4  IPv6\n"
      "connected     3     2\n"
      "fib           9     0\n");
  EXPECT_EQ(render_summary(Json::parse(R"([{"source":"fib","routes4":9,"routes6":1},{"source":"limits","routes":10,
        "max-routes":2000000,"refused4":3,"refused6":0,"rib-bytes":1572864,"rib-max-bytes":383778816,"rib-not-taken":7,
        "fib4-bytes":1048576,"fib4-max-bytes":268435456,"fib6-bytes":2097152,"fib6-max-bytes":268435456}])")),
            "Source  IPv4  IPv6\n"
            "fib        9     1\n"
            "\n"
            "Forwarding table: 10 of 2000000 prefixes, 3 IPv4 and 0 IPv6 refused\n"
            "Memory: route table 1.5 of 366 MiB, forwarding table IPv4 1.0 of 256 MiB, IPv6 2.0 of 256 MiB\n"
            "Not taken for lack of memory: 7 routes or paths\n");
}

TEST(RouteShow, EachPathNamesItsPeer) {
  const Json route = Json::parse(R"([{"prefix":"10.0.0.0/8","candidates":[{"source":"feed-best","chosen":true,
    "protocol":"bgp","detail":"a","kind":"forward","next-hops":[{"gateway":"192.0.2.1","peer":"a"},
    {"gateway":"192.0.2.2","peer":"b"}]}],"fib":{"prefix":"10.0.0.0/8","kind":"connected","paths":[{"interface":"e0"}]}}])");
  EXPECT_NE(render_lookup(route, "10.0.0.0/8").find("        via 192.0.2.1\n        via 192.0.2.2, peer b\n"),
            std::string::npos)
      << render_lookup(route, "10.0.0.0/8");
  shell::Table::Flow flow;
  EXPECT_EQ(render_fib(route, flow), "Prefix      Kind       Next hop\n10.0.0.0/8  connected  on e0\n");
}

TEST(RouteShow, StrangeDataDoesNoHarm) {
  for (const char* text :
       {"null", "{}", "[1,null]", R"([{"candidates":[3,{"next-hops":[null]}],"fib":{"paths":[[]]}}])"}) {
    const Json data = Json::parse(text);
    shell::Table::Flow flow, fib_flow;
    render_routes(data, flow);
    render_lookup(data, "10.0.0.1");
    render_prefix(data, "10.0.0.0/8");
    render_fib(data, fib_flow);
    render_feeds(data);
    render_summary(data);
  }
}

class RouteCommands : public testing::Test {
 protected:
  RouteCommands() : session(context, terminal, registry(), shell::Session::Kind::script) { context.give(kRoutes); }
  static shell::Registry registry() {
    shell::Registry out;
    register_show(out);
    EXPECT_TRUE(out.unexplained().empty());
    return out;
  }
  Json arguments_of(const std::string& line) {
    EXPECT_EQ(session.run(line), 0) << terminal.errors;
    return context.asked.back()["arguments"];
  }
  shell::FakeContext context;
  shell::FakeTerminal terminal;
  shell::Session session;
};

TEST_F(RouteCommands, AskForWhatWasTyped) {
  EXPECT_EQ(arguments_of("show ip route"), (Json{{"family", 4}, {"limit", 1000}, {"pieces", true}}));
  EXPECT_EQ(arguments_of("show ip6 fib limit 5"), (Json{{"family", 6}, {"limit", 5}, {"pieces", true}}));
  EXPECT_EQ(arguments_of("show ip route 10.0.0.1"), (Json{{"address", "10.0.0.1"}}));
  EXPECT_EQ(arguments_of("show ip route 10.0.0.0/8"), (Json{{"prefix", "10.0.0.0/8"}, {"around", true}}));
  EXPECT_EQ(arguments_of("show ip route 10.0.0.0/8 longer-prefixes limit 7"),
            (Json{{"within", "10.0.0.0/8"}, {"limit", 7}, {"pieces", true}}));
  EXPECT_EQ(arguments_of("show ip6 route fe80::1"), (Json{{"address", "fe80::1"}}));
  EXPECT_EQ(session.run("show ip route sum"), 0);
  EXPECT_EQ(context.asked.back()["what"], "route-summary");
}

TEST_F(RouteCommands, ALimitIsHonest) {
  EXPECT_EQ(session.run("show ip route limit " + std::to_string(kRoutes.size())), 0);
  EXPECT_EQ(terminal.errors, "") << "these are all";
  EXPECT_EQ(session.run("show ip route limit 1"), 0);
  EXPECT_NE(terminal.errors.find("the first 1 are shown; 'limit N' shows more, 'limit all' all, 'longer-prefixes'"),
            std::string::npos)
      << terminal.errors;
  EXPECT_FALSE(arguments_of("show ip fib limit all").contains("limit"));
}

TEST_F(RouteCommands, ExplainMistakes) {
  EXPECT_EQ(session.run("show ip route fe80::1"), 1);
  EXPECT_EQ(session.run("show ip route 10.0.0.0/40"), 1);
  EXPECT_EQ(session.run("show ip route nonsense"), 1);
  EXPECT_EQ(session.run("show ip route limit x"), 1);
  EXPECT_NE(terminal.errors.find("fe80::1: is IPv6; use 'show ip6 ...'"), std::string::npos) << terminal.errors;
  EXPECT_NE(terminal.errors.find("10.0.0.0/40"), std::string::npos) << terminal.errors;
  EXPECT_NE(terminal.errors.find("expected an address (longest match) or a prefix (exact)"), std::string::npos);
  EXPECT_NE(terminal.errors.find("limit x: is neither a number from 1 on"), std::string::npos);
  EXPECT_EQ(session.run("show ip route 10.0.0.1 longer-prefixes"), 1);
  EXPECT_EQ(session.run("show ip route 10.0.0.0/8 limit 3"), 1);
}

TEST(RouteShow, WhatWasVerified) {
  Json audit = Json::parse(R"({"passes":3,"wrong":0,"not-repaired":0,"kept-wrong":0,"latest":"","last-fault-s":null,
    "last":{"routes":12,"groups":3,"wrong":0,"repaired":0,"kept-wrong":0,"faults":[],"age-ms":10,"took-ms":1200},
    "kernel":{"runs":2,"changed":0,"age-ms":300,"took-ms":1},
    "bird":{"runs":1,"age-ms":100,"took-ms":2500,"routes":24,"wrong":0,"changed":0,"prefixes":[],
            "wrong-since-start":0}})");
  EXPECT_EQ(render_verify(audit),
            "12 routes and 3 groups of next hops were looked at in 1.2 s: packets use what the route table says\n"
            "A restart of the dataplane would use what BIRD has told of BGP\n"
            "BIRD told its 24 routes of BGP again 0.1 s ago, which took 2.5 s: all were here\n"
            "Linux's routes were compared 0.3 s ago, which took 1 ms: all are known; since start 0 had changed without "
            "a word\n");
  audit["bird"].update({{"wrong", 2}, {"changed", 5}, {"prefixes", {"10.0.0.0/8"}}, {"wrong-since-start", 3}});
  const std::string found = render_verify(audit);
  EXPECT_NE(found.find("2 were not here so, and are put right; 5 more were other ones, or have changed meanwhile\n"
                       "  10.0.0.0/8\n"
                       "  since the dataplane started 3 were not here as BIRD has them\n"),
            std::string::npos)
      << found;
  audit["bird"] = nullptr;
  EXPECT_EQ(render_verify(audit).find("BIRD told"), std::string::npos) << "without feeds";
}

}  // namespace
}  // namespace floof::route
