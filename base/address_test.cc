// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

namespace floof {
namespace {

TEST(Address, Ip4RoundTrip) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "127.0.0.1"}) {
    const auto parsed = parse_ip4(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  EXPECT_EQ(parse_ip4("192.0.2.1")->value(), 0xc0000201u);
}

TEST(Address, Ip6IsWrittenAsRfc5952Says) {
  const std::pair<const char*, const char*> spellings[] = {
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"::", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"fe80::0001", "fe80::1"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
  };
  for (const auto& [given, canonical] : spellings) {
    const auto parsed = parse_ip6(given);
    ASSERT_TRUE(parsed) << given;
    EXPECT_EQ(to_string(*parsed), canonical);
  }
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24",
        "fe80::1%eth0", ":::", "1::2::3", "12345::", "2001:db8::1/64", "g::", "1:2:3:4:5:6:7",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    const auto parsed = parse_ip(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().reason.find(text), std::string::npos) << "the reason names the text";
  }
  EXPECT_FALSE(parse_ip4(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(parse_ip6(std::string_view("::1\0x", 5)));
}

TEST(Address, MacRoundTrip) {
  const auto mac = parse_mac("02:00:5E:00:01:0a");
  ASSERT_TRUE(mac);
  EXPECT_EQ(to_string(*mac), "02:00:5e:00:01:0a");
  EXPECT_FALSE(mac->is_multicast());
  EXPECT_TRUE(parse_mac("ff:ff:ff:ff:ff:ff")->is_multicast());
  EXPECT_EQ(to_string(*parse_mac("02-00-5E-00-01-0A")), "02:00:5e:00:01:0a");
  EXPECT_EQ(to_string(*parse_mac("0200.5e00.010A")), "02:00:5e:00:01:0a");
  for (const char* text :
       {"", "02:00:5e:00:01", "02:00:5e:00:01:0a:", "02-00-5e-00-01:0a", "02:00:5e:00:01:0g", "02:00:5e:00:01: a",
        "0200.5e00:010a", "0200.5e00.010", "02005e00010a..", "0200.5e000.10a"}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

TEST(Address, Classes) {
  EXPECT_TRUE(parse_ip4("224.0.0.5")->is_multicast());
  EXPECT_FALSE(parse_ip4("240.0.0.1")->is_multicast());
  EXPECT_TRUE(parse_ip4("169.254.1.1")->is_link_local());
  EXPECT_TRUE(parse_ip4("127.5.0.1")->is_loopback());
  EXPECT_TRUE(parse_ip4("255.255.255.255")->is_broadcast());
  EXPECT_TRUE(parse_ip6("fe80::1")->is_link_local());
  EXPECT_TRUE(parse_ip6("febf::1")->is_link_local());
  EXPECT_FALSE(parse_ip6("fec0::1")->is_link_local());
  EXPECT_TRUE(parse_ip6("ff02::5")->is_multicast());
  EXPECT_TRUE(parse_ip6("::1")->is_loopback());
  EXPECT_TRUE(IpAddress(*parse_ip6("fe80::1")).is_link_local());
  EXPECT_TRUE(IpAddress(*parse_ip4("224.0.0.1")).is_multicast());
  EXPECT_TRUE(IpAddress().is_unspecified());
}

TEST(Address, SortsAsPeopleDo) {
  EXPECT_LT(*parse_ip4("9.0.0.1"), *parse_ip4("10.0.0.1"));
  EXPECT_LT(*parse_ip6("2001:db8::9"), *parse_ip6("2001:db8::10"));
  EXPECT_LT(*parse_ip("255.255.255.255"), *parse_ip("::"));
}

TEST(Address, RandomRoundTrip) {
  std::mt19937_64 random(1);
  std::unordered_set<IpAddress> seen;
  for (int i = 0; i < 2000; i++) {
    const auto low_bits = random() >> (random() % 64);
    const Ip6 six = Ip6::from_halves(random() & random() & random(), low_bits);
    ASSERT_EQ(*parse_ip6(to_string(six)), six);
    EXPECT_EQ(six.low(), low_bits);
    const Ip4 four(static_cast<uint32_t>(random()));
    ASSERT_EQ(*parse_ip4(to_string(four)), four);
    ASSERT_EQ(Ip4(four.wire()), four);
    ASSERT_EQ(IpAddress(four).ip4(), four);
    ASSERT_EQ(IpAddress(six).ip6(), six);
    ASSERT_EQ(IpAddress(four).wire().size() + IpAddress(six).wire().size(), 20u);
    seen.insert(six);
    seen.insert(four);
  }
  EXPECT_GT(seen.size(), 3900u);
}

}  // namespace
}  // namespace floof
