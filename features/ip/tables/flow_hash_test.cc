// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/tables/flow_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace floof::ip {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes ip4(uint32_t source, uint32_t destination, uint8_t protocol, uint16_t sport, uint16_t dport,
          uint16_t fragment = 0) {
  Bytes p(28);
  p[0] = 0x45;
  p[6] = static_cast<uint8_t>(fragment >> 8);
  p[7] = static_cast<uint8_t>(fragment);
  p[9] = protocol;
  for (int i = 0; i < 4; i++) {
    p[12 + i] = static_cast<uint8_t>(source >> (24 - 8 * i));
    p[16 + i] = static_cast<uint8_t>(destination >> (24 - 8 * i));
  }
  p[20] = static_cast<uint8_t>(sport >> 8);
  p[21] = static_cast<uint8_t>(sport);
  p[22] = static_cast<uint8_t>(dport >> 8);
  p[23] = static_cast<uint8_t>(dport);
  return p;
}

uint32_t hash4(const Bytes& p) { return flow_hash4(p.data(), static_cast<uint32_t>(p.size()), 1); }
uint32_t hash6(const Bytes& p) { return flow_hash6(p.data(), static_cast<uint32_t>(p.size()), 1); }

Bytes ip6(uint8_t low_source, uint8_t low_destination, uint8_t next, const Bytes& rest) {
  Bytes p(40);
  p[0] = 0x60;
  p[6] = next;
  p[23] = low_source;
  p[39] = low_destination;
  p.insert(p.end(), rest.begin(), rest.end());
  return p;
}

const Bytes kPorts = {0x12, 0x34, 0x00, 0x50, 0, 0, 0, 0}, kBack = {0x00, 0x50, 0x12, 0x34, 0, 0, 0, 0};

TEST(FlowHash, SameBothWays) {
  std::mt19937 rng(1);
  for (int i = 0; i < 10000; i++) {
    const auto a = static_cast<uint32_t>(rng()), b = static_cast<uint32_t>(rng());
    const auto p = static_cast<uint16_t>(rng()), q = static_cast<uint16_t>(rng());
    EXPECT_EQ(hash4(ip4(a, b, 6, p, q)), hash4(ip4(b, a, 6, q, p)));
  }
  EXPECT_EQ(hash6(ip6(1, 2, 17, kPorts)), hash6(ip6(2, 1, 17, kBack)));
  EXPECT_NE(hash6(ip6(1, 2, 17, kPorts)), hash6(ip6(1, 3, 17, kPorts)));
  EXPECT_NE(hash6(ip6(1, 2, 17, kPorts)), hash6(ip6(1, 2, 6, kPorts)));
}

TEST(FlowHash, FragmentsIgnorePorts) {
  EXPECT_EQ(hash4(ip4(1, 2, 17, 1, 2, 0x2000)), hash4(ip4(1, 2, 17, 777, 888, 0x0010)));
  EXPECT_EQ(hash4(ip4(1, 2, 17, 1, 2, 0x2000)), hash4(ip4(2, 1, 17, 5, 6, 0x2001)));
  EXPECT_NE(hash4(ip4(1, 2, 17, 1, 2, 0x4000)), hash4(ip4(1, 2, 17, 1, 3, 0x4000)));  // DF is no fragment
  const Bytes first = {17, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4}, later = {17, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9, 9};
  EXPECT_EQ(hash6(ip6(1, 2, 44, first)), hash6(ip6(1, 2, 44, later)));
}

TEST(FlowHash, ProtocolsWithoutPortsIgnoreThePayload) {
  EXPECT_EQ(hash4(ip4(1, 2, 47, 8, 1)), hash4(ip4(1, 2, 47, 9, 2)));
}

Bytes icmp4(uint32_t source, uint32_t destination, uint8_t type, uint16_t identifier, uint16_t fragment = 0) {
  Bytes p =
      ip4(source, destination, 1, static_cast<uint16_t>(type << 8), static_cast<uint16_t>(identifier * 7), fragment);
  p[24] = static_cast<uint8_t>(identifier >> 8);
  p[25] = static_cast<uint8_t>(identifier);
  p[27] = static_cast<uint8_t>(identifier * 3);  // the sequence number is not the flow's, nor is the checksum
  return p;
}
Bytes icmp6(uint8_t source, uint8_t destination, uint8_t type, uint8_t identifier, uint8_t sequence = 1) {
  return ip6(source, destination, 58, {type, 0, identifier, sequence, 0, identifier, 0, sequence});
}

