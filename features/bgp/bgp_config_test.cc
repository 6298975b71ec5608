// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cctype>

#include "config/test_support.h"
#include "features/bgp/bgp.h"
#include "features/bgp/reason.h"

namespace floof::bgp {

const config::Feature& config_feature();

namespace {

using config::test::complaints;
using config::test::config_of;
using config::test::Strings;

constexpr std::string_view kBase = R"(set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface e0 address 2001:db8::1/64
set interface loop0 address 198.51.100.1/32
set bgp asn 65000
)";

Strings judge(std::string_view lines) { return complaints(config_feature(), std::string(kBase) + std::string(lines)); }

TEST(BgpConfig, AcceptsWhatIsRight) {
  EXPECT_EQ(judge(R"(set bgp policy p import prefix 10.0.0.0/8 le 24
set bgp policy p export prefix 2001:db8::/32 ge 40
set bgp peer a remote-as 64500
set bgp peer a neighbor 192.0.2.254
set bgp peer a policy p
set bgp peer b remote-as 64501
set bgp peer b neighbor 203.0.113.1
set bgp peer b multihop 2
set bgp peer c remote-as 65000
set bgp peer c neighbor 203.0.113.2
set bgp peer c source 198.51.100.1
set bgp peer c route-reflector-client
set bgp peer d remote-as 64502
set bgp peer d interface e0
set bgp peer e remote-as 64503
set bgp peer e neighbor fe80::5
set bgp peer e interface e0
)"),
            Strings{});
  EXPECT_EQ(complaints(config_feature(), "set interface e0 device null"), Strings{});
}

TEST(BgpConfig, Peers) {
  const std::string a = "set bgp peer a remote-as 64500\n";
  EXPECT_EQ(judge(a), Strings{"bgp peer a: neither neighbor nor interface says where the peer is"});
  EXPECT_EQ(judge(a + "set bgp peer a neighbor 203.0.113.1"),
            Strings{"bgp peer a neighbor 203.0.113.1: is on no connected subnet (e0 192.0.2.0/24)"});
  EXPECT_EQ(judge(a + "set bgp peer a neighbor 192.0.2.1"),
            Strings{"bgp peer a neighbor 192.0.2.1: is an address of this router"});
  EXPECT_EQ(judge(a + "set bgp peer a neighbor 192.0.2.255"),
            Strings{"bgp peer a neighbor 192.0.2.255: is the broadcast address of 192.0.2.0/24"});
  EXPECT_EQ(judge(a + "set bgp peer a neighbor 127.0.0.2"),
            Strings{"bgp peer a neighbor 127.0.0.2: is not the address of another router"});
  EXPECT_EQ(judge(a + "set bgp peer a neighbor fe80::2"),
            Strings{"bgp peer a neighbor fe80::2: is a link-local address, which every link has"});
  EXPECT_EQ(judge(a + "set bgp peer a interface loop0"),
            Strings{"bgp peer a interface loop0: nobody is on a loopback"});
  EXPECT_EQ(judge(a + "set bgp peer a interface e0\nset bgp peer a multihop 2"),
            Strings{"bgp peer a multihop: an unnumbered peer is on the link"});
  const std::string near = a + "set bgp peer a neighbor 192.0.2.2\n";
  EXPECT_EQ(judge(near + "set bgp peer b remote-as 1\nset bgp peer b neighbor 192.0.2.2"),
            Strings{"bgp peer b neighbor 192.0.2.2: peer a has the same address"});
  EXPECT_EQ(judge(near + "set bgp peer a source 192.0.2.9"),
            Strings{"bgp peer a source 192.0.2.9: is not an address of this router"});
  EXPECT_EQ(judge(near + "set bgp peer a source 2001:db8::1"),
            Strings{"bgp peer a source 2001:db8::1: is of another family than the neighbor's address"});
  EXPECT_EQ(
      judge(near + "set bgp peer a route-reflector-client"),
      Strings{
          "bgp peer a route-reflector-client: only an internal peer (with this router's AS number) can be a client"});
  EXPECT_EQ(judge(near + "set bgp peer a hold-time 30\nset bgp peer a keepalive 30"),
            Strings{"bgp peer a keepalive: keepalives each 30 s are too rare for a hold time of 30 s"});
}

TEST(BgpConfig, NumbersAndIds) {
  EXPECT_EQ(judge("set bgp asn 23456"), Strings{"bgp asn: AS 23456 is reserved (RFC 6793, RFC 7300)"});
  EXPECT_EQ(judge("set bgp asn 4200000000"), Strings{"bgp asn: AS 4200000000 is used between BIRD and the dataplane"});
  EXPECT_EQ(judge("set bgp router-id 0.0.0.0"), Strings{"bgp router-id 0.0.0.0: is not the address of a host"});
  EXPECT_EQ(complaints(config_feature(),
                       "set interface e0 device null\nset interface e0 address 2001:db8::1/64\n"
                       "set bgp peer a remote-as 1\nset bgp peer a neighbor 2001:db8::2"),
            (Strings{"bgp asn: is missing, but there are peers",
                     "bgp router-id: is missing, and no interface has an IPv4 address to take it from"}));
  EXPECT_EQ(judge("set bgp prefix ff00::/8"), Strings{"bgp prefix ff00::/8: is not a unicast prefix"});
}

TEST(BgpConfig, Policies) {
  EXPECT_EQ(judge("set bgp policy p import prefix 10.0.0.0/8 le 33"),
            Strings{"bgp policy p import prefix 10.0.0.0/8: ge and le are at most 32 in this family"});
  EXPECT_EQ(judge("set bgp policy p export prefix 10.0.0.0/8 ge 7"),
            Strings{"bgp policy p export prefix 10.0.0.0/8: ge and le are at least the prefix's own length 8"});
  EXPECT_EQ(judge("set bgp policy p import prefix 10.0.0.0/8 ge 24\nset bgp policy p import prefix 10.0.0.0/8 le 16"),
            Strings{"bgp policy p import prefix 10.0.0.0/8: le 16 is smaller than ge 24, so nothing matches"});
  EXPECT_EQ(judge("set bgp policy p import next-hop ff02::1"),
            Strings{"bgp policy p import next-hop ff02::1: is not the address of a router"});
}

TEST(BgpConfig, TestsMayExpectEveryReason) {
  const auto complete = config::complete(config::test::tree_of(""), config::test::words("bgp test t expect reject"), "",
                                         config::CompletionMode::set);
  Strings offered, reasons{"any: For every reason"};
  for (const config::Option& option : complete.options) {
    offered.push_back(option.word + ": " + option.help);
  }
  for (uint32_t code = 0; code < 1000; code++) {
    if (const auto reason = reason_of(code)) {
      std::string text(text_of(*reason));
      text[0] = static_cast<char>(std::toupper(text[0]));
      reasons.push_back(fmt::format("{}: {}", name_of(*reason), text));
    }
  }
  EXPECT_EQ(offered, reasons);
}

TEST(BgpConfig, ShutdownMessagesArriveAsTheyAre) {
  const auto error = [](const std::string& message) {
    const auto done = config::test::tree_of("").edit(
        std::vector<std::string>{"set", "bgp", "peer", "a", "shutdown-message", message});
    return done ? std::string() : done.error().reason;
  };
  EXPECT_EQ(error("back at 22:00 \\ 'sorry' \xc3\xbc $x %s"), "");
  EXPECT_EQ(error("a \"quoted\" word"), "the message has a double quote, which BIRD cannot send");
  EXPECT_EQ(error(std::string(255, 'x')), "");
  EXPECT_EQ(error(std::string(256, 'x')), "the message has 256 octets, and a neighbour reads at most 255");
  std::string umlauts;
  for (int i = 0; i < 128; i++) {
    umlauts += "\xc3\xbc";
  }
  EXPECT_EQ(error(umlauts), "the message has 256 octets, and a neighbour reads at most 255");
  EXPECT_NE(error("two\nlines").find("one line"), std::string::npos);
}

TEST(BgpConfig, MessagesAreInTheWordsOfTheField) {
  const auto error = [](std::string_view line) {
    const auto done = config::test::tree_of("").edit(config::test::words(line));
    return done ? std::string() : done.error().text();
  };
  EXPECT_NE(error("set bgp blocklist url \"http://a b\"").find("A URL has no blanks"), std::string::npos);
  EXPECT_NE(error("set bgp blocklist url a.b.c.d.e").find("A URL begins with"), std::string::npos);
  EXPECT_NE(error("set bgp peer a import as-set").find("give an AS set"), std::string::npos);
  const auto judged = config::test::tree_of(
                          "set bgp test t route 192.0.2.0/24\nset bgp test t from a\n"
                          "set bgp test t expect local-pref 100\nset bgp peer a remote-as 1\n"
                          "set bgp peer a policy p\nset bgp policy p role peer\n"
                          "deactivate bgp policy p\n")
                          .validate();
  Strings texts;
  for (const Error& one : judged) {
    texts.push_back(one.text());
  }
  EXPECT_EQ(texts, (Strings{"bgp test t expect: accept or reject is missing; set bgp test t expect accept|reject",
                            "bgp peer a policy p: policy p is inactive; activate bgp policy p"}));
}

TEST(BgpConfig, WarnsOfPeersWithoutPolicy) {
  const auto config = config_of(std::string(kBase) +
                                "set bgp peer a remote-as 64500\nset bgp peer a neighbor 192.0.2.2\n"
                                "set bgp peer i remote-as 65000\nset bgp peer i neighbor 192.0.2.3");
  const auto warnings = config_feature().warnings(config);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("RFC 8212"), std::string::npos);
}

TEST(BgpConfig, DesiredPeersAreNumberedByName) {
  const auto config = config_of(std::string(kBase) +
                                "set bgp peer zeta remote-as 65000\nset bgp peer zeta neighbor 192.0.2.3\n"
                                "set bgp peer alpha remote-as 1\nset bgp peer alpha neighbor 192.0.2.2\n");
  nlohmann::json desired;
  config_feature().desired(config, desired);
  EXPECT_EQ(
      desired["route"]["peers"],
      nlohmann::json::parse(R"([{"id":1,"name":"alpha","internal":false},{"id":2,"name":"zeta","internal":true}])"));
  EXPECT_TRUE(peer_ids(nlohmann::json()).empty());
  EXPECT_TRUE(peer_ids(nlohmann::json::parse(R"({"bgp":{"peer":[7,{"name":5}]}})")).empty());
}

}  // namespace
}  // namespace floof::bgp
