// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cctype>

#include "config/test_support.h"
#include "features/bgp/bgp.h"
#include "features/policy/reason.h"

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

TEST(BgpConfig, DumpsLeaveOutIp6NextHopsOfIp4) {
  const std::string peer =
      std::string(kBase) +
      "set bgp peer un remote-as 64500\nset bgp peer un interface e0\nset bgp peer un import accept "
      "all\nset bgp peer un export accept all\nset bgp peer un role peer\n";
  const auto told = [&](const char* dump) { return config_feature().warnings(config_of(peer + dump)); };
  EXPECT_EQ(told(""), Strings{});
  EXPECT_EQ(told("set bgp mrt six table ip6"), Strings{});
  EXPECT_EQ(told("set bgp mrt four interval 60"),
            Strings{"bgp mrt four: BIRD leaves out next hops of IPv4 routes that are IPv6 addresses, as those of un"});
}

TEST(BgpConfig, BfdOverSeveralHopsNeedsOurAddress) {
  const std::string near = "set bgp peer i remote-as 65000\nset bgp peer i neighbor 192.0.2.9\nset bgp peer i bfd\n";
  EXPECT_EQ(judge(near), Strings{});
  const Strings wanted{
      "bgp peer i bfd: over several hops BFD has to know which of our addresses the neighbour watches"};
  EXPECT_EQ(judge(near + "set bgp peer i multihop 2"), wanted);
  const std::string far = "set bgp peer i remote-as 65000\nset bgp peer i neighbor 203.0.113.9\nset bgp peer i bfd\n";
  EXPECT_EQ(judge(far), wanted);
  EXPECT_EQ(judge(far + "set bgp peer i source 198.51.100.1"), Strings{});
}