TEST(FlowHash, EchoesOfOneIdentifierAreAFlow) {
  std::vector<bool> seen4(64), seen6(64);
  for (uint8_t i = 0; i < 250; i++) {
    EXPECT_EQ(hash4(icmp4(1, 2, 8, i)), hash4(icmp4(2, 1, 0, i)));
    EXPECT_EQ(hash6(icmp6(1, 2, 128, i)), hash6(icmp6(2, 1, 129, i, 9)));
    seen4[hash4(icmp4(1, 2, 8, i)) % 64] = true;
    seen6[hash6(icmp6(1, 2, 128, i)) % 64] = true;
  }
  EXPECT_GE(std::count(seen4.begin(), seen4.end(), true), 50);
  EXPECT_GE(std::count(seen6.begin(), seen6.end(), true), 50);
  // What an error has in that place is something else, and fragments stay together.
  EXPECT_EQ(hash4(icmp4(1, 2, 3, 1)), hash4(icmp4(1, 2, 11, 2)));
  EXPECT_EQ(hash6(icmp6(1, 2, 3, 1)), hash6(icmp6(1, 2, 135, 2)));
  EXPECT_EQ(hash4(icmp4(1, 2, 8, 1, 0x2000)), hash4(icmp4(1, 2, 8, 2, 0x00b9)));
}

TEST(FlowHash, WalksExtensionHeaders) {
  Bytes chain = {60, 0, 1, 4, 0, 0, 0, 0};  // hop-by-hop, then destination options,
  chain.insert(chain.end(), {17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // 16 bytes long
  chain.insert(chain.end(), kPorts.begin(), kPorts.end());
  EXPECT_EQ(hash6(ip6(1, 2, 0, chain)), hash6(ip6(1, 2, 17, kPorts)));
}

TEST(FlowHash, CutAnywhereStaysInside) {
  Bytes chain = {60, 0, 1, 4, 0, 0, 0, 0, 51, 0, 1, 4, 0, 0, 0, 0, 44, 4, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes whole = ip6(1, 2, 0, chain);
  for (size_t length = 40; length <= whole.size(); length++) {
    const Bytes exact(whole.begin(), whole.begin() + static_cast<long>(length));  // ASan watches its end
    hash6(exact);
  }
  std::mt19937 rng(4);
  for (int i = 0; i < 20000; i++) {
    Bytes p = ip6(1, 2, static_cast<uint8_t>(rng() % 64), Bytes(rng() % 60));
    for (size_t at = 40; at < p.size(); at++) {
      p[at] = static_cast<uint8_t>(rng() % 64);
    }
    hash6(p);
  }
  for (size_t length = 20; length <= 28; length++) {
    Bytes p = ip4(1, 2, 6, 1, 2);
    p[0] = 0x4f;
    p.resize(length);
    hash4(p);
  }
}

TEST(FlowHash, SpreadsNeighbouringFlowsEvenly) {
  for (const unsigned buckets : {2u, 3u, 16u, 64u}) {
    std::vector<int> seen(buckets);
    const int flows = 64000;
    for (int i = 0; i < flows; i++) {
      seen[hash4(ip4(0x0a000001 + (i >> 8), 0xc6336401, 17, static_cast<uint16_t>(10000 + (i & 255)), 53)) % 64 %
           buckets]++;
    }
    const auto [least, most] = std::minmax_element(seen.begin(), seen.end());
    EXPECT_GT(*least, flows / static_cast<int>(64) * static_cast<int>(64 / buckets) * 85 / 100) << buckets;
    EXPECT_LT(*most, flows / static_cast<int>(64) * static_cast<int>((64 + buckets - 1) / buckets) * 115 / 100)
        << buckets;
  }
}

}  // namespace
}  // namespace floof::ip
