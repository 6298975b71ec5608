// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/checks/plain_frames.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/prefix.h"
#include "features/ip/checks/checksum.h"
#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"
#include "features/ip/fib/fib_lookup.h"

namespace floof::ip {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr PlainFrames kOn{.mac_low = 0x00000002, .mac_high = 0x0100, .own4 = 0x010200c0};  // 192.0.2.1

Bytes frame(bool four, size_t payload) {
  Bytes out(14 + (four ? 20 : 40) + payload, 0x11);
  const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 9, 9, 9, 9, 9};
  std::copy(std::begin(start), std::end(start), out.begin());
  const size_t size = out.size() - (four ? 14 : 54);
  if (four) {
    const uint8_t ip[] = {8,  0, 0x45, 0, uint8_t(size >> 8), uint8_t(size), 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1,
                          10, 2, 0,    1};
    std::copy(std::begin(ip), std::end(ip), out.begin() + 12);
  } else {
    const uint8_t ip[] = {0x86, 0xdd, 0x60, 0, 0, 0, uint8_t(size >> 8), uint8_t(size), 17, 64};
    std::copy(std::begin(ip), std::end(ip), out.begin() + 12);
    out[22] = out[38] = 0x20;  // 2011:…
  }
  return out;
}

void fix_checksum(Bytes& out) {
  out[24] = out[25] = 0;
  const uint16_t sum = internet_checksum(&out[14], 20);
  std::memcpy(&out[24], &sum, 2);
}

/// One variant's opinion of some frames. Buffers have the room that the judge asks for.
struct Judged {
  std::unique_ptr<JudgedFrames> vector = std::make_unique<JudgedFrames>();
  std::vector<Bytes> buffers;

  Judged(const FrameJudge& judge, const std::vector<Bytes>& frames) : buffers(frames) {
    for (size_t i = 0; i < frames.size(); i++) {
      buffers[i].resize(std::max<size_t>(64, frames[i].size()));
      vector->frames[i] = buffers[i].data();
      vector->lengths[i] = static_cast<uint32_t>(frames[i].size());
    }
    judge.judge(kOn, *vector, frames.size());
  }
  bool four(size_t i) const { return (vector->plain4[i / 8] >> i % 8 & 1) != 0; }
  bool six(size_t i) const { return (vector->plain6[i / 8] >> i % 8 & 1) != 0; }
  bool padded(size_t i) const { return (vector->padded[i / 8] >> i % 8 & 1) != 0; }
};

std::vector<const FrameJudge*> judges() {
  std::vector<const FrameJudge*> out{&kGenericFrameJudge};
  if (fib::supported(fib::Variant::avx2)) {
    out.push_back(&kAvx2FrameJudge);
  }
  return out;
}

TEST(PlainFrames, PlainOnesArePlain) {
  for (const FrameJudge* judge : judges()) {
    for (const size_t payload : {0u, 1u, 30u, 1460u}) {
      for (const size_t padding : {0u, 1u, 12u}) {
        Bytes four = frame(true, payload), six = frame(false, payload);
        fix_checksum(four);
        four.resize(four.size() + padding);
        six.resize(six.size() + padding);
        const Judged judged(*judge, {four, six, four});
        EXPECT_TRUE(judged.four(0) && judged.six(1) && judged.four(2)) << judge->name << " payload " << payload;
        EXPECT_FALSE(judged.six(0) || judged.four(1));
        for (size_t i = 0; i < 3; i++) {
          EXPECT_EQ(judged.padded(i), padding > 0) << judge->name << " payload " << payload;
        }
        EXPECT_EQ(judged.vector->destinations4[0], 0x0a020001u);
      }
    }
  }
}

TEST(PlainFrames, NothingBeyondTheCountIsJudged) {
  Bytes good = frame(true, 20);
  fix_checksum(good);
  for (const FrameJudge* judge : judges()) {
    for (size_t count = 1; count <= 17; count++) {
      const Judged judged(*judge, std::vector<Bytes>(count, good));
      EXPECT_EQ(judged.vector->plain4[(count - 1) / 8], 0xff >> (7 - (count - 1) % 8)) << count;
    }
  }
}

// Random damage: the variants agree, and what they find plain has passed the checks of the general way.
TEST(PlainFrames, AgreeWithTheChecks) {
  std::mt19937 random(3);
  size_t plain = 0;
  for (int round = 0; round < 4000; round++) {
    std::vector<Bytes> frames;
    for (size_t n = 1 + random() % 32; n > 0; n--) {
      const bool four = random() % 2 == 0;
      Bytes bytes = frame(four, random() % 40);
      for (size_t damage = random() % 3; damage > 0; damage--) {
        bytes[random() % std::min<size_t>(bytes.size(), 54)] = static_cast<uint8_t>(random() % 4 == 0 ? 0 : random());
      }
      if (four && random() % 8 != 0) {
        fix_checksum(bytes);
      }
      if (random() % 8 == 0) {
        bytes.resize(34 + random() % 30);
      }
      frames.push_back(std::move(bytes));
    }
    const Judged judged(kGenericFrameJudge, frames);
    for (size_t i = 0; i < frames.size(); i++) {
      for (const FrameJudge* other : judges()) {
        const Judged again(*other, frames);
        ASSERT_EQ(judged.four(i), again.four(i)) << other->name;
        ASSERT_EQ(judged.six(i), again.six(i)) << other->name;
        ASSERT_EQ(judged.padded(i), again.padded(i)) << other->name;
      }
      const auto length = static_cast<uint32_t>(frames[i].size() - 14);
      plain += judged.four(i) || judged.six(i);
      ASSERT_TRUE(!judged.four(i) || check_ip4(&frames[i][14], length, length).next == Verdict::lookup);
      ASSERT_TRUE(!judged.six(i) || check_ip6(&frames[i][14], length, length).next == Verdict::lookup);
    }
  }
  EXPECT_GT(plain, 10'000u);
}

}  // namespace
}  // namespace floof::ip