TEST(BgpConfig, RemediesNameWhereTheLeafStands) {
  const auto remedy = [](std::string_view lines) {
    const auto errors = config_feature().validate(config_of(std::string(kBase) + std::string(lines)));
    return errors.empty() ? std::string() : errors[0].remedy;
  };
  const std::string peer = "set bgp peer i remote-as 65000\nset bgp peer i neighbor 203.0.113.1\n";
  EXPECT_EQ(remedy(peer + "set bgp peer i role customer"), "delete bgp peer i role");
  EXPECT_EQ(remedy(peer + "set bgp policy p role customer\nset bgp peer i policy p"),
            "delete bgp policy p role, or give peer i another policy");
  EXPECT_EQ(remedy(peer + "set bgp policy p route-server-client\nset bgp peer i policy p"),
            "delete bgp policy p route-server-client, or give peer i another policy");
  EXPECT_EQ(remedy(peer + "set bgp policy p local-as 7\nset bgp peer i policy p"),
            "delete bgp policy p local-as, or give peer i another policy, or give the peer's real AS number");
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

TEST(BgpConfig, ChecksThatCannotBeMade) {
  const std::string a = "set bgp peer a remote-as 64500\nset bgp peer a neighbor 192.0.2.2\nset bgp peer a policy p\n";
  const std::string aspa = a + "set bgp policy p import filter aspa true\n";
  EXPECT_EQ(judge(aspa),
            Strings{"bgp peer a import filter aspa: without a role nobody knows whether the path has to run "
                    "up or down"});
  EXPECT_EQ(judge(aspa + "set bgp peer a role peer"), Strings{});
  EXPECT_EQ(judge(aspa + "set bgp peer a import filter aspa false"), Strings{});
  EXPECT_EQ(judge(aspa + "set bgp peer a import trust"), Strings{});
  const std::string subnet = a + "set bgp policy p import filter next-hop subnet\n";
  EXPECT_EQ(judge(subnet), Strings{});
  EXPECT_EQ(judge(subnet + "set bgp peer a multihop 2"),
            Strings{"bgp peer a import filter next-hop subnet: a peer over several hops is on no connected subnet"});
}

TEST(BgpConfig, WarnsOnceOfPeersWhoseLeaksNobodyNotices) {
  const auto warned = [](std::string_view lines) {
    std::string out;
    for (const auto& [peer, host] : {std::pair("a", 2), {"b", 3}, {"c", 4}, {"d", 5}}) {
      out += fmt::format(
          "set bgp peer {0} remote-as 64500\nset bgp peer {0} neighbor 192.0.2.{1}\n"
          "set bgp peer {0} policy p\n",
          peer, host);
    }
    return config_feature().warnings(config_of(std::string(kBase) + out + std::string(lines)));
  };
  const auto all = warned("set bgp policy p import accept all");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_NE(all[0].find("of a, b, c, ...;"), std::string::npos) << all[0];
  const auto one = warned(
      "set bgp policy p import accept all\n"
      "set bgp peer a role peer\nset bgp peer b import as-set AS-B\nset bgp peer c import filter transit-asns false");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_NE(one[0].find("of d;"), std::string::npos) << one[0];
  for (const char* enough : {"role customer", "import accept none", "import trust", "import prefix 45.0.0.0/8 le 24",
                             "import filter transit-asns true", "import as-set-auto"}) {
    EXPECT_TRUE(warned(std::string("set bgp policy p ") + enough).empty()) << enough;
  }
}

TEST(BgpConfig, TestsMayExpectEveryReason) {
  const auto complete = config::complete(config::test::tree_of(""), config::test::words("bgp test t expect reject"), "",
                                         config::CompletionMode::set);
  Strings offered, reasons{"any: For every reason"};
  for (const config::Option& option : complete.options) {
    offered.push_back(option.word + ": " + option.help);
  }
  for (uint32_t code = 0; code < 1000; code++) {
    if (const auto reason = policy::reason_of(code)) {
      std::string text(to_string(*reason));
      text[0] = static_cast<char>(std::toupper(text[0]));
      reasons.push_back(fmt::format("{}: {}", policy::name_of(*reason), text));
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
  EXPECT_NE(error("set bgp peer a import as-set").find("give an as-set"), std::string::npos);
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

TEST(BgpConfig, MarksAreNobodysToAdd) {
  const std::string peer = "set bgp peer a remote-as 64500\nset bgp peer a neighbor 192.0.2.2\n";
  const std::string why =
      ": 65000:1:* and 65000:1101:* are this router's own marks of where a route is from and why it was refused";
  EXPECT_EQ(judge("set bgp policy p import community-add 65000:1:4"),
            Strings{"bgp policy p import community-add 65000:1:4" + why});
  EXPECT_EQ(judge(peer + "set bgp peer a export community-add 65000:1101:4"),
            Strings{"bgp peer a export community-add 65000:1101:4" + why});
  EXPECT_EQ(judge(peer + "set bgp peer a export prefix-community 45.1.0.0/16 community 65000:1:0"),
            Strings{"bgp peer a export prefix-community 45.1.0.0/16 community 65000:1:0" + why});
  EXPECT_EQ(judge("set bgp community 65000:1:4"), Strings{"bgp community 65000:1:4" + why});
  EXPECT_EQ(judge("set bgp originated-community 65000:1:1"), Strings{"bgp originated-community 65000:1:1" + why});
  EXPECT_EQ(judge("set bgp community 65000:2:4\nset bgp community 65001:1:4\nset bgp community 65000:1"), Strings{});
  EXPECT_EQ(judge("set bgp confederation 65010\nset bgp community 65010:1:4").size(), 1U);
}

TEST(BgpConfig, ADefaultRouteIsNoPrefixOfAnybody) {
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    EXPECT_EQ(judge(std::string("set bgp prefix ") + all),
              Strings{fmt::format("bgp prefix {}: is everybody's address space, not this network's", all)});
  }
}

TEST(BgpConfig, BothEndsMayNotHaveOneNumberUnlessInternal) {
  const std::string peer = "set bgp peer a remote-as 64500\nset bgp peer a neighbor 192.0.2.2\n";
  const std::string why =
      ": both ends of the session would be AS 64500, which makes an internal one of it with the checks of an external "
      "one";
  EXPECT_EQ(judge(peer + "set bgp peer a local-as 64500"), Strings{"bgp peer a local-as" + why});
  EXPECT_EQ(judge(peer + "set bgp confederation 64500"), Strings{"bgp peer a remote-as" + why});
  EXPECT_EQ(judge(peer + "set bgp confederation 64500\nset bgp peer a confederation-member"), Strings{});
  EXPECT_EQ(judge(peer + "set bgp peer a local-as 64501"), Strings{});
}

TEST(BgpConfig, AMemberOfTheConfederationNeedsNoPolicy) {
  const auto config = config_of(std::string(kBase) +
                                "set bgp confederation 64999\nset bgp peer m remote-as 65001\n"
                                "set bgp peer m neighbor 192.0.2.2\nset bgp peer m confederation-member");
  EXPECT_EQ(config_feature().warnings(config), Strings{});
}

TEST(BgpConfig, FilesOfBlocklistsHaveAWholePath) {
  EXPECT_EQ(judge("set bgp blocklist file ../x"), Strings{"bgp blocklist file ../x: is not a whole path"});
  EXPECT_EQ(judge("set bgp blocklist file /etc/x"), Strings{});
}

TEST(BgpConfig, NamesHaveOneSpelling) {
  const auto config =
      config_of(std::string(kBase) +
                "set bgp community no-export\nset bgp policy p import community-remove graceful-shutdown\n"
                "set bgp policy p import community-remove 64500:*\n"
                "set bgp policy p import as-set ripe::as-cust\n"
                "set bgp policy p import as-set RIPE::AS-CUST\n");
  EXPECT_EQ(config["bgp"]["community"], nlohmann::json::parse(R"(["65535:65281"])"));
  const auto& import = config["bgp"]["policy"][0]["import"];
  EXPECT_EQ(import["community-remove"], nlohmann::json::parse(R"(["64500:*","65535:0"])"));
  EXPECT_EQ(import["as-set"], nlohmann::json::parse(R"(["RIPE::AS-CUST"])"));
}

TEST(BgpConfig, DesiredPeersAreNumberedByName) {
  const auto config = config_of(std::string(kBase) +
                                "set bgp peer zeta remote-as 65000\nset bgp peer zeta neighbor 192.0.2.3\n"
                                "set bgp peer alpha remote-as 1\nset bgp peer alpha neighbor 192.0.2.2\n");
  nlohmann::json desired;
  config_feature().desired(config, desired);
  EXPECT_EQ(
      desired["route"][0]["peers"],
      nlohmann::json::parse(R"([{"id":1,"name":"alpha","internal":false},{"id":2,"name":"zeta","internal":true}])"));
  EXPECT_TRUE(peer_ids(nlohmann::json()).empty());
  EXPECT_TRUE(peer_ids(nlohmann::json::parse(R"({"bgp":{"peer":[7,{"name":5}]}})")).empty());
}

}  // namespace
}  // namespace floof::bgp
