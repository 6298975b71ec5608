// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/test_support.h"
#include "features/bgp/bgp.h"

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

/// BIRD writes them, as root: no name leads out of the folder for dumps.
TEST(BgpConfig, DumpsStayInTheirFolder) {
  for (const char* name : {"%N_%F_%T.mrt", "a", "rib.v4-%Y%m%dT%H%M%S", "_..x", "%s"}) {
    config_of(std::string("set bgp mrt d file ") + name);
  }
  for (const char* name : {"/etc/passwd", "..",        ".",       ".hidden", "../x",
                           "a/b",         "a/../../b", "a/",      "%",       "a%",
                           "%D",          "a%Db",      "%%",      "%n",      "%c",
                           "%N/../x",     "a\\b",      "\"a b\"", "\"\"",    "/var/log/floofos/x"}) {
    const auto loaded = config::load(config::Tree(config::test::schema()), std::string("set bgp mrt d file ") + name,
                                     config::TextFormat::set);
    EXPECT_FALSE(loaded.errors.empty()) << name;
  }
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
