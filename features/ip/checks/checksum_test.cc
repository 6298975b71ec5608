// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/checks/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace floof::ip {
namespace {

/// RFC 1071 by the letter: big-endian words, carries added as they come.
uint16_t naive(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += uint32_t{bytes[i]} << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

TEST(Checksum, EqualsNaive) {
  std::mt19937 rng(1);
  for (int round = 0; round < 3000; round++) {
    std::vector<uint8_t> bytes(rng() % 200);
    for (auto& b : bytes) {
      b = static_cast<uint8_t>(rng() % 3 == 0 ? 0xff : rng());
    }
    EXPECT_EQ(internet_checksum(bytes.data(), bytes.size()), __builtin_bswap16(naive(bytes)));
  }
}

TEST(Checksum, LongInputDoesNotOverflow) {
  const std::vector<uint8_t> bytes(1 << 17, 0xff);
  EXPECT_EQ(internet_checksum(bytes.data(), bytes.size()), __builtin_bswap16(naive(bytes)));
}

TEST(Checksum, IncrementalUpdateEqualsRecomputed) {
  std::mt19937 rng(2);
  for (int round = 0; round < 20000; round++) {
    std::vector<uint8_t> header(20);
    for (auto& b : header) {
      b = static_cast<uint8_t>(rng() % 4 == 0 ? 0 : rng() % 4 == 1 ? 0xff : rng());
    }
    header[0] = 0x45;  // a header is never all zero, where 0 and 0xffff would be told apart
    header[10] = header[11] = 0;
    const uint16_t before = internet_checksum(header.data(), 20);
    const size_t at = 2 * (rng() % 10);
    if (at == 10 || at == 0) {
      continue;
    }
    uint16_t old_word, new_word;
    std::memcpy(&old_word, &header[at], 2);
    header[at] = static_cast<uint8_t>(rng());
    header[at + 1] = static_cast<uint8_t>(rng());
    std::memcpy(&new_word, &header[at], 2);
    EXPECT_EQ(update_checksum(before, old_word, new_word), internet_checksum(header.data(), 20));
  }
}

}  // namespace
}  // namespace floof::ip
