// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/system/tools.h"

#include <gtest/gtest.h>

namespace floof::system {
namespace {

using Words = std::vector<std::string>;
using nlohmann::json;

/// e0 has an address of each kind, e6 no IPv4.
std::optional<IpAddress> address_of(const std::string& interface, Family family, bool link_local) {
  if ((interface != "e0" && interface != "e6") || (interface == "e6" && family == Family::ip4)) {
    return std::nullopt;
  }
  return *parse_ip(family == Family::ip4 ? "192.0.2.1" : link_local ? "fe80::2" : "2001:db8::2");
}

TEST(Tools, ArgumentVectors) {
  EXPECT_EQ(*ping_command({{"address", "192.0.2.1"}, {"count", 3u}, {"size", 100u}, {"source", "192.0.2.9"}}),
            (Words{"ping", "-4", "-n", "-O", "-c", "3", "-s", "100", "-I", "192.0.2.9", "192.0.2.1"}));
  EXPECT_EQ(*ping_command({{"address", "FE80::1%e0"}, {"source", "2001:DB8::1"}}),
            (Words{"ping", "-6", "-n", "-O", "-I", "2001:db8::1", "fe80::1%e0"}));
  EXPECT_EQ(*ping_command(
                {{"address", "192.0.2.1"}, {"ttl", 3u}, {"tos", 184u}, {"interval", "0.2"}, {"do-not-fragment", true}}),
            (Words{"ping", "-4", "-n", "-O", "-t", "3", "-Q", "184", "-i", "0.200", "-M", "do", "192.0.2.1"}));
  EXPECT_EQ(*traceroute_command({{"address", "2001:db8::2"}, {"source", "2001:db8::1"}}),
            (Words{"traceroute", "-6", "-n", "-w", "2", "-q", "1", "-s", "2001:db8::1", "2001:db8::2"}));
  EXPECT_EQ(
      *traceroute_command({{"address", "192.0.2.1"},
                           {"protocol", "tcp"},
                           {"port", 443u},
                           {"queries", 3u},
                           {"ttl", 5u},
                           {"size", 1500u},
                           {"do-not-fragment", true}}),
      (Words{"traceroute", "-4", "-n", "-w", "2", "-T", "-q", "3", "-m", "5", "-p", "443", "-F", "192.0.2.1", "1500"}));
  EXPECT_EQ((*traceroute_command({{"address", "192.0.2.1"}, {"protocol", "icmp"}}))[5], "-I");
}

TEST(Tools, AnInterfaceMeansItsAddress) {
  const auto source = [](const json& arguments) {
    const auto made = ping_command(arguments, address_of);
    if (!made) {
      return made.error().text();
    }
    const auto at = std::find(made->begin(), made->end(), "-I");
    return (*made)[1] + " " + at[1] + " " + made->back();
  };
  EXPECT_EQ(source({{"address", "192.0.2.9"}, {"source", "e0"}}), "-4 192.0.2.1 192.0.2.9");
  EXPECT_EQ(source({{"address", "2001:db8::9"}, {"source", "e0"}}), "-6 2001:db8::2 2001:db8::9");
  EXPECT_EQ(source({{"address", "fe80::9"}, {"source", "e0"}}), "-6 fe80::2 fe80::9%e0");
  EXPECT_EQ(source({{"address", "host.example"}, {"source", "e6"}}), "-6 2001:db8::2 host.example");
  EXPECT_EQ(source({{"address", "host.example"}, {"family", 6}, {"source", "e0"}}), "-6 2001:db8::2 host.example");
  EXPECT_EQ(source({{"address", "192.0.2.9"}, {"source", "e6"}}),
            "source: e6 has no address of IPv4; 'show interface' lists interfaces and addresses");
  EXPECT_EQ(source({{"address", "192.0.2.9"}, {"source", "e9"}}),
            "source: e9 has no address of IPv4; 'show interface' lists interfaces and addresses");
  EXPECT_EQ((*traceroute_command({{"address", "192.0.2.9"}, {"source", "e0"}}, address_of))[8], "192.0.2.1");
}

TEST(Tools, TheKernelKnowsAddresses) {
  EXPECT_EQ(to_string(*kernel_address_of("lo", Family::ip4, false)), "127.0.0.1");
  EXPECT_FALSE(kernel_address_of("nowhere", Family::ip4, false));
}

TEST(Tools, Decimals) {
  EXPECT_EQ(decimal("12"), 12.0);
  EXPECT_EQ(decimal("0.25"), 0.25);
  EXPECT_EQ(decimal(".5"), 0.5);
  for (const char* text : {"", ".", "1e3", "-1", "1.2.3", "nan", "1234567890123456"}) {
    EXPECT_FALSE(decimal(text)) << text;
  }
}

TEST(Tools, NamesOfHosts) {
  EXPECT_EQ(*ping_command({{"address", "www.example.org"}}), (Words{"ping", "-n", "-O", "www.example.org"}));
  EXPECT_EQ(*ping_command({{"address", "www.example.org"}, {"family", 4}}),
            (Words{"ping", "-4", "-n", "-O", "www.example.org"}));
}

TEST(Tools, NothingTypedBecomesAnOption) {
  for (const json& bad : {json(),
                          json::array(),
                          json{{"address", "-f"}},
                          json{{"address", "192.0.2"}},
                          json{{"address", 5}},
                          json{{"address", "a b.example"}},
                          json{{"address", "-a.example"}},
                          json{{"address", "2001:db8::g"}},
                          json{{"address", "fe80::1%-x"}},
                          json{{"address", "fe80::1%"}},
                          json{{"address", "192.0.2.1"}, {"source", "-f"}},
                          json{{"address", "192.0.2.1"}, {"source", "a b"}},
                          json{{"address", "192.0.2.1"}, {"source", "2001:db8::1"}},
                          json{{"address", "192.0.2.1"}, {"family", 6}},
                          json{{"address", "192.0.2.1"}, {"count", "3; ls"}},
                          json{{"address", "192.0.2.1"}, {"count", 0u}},
                          json{{"address", "192.0.2.1"}, {"interval", "0.001"}},
                          json{{"address", "192.0.2.1"}, {"interval", "-f"}},
                          json{{"address", "192.0.2.1"}, {"interval", "nan"}},
                          json{{"address", "192.0.2.1"}, {"ttl", 256u}},
                          json{{"address", "192.0.2.1"}, {"size", 70000u}},
                          json{{"address", "192.0.2.1"}, {"size", -1}}}) {
    EXPECT_FALSE(ping_command(bad).ok()) << bad.dump();
  }
  EXPECT_FALSE(traceroute_command({{"address", "192.0.2.1"}, {"protocol", "sctp"}}).ok());
  EXPECT_FALSE(traceroute_command({{"address", "192.0.2.1"}, {"size", 70000u}}).ok());
}

}  // namespace
}  // namespace floof::system
