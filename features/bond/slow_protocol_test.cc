// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/slow_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace floof::bond {

namespace {

const Mac kSource{{0x02, 0, 0, 0, 0, 7}};

Lacpdu example() {
  Lacpdu out;
  out.actor = {0x8000, Mac{{2, 0x11, 0x22, 0x33, 0x44, 0x55}}, 0x0102, 0x00ff, 3, 0x3d};
  out.partner = {0x7fff, Mac{{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}}, 0x0304, 0x0080, 9, 0x45};
  out.collector_delay = 50;
  return out;
}

Unusable refusal(std::span<const uint8_t> frame) {
  const auto parsed = parse_slow_protocol(frame);
  const auto* const why = std::get_if<Unusable>(&parsed);
  EXPECT_NE(why, nullptr);
  return why == nullptr ? Unusable::other : *why;
}

// The fields where 802.1AX-2014 figure 6-7 has them.
TEST(SlowProtocol, LacpduOnTheWire) {
  const SlowFrame frame = build_frame(example(), kSource);
  const std::vector<uint8_t> head = {
      0x01, 0x80, 0xc2, 0x00, 0x00, 0x02, 0x02, 0,    0,    0,    0, 7, 0x88, 0x09,  // Ethernet
      1,    1,                                                                       // LACP, version
      1,    20,   0x80, 0x00, 2,    0x11, 0x22, 0x33, 0x44, 0x55, 1, 2, 0,    0xff, 0, 3, 0x3d, 0, 0, 0,  // actor
      2,    20,   0x7f, 0xff, 2,    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 3, 4, 0,    0x80, 0, 9, 0x45, 0, 0, 0,
      3,    16,   0,    50,   0,    0};
  EXPECT_TRUE(std::equal(head.begin(), head.end(), frame.begin()));
  EXPECT_TRUE(std::all_of(frame.begin() + 60, frame.end(), [](uint8_t byte) { return byte == 0; }));
  const auto parsed = parse_slow_protocol(frame);
  ASSERT_NE(std::get_if<Lacpdu>(&parsed), nullptr);
  EXPECT_EQ(std::get<Lacpdu>(parsed), example());
}

TEST(SlowProtocol, MarkerThereAndBack) {
  const Marker marker{true, 0x0102, Mac{{2, 3, 4, 5, 6, 7}}, 0x01020304};
  const SlowFrame frame = build_frame(marker, kSource);
  const std::vector<uint8_t> body = {2, 1, 2, 16, 1, 2, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 0};
  EXPECT_TRUE(std::equal(body.begin(), body.end(), frame.begin() + 14));
  const auto parsed = parse_slow_protocol(frame);
  ASSERT_NE(std::get_if<Marker>(&parsed), nullptr);
  EXPECT_EQ(std::get<Marker>(parsed), marker);
}

TEST(SlowProtocol, NewerVersionsAndTrailersAreRead) {
  const SlowFrame frame = build_frame(example(), kSource);
  std::vector<uint8_t> longer(frame.begin(), frame.end());
  longer[15] = 2;          // version
  longer[56] = 9;          // not the collector's TLV
  longer.resize(300, 77);  // what version 2 appends
  const auto parsed = parse_slow_protocol(longer);
  ASSERT_NE(std::get_if<Lacpdu>(&parsed), nullptr);
  EXPECT_EQ(std::get<Lacpdu>(parsed).partner, example().partner);
}

TEST(SlowProtocol, WhatIsNotTaken) {
  const SlowFrame good = build_frame(example(), kSource);
  for (size_t length = 0; length < good.size(); length++) {
    EXPECT_EQ(refusal(std::span(good).first(length)), Unusable::cut) << length;
  }
  const auto with = [&](size_t at, uint8_t value) {
    SlowFrame frame = good;
    frame[at] = value;
    return refusal(frame);
  };
  EXPECT_EQ(with(5, 3), Unusable::misaddressed);
  EXPECT_EQ(with(6, 3), Unusable::misaddressed) << "a group as the source";
  EXPECT_EQ(with(13, 0x0a), Unusable::other);
  EXPECT_EQ(with(14, 10), Unusable::other) << "ESMC, for one";
  EXPECT_EQ(with(15, 0), Unusable::other);
  EXPECT_EQ(with(16, 2), Unusable::layout);
  EXPECT_EQ(with(17, 19), Unusable::layout);
  EXPECT_EQ(with(36, 1), Unusable::layout);
  EXPECT_EQ(with(37, 0), Unusable::layout);
  EXPECT_EQ(with(20, 3), Unusable::no_system);
  Lacpdu nobody = example();
  nobody.actor.system = {};
  EXPECT_EQ(refusal(build_frame(nobody, kSource)), Unusable::no_system);
  SlowFrame marker = build_frame(Marker{}, kSource);
  marker[16] = 3;
  EXPECT_EQ(refusal(marker), Unusable::layout);
}

}  // namespace
}  // namespace floof::bond
