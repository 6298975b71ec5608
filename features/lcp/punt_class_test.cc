// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/lcp/punt_class.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace floof::lcp {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes frame(uint16_t type, const Bytes& payload) {
  Bytes out(14);
  out[12] = static_cast<uint8_t>(type >> 8);
  out[13] = static_cast<uint8_t>(type);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes ip4(uint8_t protocol, const Bytes& l4, uint16_t fragment = 0, unsigned options = 0) {
  Bytes out(20 + options);
  out[0] = static_cast<uint8_t>(0x40 | (20 + options) / 4);
  out[6] = static_cast<uint8_t>(fragment >> 8);
  out[7] = static_cast<uint8_t>(fragment);
  out[9] = protocol;
  out.insert(out.end(), l4.begin(), l4.end());
  return frame(0x0800, out);
}

Bytes ip6(uint8_t next, const Bytes& l4) {
  Bytes out(40);
  out[0] = 0x60;
  out[6] = next;
  out.insert(out.end(), l4.begin(), l4.end());
  return frame(0x86dd, out);
}

Bytes ports(uint16_t source, uint16_t destination) {
  return {static_cast<uint8_t>(source >> 8), static_cast<uint8_t>(source), static_cast<uint8_t>(destination >> 8),
          static_cast<uint8_t>(destination)};
}

