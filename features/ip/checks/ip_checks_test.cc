// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nodes' tests try every verdict on whole packets; here is what only bytes can show: nothing is read beyond the
// end.
#include "features/ip/checks/ip_checks.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "features/ip/checks/checksum.h"

namespace floof::ip {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(IpChecks, EveryDropReasonHasAName) {
  std::set<std::string_view> names;
  for (const DropText& text : kDropTexts) {
    EXPECT_FALSE(text.name.empty());
    EXPECT_EQ(text.help.back(), '.') << text.name;
    EXPECT_LT(text.name.size(), 56u);  // as the stats segment holds them
    EXPECT_LT(text.help.size(), 120u) << text.name;
    names.insert(text.name);
  }
  EXPECT_EQ(names.size(), kDropTexts.size());
}

// ASan watches the ends: each buffer is as long as it says.
TEST(IpChecks, ReadsNothingBeyondTheBytes) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200000; round++) {
    Bytes bytes(rng() % 120);
    for (auto& b : bytes) {
      b = static_cast<uint8_t>(rng() % 3 == 0 ? rng() : rng() % 64);
    }
    const auto size = static_cast<uint32_t>(bytes.size());
    const auto total = size + static_cast<uint32_t>(rng() % 300);
    if (size > 0) {
      bytes[0] = static_cast<uint8_t>(rng() % 2 == 0 ? 0x45 + rng() % 11 : 0x60);
    }
    if (size >= 20 && bytes[0] >> 4 == 4) {
      bytes[10] = bytes[11] = 0;
      const uint16_t sum = internet_checksum(bytes.data(), std::min<size_t>(size, (bytes[0] & 0xf) * 4u));
      std::memcpy(&bytes[10], &sum, 2);
      bytes[2] = 0;
    }
    const Verdict v4 = check_ip4(bytes.data(), size, total);
    if (v4.next == Verdict::options) {
      const uint32_t header = (bytes[0] & 0xfu) * 4;
      uint8_t copied[40];
      EXPECT_NE(check_ip4_options(bytes.data(), size).next, Verdict::options);
      EXPECT_LE(copy_fragment_options(bytes.data() + 20, header - 20, copied), header - 20);
    }
    const Verdict v6 = check_ip6(bytes.data(), size, total);
    if (v6.next == Verdict::options) {
      EXPECT_NE(check_ip6_extensions(bytes.data(), size, total).next, Verdict::options);
      EXPECT_LE(find_ip6_transport(bytes.data(), size).offset, size);
    }
  }
}

TEST(IpChecks, HeadersBeyondTheFirstBufferAreTooFar) {
  Bytes packet(48);
  packet[0] = 0x60;
  packet[5] = 100;
  packet[6] = 60;
  packet[8] = 0x20;
  packet[24] = 0x20;
  packet[40] = 17;
  packet[41] = 2;  // 24 bytes long, of which 8 are here
  const Verdict verdict = check_ip6_extensions(packet.data(), 48, 140);
  EXPECT_EQ(verdict.next, Verdict::drop);
  EXPECT_EQ(verdict.reason, IpDrop::ip6_extension_chain);
}

}  // namespace
}  // namespace floof::ip
