// SPDX-License-Identifier: GPL-3.0-or-later
//
// The judge of plain_frames.h, to be included once by each plain_frames_VARIANT.cc, which defines for its instruction
// set: kWide, the number of lanes (4 or 8); Words, a vector of so many 32-bit words; `joined`, which makes one of two
// quarters; `bits_of`, a bit for each lane. Nothing here may call an inline function of another header: the linker
// would keep one copy of it, perhaps the one for a better CPU than ours.
#pragma once

#include "features/ip/plain_frames.h"

namespace floof::ip {
namespace {

inline __m128i bytes_at(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

/// 16 bytes of each of kWide frames, turned so that a word of all of them lies in one vector. A word that nobody asks
/// for costs little.
class Columns {
 public:
  Columns(const uint8_t* const* frames, size_t offset) {
    turn(frames, offset, 0);
    if (kWide == 8) {
      turn(frames + 4, offset, 1);
    }
  }
  Words word0() const { return lower(low_ab_, low_cd_); }
  Words word1() const { return upper(low_ab_, low_cd_); }
  Words word2() const { return lower(high_ab_, high_cd_); }
  Words word3() const { return upper(high_ab_, high_cd_); }

 private:
  void turn(const uint8_t* const* frames, size_t offset, unsigned half) {
    const __m128i a = bytes_at(frames[0] + offset), b = bytes_at(frames[1] + offset);
    const __m128i c = bytes_at(frames[2] + offset), d = bytes_at(frames[3] + offset);
    low_ab_[half] = _mm_unpacklo_epi32(a, b);
    low_cd_[half] = _mm_unpacklo_epi32(c, d);
    high_ab_[half] = _mm_unpackhi_epi32(a, b);
    high_cd_[half] = _mm_unpackhi_epi32(c, d);
  }
  static Words lower(const __m128i* ab, const __m128i* cd) {
    return joined(_mm_unpacklo_epi64(ab[0], cd[0]), _mm_unpacklo_epi64(ab[1], cd[1]));
  }
  static Words upper(const __m128i* ab, const __m128i* cd) {
    return joined(_mm_unpackhi_epi64(ab[0], cd[0]), _mm_unpackhi_epi64(ab[1], cd[1]));
  }
  __m128i low_ab_[2] = {}, low_cd_[2] = {}, high_ab_[2] = {}, high_cd_[2] = {};
};

/// The first four words of IP headers.
struct Lanes {
  Words word[4];
};

/// The 16-bit number in network order in the lower half of each lane.
inline Words number16(Words low_half) { return (low_half & 0xff) << 8 | (low_half >> 8 & 0xff); }

inline Words truth(auto comparison) { return reinterpret_cast<Words>(comparison); }

/// Not 0/8, 127/8, 224/3, 169.254/16.
inline Words unicast4(Words address) {
  const Words first = address & 0xff;
  return truth(first - 1 < 223) & truth(first != 127) & truth((address & 0xffff) != 0xfea9);
}
/// 2000::/3 and fc00::/7.
inline Words unicast6(Words first) { return truth((first & 0xe0) == 0x20) | truth((first & 0xfe) == 0xfc); }

/// What the frame's length should be.
inline Words length4(const Lanes& low) { return number16(low.word[0] >> 16) + 14; }
inline Words length6(const Lanes& low) { return number16(low.word[1] & 0xffff) + 54; }

/// `low`: words 0..3 of the IP header, `destination`: word 4.
inline Words good4(const PlainFrames& on, const Lanes& low, Words destination, Words length) {
  const Words source = low.word[3];
  Words sum = (destination & 0xffff) + (destination >> 16);
  for (unsigned i = 0; i < 4; i++) {
    sum += (low.word[i] & 0xffff) + (low.word[i] >> 16);
  }
  // Ten numbers of 16 bits: folded once, a right header has 0xffff.
  const Words checksum = truth((sum & 0xffff) + (sum >> 16) == 0xffff);
  const Words size = truth(length4(low) >= 34) & truth(length4(low) <= length);
  const Words whole = truth((low.word[1] & 0xff3f0000) == 0);  // neither more fragments nor an offset
  const Words lives = truth((low.word[2] & 0xff) > 1);
  return checksum & size & whole & lives & unicast4(source) & unicast4(destination) & truth(source != on.own4);
}

/// `low`: words 0..3 of the IP header, `high`: words 4..7.
inline Words good6(const PlainFrames& on, const Lanes& low, const Columns& high, Words length) {
  const Words size = truth(length6(low) <= length);
  const Words next = low.word[1] >> 16 & 0xff;
  Words transport = truth(next != 0);
  constexpr uint8_t kExtensions[] = {43, 44, 51, 60, 135, 139, 140};
  for (const uint8_t extension : kExtensions) {
    transport &= truth(next != extension);
  }
  const Words lives = truth(low.word[1] >> 24 > 1);
  const Words own = truth(low.word[2] == on.own6_first) & truth(high.word1() == on.own6_last);
  return size & transport & lives & unicast6(low.word[2]) & unicast6(high.word2()) & ~own;
}

inline Words number32(Words word) { return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24; }

struct Verdicts {
  unsigned plain4, plain6, padded;  ///< bit i: frame at + i
};

/// Frames `at`..`at + kWide - 1`.
inline Verdicts judge_some(const PlainFrames& on, JudgedFrames& vector, size_t at) {
  const uint8_t* const* frames = vector.frames + at;
  const Columns start(frames, 0), header(frames, 14), high(frames, 30);
  const Lanes low = {{header.word0(), header.word1(), header.word2(), header.word3()}};
  const Words length = *reinterpret_cast<const Words*>(vector.lengths + at);
  const Words ours = truth(start.word0() == on.mac_low) & truth((start.word1() & 0xffff) == on.mac_high);
  Words four = ours & truth((start.word3() & 0xffffff) == 0x450008);
  Words six = ours & truth((start.word3() & 0xf0ffff) == 0x60dd86);
  Verdicts out{0, 0, 0};
  if (bits_of(four) != 0) {
    const Words destination = high.word0();
    *reinterpret_cast<Words*>(vector.destinations4 + at) = number32(destination);
    four &= good4(on, low, destination, length);
    out.plain4 = bits_of(four);
    out.padded = bits_of(four & truth(length4(low) != length));
  }
  if (bits_of(six) != 0) {
    six &= good6(on, low, high, length);
    out.plain6 = bits_of(six);
    out.padded |= bits_of(six & truth(length6(low) != length));
  }
  return out;
}

void judge(const PlainFrames& on, JudgedFrames& vector, size_t count) {
  for (size_t at = count; at % JudgedFrames::kLanes != 0; at++) {
    vector.frames[at] = vector.frames[0];
    vector.lengths[at] = 0;
  }
  for (size_t at = 0; at < count; at += JudgedFrames::kLanes) {
    Verdicts verdicts = judge_some(on, vector, at);
    if (kWide == 4) {
      const Verdicts more = judge_some(on, vector, at + 4);
      verdicts = {verdicts.plain4 | more.plain4 << 4, verdicts.plain6 | more.plain6 << 4,
                  verdicts.padded | more.padded << 4};
    }
    vector.plain4[at / 8] = static_cast<uint8_t>(verdicts.plain4);
    vector.plain6[at / 8] = static_cast<uint8_t>(verdicts.plain6);
    vector.padded[at / 8] = static_cast<uint8_t>(verdicts.padded);
  }
}

}  // namespace
}  // namespace floof::ip