Bytes from4(Bytes bytes, const char* source, uint8_t ttl = 64) {
  const auto address = parse_ip4(source)->value();
  for (unsigned i = 0; i < 4; i++) {
    bytes[14 + 12 + i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  }
  bytes[14 + 8] = ttl;
  return bytes;
}

Bytes from6(Bytes bytes, const char* source, uint8_t ttl = 64) {
  const auto address = parse_ip6(source)->bytes();
  std::copy(address.begin(), address.end(), bytes.begin() + 14 + 8);
  bytes[14 + 7] = ttl;
  return bytes;
}

BgpPeers peers() {
  BgpPeers out;
  out.hosts = {*parse_ip("192.0.2.9"), *parse_ip("2001:db8::9")};
  out.ranges = {*parse_prefix("198.51.100.0/24")};
  out.unnumbered.set(3);
  out.ports = {179, 1179};
  return out;
}

Judged judge(const Bytes& bytes, uint16_t interface = 1) {
  return classify(bytes.data(), bytes.size(), IfId(interface), peers());
}
PuntClass of(const Bytes& bytes) { return judge(bytes).kind; }

Bytes arp(uint8_t operation, const char* sender = "192.0.2.1") {
  Bytes out = frame(0x0806, {0, 1, 8, 0, 6, 4, 0, operation});
  out.resize(14 + 28);
  const auto address = parse_ip4(sender)->value();
  for (unsigned i = 0; i < 4; i++) {
    out[14 + 14 + i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  }
  return out;
}

TEST(PuntClass, Kinds) {
  EXPECT_EQ(of(arp(1)), PuntClass::neighbor);
  EXPECT_EQ(of(arp(2)), PuntClass::answer);
  EXPECT_EQ(of(frame(0x88cc, Bytes(28))), PuntClass::link);
  EXPECT_EQ(of(frame(0x1234, Bytes(28))), PuntClass::other);
  EXPECT_EQ(of(ip4(1, {8, 0})), PuntClass::icmp);
  EXPECT_EQ(of(ip4(89, {})), PuntClass::routing);
  EXPECT_EQ(of(ip4(17, ports(520, 520))), PuntClass::routing);
  EXPECT_EQ(of(ip4(6, ports(40000, 179))), PuntClass::bgp);
  EXPECT_EQ(of(from4(ip4(6, ports(179, 40000), 0, 8), "192.0.2.9")), PuntClass::bgp);
  EXPECT_EQ(of(from4(ip4(6, ports(1179, 40000)), "192.0.2.9")), PuntClass::bgp);
  EXPECT_EQ(of(ip4(6, ports(179, 40000), 5)), PuntClass::other) << "a later fragment has no ports";
  EXPECT_EQ(of(ip4(6, ports(40000, 22))), PuntClass::other);
  EXPECT_EQ(of(ip4(17, ports(49152, 3784))), PuntClass::bfd);
  EXPECT_EQ(of(ip4(17, ports(3784, 49152))), PuntClass::other);
  EXPECT_EQ(of(ip4(17, ports(49152, 179))), PuntClass::other);
  EXPECT_EQ(of(ip6(58, {135})), PuntClass::neighbor);
  EXPECT_EQ(of(ip6(58, {136})), PuntClass::answer);
  EXPECT_EQ(of(ip6(58, {128})), PuntClass::icmp);
  EXPECT_EQ(of(from6(ip6(6, ports(179, 1)), "2001:db8::9")), PuntClass::bgp);
  EXPECT_EQ(of(ip6(0, {58, 0, 5, 2, 0, 0, 1, 0, 143})), PuntClass::routing) << "MLD";
  EXPECT_EQ(of(ip6(0, {58, 0, 5, 2, 0, 0, 1, 0, 128})), PuntClass::icmp);
  EXPECT_EQ(of(ip6(0, {58, 0})), PuntClass::other);
}

TEST(PuntClass, StrangersOfBgp) {
  const Bytes open = ip4(6, ports(40000, 179)), answer = ip4(6, ports(179, 40000));
  EXPECT_FALSE(judge(from4(open, "192.0.2.9")).stranger);
  EXPECT_FALSE(judge(from4(answer, "192.0.2.9")).stranger);
  EXPECT_FALSE(judge(from4(open, "198.51.100.77")).stranger) << "a range";
  EXPECT_TRUE(judge(from4(open, "192.0.2.8")).stranger);
  EXPECT_FALSE(judge(from4(answer, "203.0.113.1")).stranger) << "to a traceroute by TCP";
  EXPECT_EQ(judge(from4(answer, "203.0.113.1")).kind, PuntClass::other);
  EXPECT_TRUE(judge(from4(ip4(6, ports(40000, 1179)), "192.0.2.8")).stranger);
  EXPECT_FALSE(judge(from4(ip4(6, ports(40000, 22)), "192.0.2.8")).stranger);
  const Bytes open6 = ip6(6, ports(40000, 179));
  EXPECT_FALSE(judge(from6(open6, "2001:db8::9")).stranger);
  EXPECT_TRUE(judge(from6(open6, "2001:db8::8")).stranger);
  EXPECT_FALSE(judge(from6(open6, "fe80::8"), 3).stranger) << "unnumbered";
  EXPECT_TRUE(judge(from6(open6, "fe80::8"), 2).stranger);
  EXPECT_TRUE(judge(from6(open6, "2001:db8::8"), 3).stranger);
  // Nor by extension headers: hop-by-hop, then destination options, then a first fragment.
  Bytes hidden{60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9};
  for (const uint8_t b : ports(40000, 179)) {
    hidden.push_back(b);
  }
  EXPECT_EQ(of(ip6(0, hidden)), PuntClass::bgp);
  EXPECT_TRUE(judge(from6(ip6(0, hidden), "2001:db8::8")).stranger);
  BgpPeers anybody;
  anybody.anybody = true;
  EXPECT_FALSE(classify(open.data(), open.size(), IfId(1), anybody).stranger);
}

TEST(PuntClass, StrangersOfBfd) {
  const Bytes single = ip4(17, ports(49152, 3784)), multihop = ip4(17, ports(49152, 4784));
  EXPECT_FALSE(judge(from4(single, "203.0.113.1", 255)).stranger) << "from the link (RFC 5881 section 5)";
  EXPECT_TRUE(judge(from4(single, "192.0.2.9", 254)).stranger);
  EXPECT_FALSE(judge(from4(multihop, "192.0.2.9", 60)).stranger);
  EXPECT_TRUE(judge(from4(multihop, "203.0.113.1", 255)).stranger);
  EXPECT_FALSE(judge(from6(ip6(17, ports(49152, 3784)), "fe80::1", 255)).stranger);
}

TEST(PuntClass, NamesAreRead) {
  for (size_t i = 0; i < kPuntClasses; i++) {
    EXPECT_EQ(parse_punt_class(to_string(static_cast<PuntClass>(i))), static_cast<PuntClass>(i));
  }
  EXPECT_FALSE(parse_punt_class("control"));
}

TEST(PuntClass, CutAtEveryByte) {
  const BgpPeers known = peers();
  for (const auto& whole :
       {ip4(6, ports(40000, 179)), ip6(58, {135, 0}), ip4(17, ports(1, 3784), 0, 40), arp(2),
        ip6(0, {44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9, 0, 179})}) {
    for (size_t length = 0; length <= whole.size(); length++) {
      const auto exact = std::make_unique<uint8_t[]>(length + 1);
      std::memcpy(exact.get(), whole.data(), length);
      classify(exact.get(), length, IfId(1), known);
    }
  }
}

TEST(PuntClass, PeersAndGatewaysAreKnown) {
  BgpPeers all = peers();
  all.gateways = {*parse_ip("192.0.2.254")};
  const auto known = [&](const Bytes& bytes, uint16_t interface = 1) {
    return classify(bytes.data(), bytes.size(), IfId(interface), all).known;
  };
  EXPECT_TRUE(known(arp(1, "192.0.2.9")));
  EXPECT_TRUE(known(arp(2, "192.0.2.254")));
  EXPECT_FALSE(known(arp(2, "192.0.2.10")));
  EXPECT_TRUE(known(from4(ip4(17, ports(1, 3784)), "192.0.2.9", 255)));
  EXPECT_TRUE(known(from4(ip4(1, {8, 0}), "198.51.100.3")));
  EXPECT_FALSE(known(from4(ip4(17, ports(1, 3784)), "192.0.2.10", 255)));
  EXPECT_TRUE(known(from6(ip6(58, {136, 0}), "2001:db8::9")));
  EXPECT_FALSE(known(from6(ip6(58, {136, 0}), "2001:db8::a")));
  EXPECT_TRUE(known(from6(ip6(58, {135, 0}), "fe80::1"), 3)) << "unnumbered";
  EXPECT_FALSE(known(from6(ip6(58, {135, 0}), "fe80::1"), 4));
  all.anybody = true;
  EXPECT_FALSE(known(arp(1, "192.0.2.10"))) << "who may speak BGP is not who is known";
}

}  // namespace
}  // namespace floof::lcp