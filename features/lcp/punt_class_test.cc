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

PuntClass of(const Bytes& bytes) { return classify(bytes.data(), bytes.size()); }

TEST(PuntClass, Kinds) {
  EXPECT_EQ(of(frame(0x0806, Bytes(28))), PuntClass::arp);
  EXPECT_EQ(of(frame(0x88cc, Bytes(28))), PuntClass::control);
  EXPECT_EQ(of(frame(0x1234, Bytes(28))), PuntClass::other);
  EXPECT_EQ(of(ip4(1, {8, 0})), PuntClass::icmp);
  EXPECT_EQ(of(ip4(89, {})), PuntClass::control);
  EXPECT_EQ(of(ip4(6, ports(40000, 179))), PuntClass::control);
  EXPECT_EQ(of(ip4(6, ports(179, 40000))), PuntClass::control);
  EXPECT_EQ(of(ip4(6, ports(179, 40000), 0, 8)), PuntClass::control);
  EXPECT_EQ(of(ip4(6, ports(179, 40000), 5)), PuntClass::other) << "a later fragment has no ports";
  EXPECT_EQ(of(ip4(6, ports(40000, 22))), PuntClass::other);
  EXPECT_EQ(of(ip4(17, ports(49152, 3784))), PuntClass::control);
  EXPECT_EQ(of(ip4(17, ports(49152, 179))), PuntClass::other);
  EXPECT_EQ(of(ip6(58, {135})), PuntClass::arp);
  EXPECT_EQ(of(ip6(58, {128})), PuntClass::icmp);
  EXPECT_EQ(of(ip6(6, ports(179, 1))), PuntClass::control);
  EXPECT_EQ(of(ip6(0, {58, 0})), PuntClass::control);
}

TEST(PuntClass, CutAtEveryByte) {
  for (const auto& whole : {ip4(6, ports(40000, 179)), ip6(58, {135, 0}), ip4(17, ports(1, 3784), 0, 40)}) {
    for (size_t length = 0; length <= whole.size(); length++) {
      const auto exact = std::make_unique<uint8_t[]>(length + 1);
      std::memcpy(exact.get(), whole.data(), length);
      classify(exact.get(), length);
    }
  }
}

TEST(TokenBucket, BurstThenRate) {
  constexpr uint64_t kHz = 1'000'000;
  TokenBucket bucket(kHz, {1000, 10});
  uint64_t now = 5'000'000'000;
  unsigned taken = 0;
  while (bucket.take(now)) {
    taken++;
  }
  EXPECT_EQ(taken, 10u);
  // Against the plain definition: one packet per millisecond.
  taken = 0;
  for (int i = 0; i < 1'000'000; i += 100) {
    now += 100;
    taken += bucket.take(now);
  }
  EXPECT_EQ(taken, 1000u);
  EXPECT_FALSE(bucket.take(now - 50)) << "time that goes back gives nothing";
}

}  // namespace
}  // namespace floof::lcp
