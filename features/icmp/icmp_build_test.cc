// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/icmp/icmp_build.h"

#include <gtest/gtest.h>

#include <vector>

#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"

namespace floof::icmp {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes packet4(const char* source, const char* destination, uint8_t protocol, uint16_t fragment, const Bytes& payload) {
  Bytes out(20);
  auto& ip = *reinterpret_cast<ip::Ip4Header*>(out.data());
  ip.version_ihl = 0x45;
  ip.protocol = protocol;
  ip.fragment.set(fragment);
  ip.source.set(parse_ip4(source)->value());
  ip.destination.set(parse_ip4(destination)->value());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes packet6(const char* source, const char* destination, uint8_t next, const Bytes& payload) {
  Bytes out(40);
  auto& ip = *reinterpret_cast<ip::Ip6Header*>(out.data());
  ip.version_class_flow.set(0x60000000);
  ip.next_header = next;
  ip.source = parse_ip6(source)->bytes();
  ip.destination = parse_ip6(destination)->bytes();
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

bool may4(const Bytes& p) { return may_answer4(p.data(), static_cast<uint32_t>(p.size())); }
bool may6(const Bytes& p, const Error& error = {1, 0, 0}) {
  return may_answer6(p.data(), static_cast<uint32_t>(p.size()), error);
}

TEST(IcmpBuild, NeverAboutTheseIp4) {
  EXPECT_TRUE(may4(packet4("192.0.2.2", "10.0.0.1", 17, 0, {})));
  EXPECT_TRUE(may4(packet4("192.0.2.2", "10.0.0.1", 17, 0x2000, {})));
  EXPECT_TRUE(may4(packet4("192.0.2.2", "10.0.0.1", 1, 0, {8, 0})));
  EXPECT_TRUE(may4(packet4("192.0.2.2", "10.0.0.1", 1, 0, {0, 0})));
  for (const uint8_t error : {3, 4, 5, 11, 12, 40, 200}) {
    EXPECT_FALSE(may4(packet4("192.0.2.2", "10.0.0.1", 1, 0, {error, 0}))) << int{error};
  }
  EXPECT_FALSE(may4(packet4("192.0.2.2", "10.0.0.1", 1, 0, {}))) << "could be an error";
  EXPECT_FALSE(may4(packet4("192.0.2.2", "10.0.0.1", 17, 1, {})));
  EXPECT_FALSE(may4(packet4("192.0.2.2", "224.0.0.1", 17, 0, {})));
  EXPECT_FALSE(may4(packet4("192.0.2.2", "255.255.255.255", 17, 0, {})));
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"}) {
    EXPECT_FALSE(may4(packet4(source, "10.0.0.1", 17, 0, {}))) << source;
  }
}

TEST(IcmpBuild, NeverAboutTheseIp6) {
  EXPECT_TRUE(may6(packet6("2001:db8::1", "2001:db8::2", 17, {})));
  EXPECT_TRUE(may6(packet6("2001:db8::1", "2001:db8::2", 58, {128, 0})));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 58, {1, 0})));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 58, {127, 0})));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 58, {137, 0})));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 58, {})));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 60, {58, 0, 1, 4, 0, 0, 0, 0, 3, 0}))) << "behind options";
  EXPECT_FALSE(may6(packet6("2001:db8::1", "2001:db8::2", 44, {58, 0, 1, 0, 0, 0, 0, 0, 9, 9}))) << "a later fragment";
  EXPECT_FALSE(may6(packet6("2001:db8::1", "ff02::1", 17, {})));
  EXPECT_TRUE(may6(packet6("2001:db8::1", "ff02::1", 17, {}), {ip::icmp6::too_big, 0, 0}));
  EXPECT_TRUE(may6(packet6("2001:db8::1", "ff02::1", 17, {}), {ip::icmp6::parameter_problem, 2, 0}));
  EXPECT_FALSE(may6(packet6("2001:db8::1", "ff02::1", 17, {}), {ip::icmp6::parameter_problem, 0, 0}));
  for (const char* source : {"::", "ff02::1", "::1"}) {
    EXPECT_FALSE(may6(packet6(source, "2001:db8::2", 17, {}))) << source;
  }
}

TEST(IcmpBuild, ChecksumsAreRight) {
  for (uint32_t quoted = 20; quoted < 200; quoted++) {
    Bytes four(kHeaders4 + quoted, 0x5a);
    const uint32_t n4 = build4(four.data(), {3, 4, 1400}, *parse_ip4("192.0.2.1"), *parse_ip4("10.0.0.1"), 7, quoted);
    ASSERT_EQ(n4, four.size());
    EXPECT_EQ(ip::internet_checksum(four.data(), 20), 0);
    EXPECT_EQ(ip::internet_checksum(four.data() + 20, n4 - 20), 0);
    EXPECT_EQ(ip::check_ip4(four.data(), n4, n4).next, ip::Verdict::lookup);
    EXPECT_EQ(four[1], 0xc0);
    EXPECT_EQ(four[26] << 8 | four[27], 1400);
    Bytes six(kHeaders6 + quoted, 0x5a);
    const uint32_t n6 = build6(six.data(), {2, 0, 1400}, *parse_ip6("2001:db8::1"), *parse_ip6("2001:db8::2"), quoted);
    ASSERT_EQ(n6, six.size());
    uint64_t sum = ip::add_to_sum(0, six.data() + 8, 32);
    sum += be32::from(n6 - 40).raw();
    sum += be32::from(58).raw();
    EXPECT_EQ(ip::internet_checksum(six.data() + 40, n6 - 40, sum), 0);
  }
  Bytes pointer(kHeaders4 + 20);
  build4(pointer.data(), {12, 0, 21}, *parse_ip4("192.0.2.1"), *parse_ip4("10.0.0.1"), 7, 20);
  EXPECT_EQ(pointer[24], 21);
  EXPECT_EQ(pointer[25], 0);
}

}  // namespace
}  // namespace floof::icmp
