// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/prefix.h"

#include <gtest/gtest.h>

#include <random>

namespace floof {
namespace {

Prefix prefix(std::string_view text) {
  const auto parsed = parse_prefix(text);
  EXPECT_TRUE(parsed) << text;
  return *parsed;
}

TEST(Prefix, RoundTrip) {
  for (const char* text : {"0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"}) {
    EXPECT_EQ(to_string(prefix(text)), text);
  }
  EXPECT_EQ(to_string(*parse_interface_address("192.0.2.1/24")), "192.0.2.1/24");
  EXPECT_EQ(to_string(parse_interface_address("2001:db8::5/64")->subnet()), "2001:db8::/64");
}

TEST(Prefix, RefusesWhatIsNoPrefix) {
  for (const char* text :
       {"", "/", "/24", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/24 ",
        "192.0.2.0/2 4", "192.0.2.0/024x", "::/129", "192.0.2.0/99999999999", "x/1"}) {
    EXPECT_FALSE(parse_prefix(text)) << text;
    EXPECT_FALSE(parse_interface_address(text)) << text;
  }
}

TEST(Prefix, HostBitsAreAnErrorThatNamesTheRightSpelling) {
  const auto parsed = parse_prefix("192.0.2.1/24");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().remedy.find("192.0.2.0/24"), std::string::npos);
  EXPECT_NE(parse_prefix("2001:db8::1/64").error().remedy.find("2001:db8::/64"), std::string::npos);
}

TEST(Prefix, Contains) {
  EXPECT_TRUE(prefix("192.0.2.0/24").contains(*parse_ip("192.0.2.255")));
  EXPECT_FALSE(prefix("192.0.2.0/24").contains(*parse_ip("192.0.3.0")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(*parse_ip("255.1.1.1")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(*parse_ip("::1")));
  EXPECT_FALSE(prefix("::/0").contains(*parse_ip("10.0.0.1")));
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.0.0.0/8")));
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.1.0.0/16")));
  EXPECT_FALSE(prefix("10.1.0.0/16").contains(prefix("10.0.0.0/8")));
  EXPECT_TRUE(prefix("192.0.2.1/32").is_host());
  EXPECT_FALSE(prefix("2001:db8::/64").is_host());
}

// The model looks at one bit at a time.
bool same_bits(const IpAddress& a, const IpAddress& b, unsigned count) {
  for (unsigned bit = 0; bit < count; bit++) {
    const auto of = [bit](const IpAddress& x) { return static_cast<uint8_t>(x.wire()[bit / 8]) >> (7 - bit % 8) & 1; };
    if (of(a) != of(b)) {
      return false;
    }
  }
  return a.family() == b.family();
}

TEST(Prefix, AgreesWithTheModel) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; i++) {
    const bool four = random() % 2 != 0;
    const uint64_t value = random();
    // Addresses that differ in one bit make the edges frequent.
    const unsigned flip = static_cast<unsigned>(random() % (four ? 32 : 64));
    const IpAddress a =
        four ? IpAddress(Ip4(static_cast<uint32_t>(value))) : IpAddress(Ip6::from_halves(value, value * 3));
    const IpAddress b = four ? IpAddress(Ip4(static_cast<uint32_t>(value ^ uint64_t{1} << flip)))
                             : IpAddress(Ip6::from_halves(value ^ uint64_t{1} << flip, value * 3));
    const auto length = static_cast<uint8_t>(random() % (four ? 33 : 129));
    const Prefix p(a, length);
    ASSERT_TRUE(p.contains(a));
    ASSERT_EQ(p.contains(b), same_bits(a, b, length)) << to_string(p) << " " << to_string(b);
    for (unsigned bit = length; bit < p.max_length(); bit++) {
      ASSERT_EQ(static_cast<uint8_t>(p.address().wire()[bit / 8]) >> (7 - bit % 8) & 1, 0) << to_string(p);
    }
    ASSERT_EQ(prefix(to_string(p)), p);
  }
}

}  // namespace
}  // namespace floof
