// SPDX-License-Identifier: GPL-3.0-or-later
//
// The judge of plain_frames.h, to be included once by each plain_frames_VARIANT.cc, which defines for its instruction
// set: kWide, the number of lanes (4 or 8); Words, a vector of so many 32-bit words; `row(frames, i, offset)`, 16 bytes
// of frame i (8 lanes: and of frame i + 4 in the upper half); `low32`, `high32`, `low64` and `high64`, which interleave
// words or pairs of words of the lower or upper eight bytes of each 16; `swapped`, with the bytes of each word turned
// round; `bits_of`, a bit for each lane. Nothing here may call an inline function of another header: the linker would
// keep one copy of it, perhaps the one for a better CPU than ours.
//
// Cost: 27 % of ip-fast's instructions (callgrind). The frame is cut into words as it lies, at 0, 4, 12, 16, ...; the
// IP header, which begins at 14, is not moved: its checksum is a sum of 16-bit numbers wherever they lie.
#pragma once

#include "features/ip/checks/plain_frames.h"

namespace floof::ip {
namespace {

/// 16 bytes of each of kWide frames, turned so that a word of all of them lies in one vector. A word that nobody asks
/// for costs little.
class Columns {
 public:
  Columns(const uint8_t* const* frames, size_t offset) {
    const Words a = row(frames, 0, offset), b = row(frames, 1, offset);
    const Words c = row(frames, 2, offset), d = row(frames, 3, offset);
    low_ab_ = low32(a, b);
    low_cd_ = low32(c, d);
    high_ab_ = high32(a, b);
    high_cd_ = high32(c, d);
  }
  Words word0() const { return low64(low_ab_, low_cd_); }
  Words word1() const { return high64(low_ab_, low_cd_); }
  Words word2() const { return low64(high_ab_, high_cd_); }
  Words word3() const { return high64(high_ab_, high_cd_); }

 private:
  Words low_ab_, low_cd_, high_ab_, high_cd_;
};

inline Words truth(auto comparison) { return reinterpret_cast<Words>(comparison); }

// Few frames are judged one by one: what follows works on words of one frame, too.
inline uint32_t truth(bool comparison) { return comparison ? UINT32_MAX : 0; }
inline uint32_t swapped(uint32_t word) { return __builtin_bswap32(word); }
inline uint32_t word_at(const uint8_t* at) {
  uint32_t out;
  __builtin_memcpy(&out, at, sizeof out);
  return out;
}

/// What kWide frames hold at some offsets, words as they lie in memory. VLAN tags are left out: offsets are those of an
/// untagged frame.
template <bool kTagged>
struct Frames {
  Frames(const uint8_t* const* frames, Words whole_length, size_t tag_bytes)
      : start(frames, 0),
        type(frames, kTagged ? tag_bytes : 0),
        middle(frames, 16 + tag_bytes),
        end(frames, 30 + tag_bytes),
        length(whole_length) {}
  Words at12() const { return type.word3(); }  ///< type, then the IP header's first two bytes
  Words at16() const { return middle.word0(); }
  Words at20() const { return middle.word1(); }
  Words at22() const { return at20() >> 16 | at24() << 16; }
  Words at24() const { return middle.word2(); }
  Words at28() const { return middle.word3(); }
  Words at26() const { return at24() >> 16 | at28() << 16; }

  Columns start, type, middle, end;
  Words length;
};

/// The same of a single frame.
struct OneFrame {
  OneFrame(const uint8_t* frame, uint32_t whole_length, size_t tag_bytes)
      : start{frame}, ip{frame + tag_bytes}, end{frame + tag_bytes + 30}, length(whole_length) {}
  uint32_t at12() const { return word_at(ip + 12); }
  uint32_t at16() const { return word_at(ip + 16); }
  uint32_t at20() const { return word_at(ip + 20); }
  uint32_t at22() const { return word_at(ip + 22); }
  uint32_t at24() const { return word_at(ip + 24); }
  uint32_t at26() const { return word_at(ip + 26); }
  uint32_t at28() const { return word_at(ip + 28); }

  struct Bytes {
    const uint8_t* at;
    uint32_t word0() const { return word_at(at); }
    uint32_t word1() const { return word_at(at + 4); }
    uint32_t word2() const { return word_at(at + 8); }
  };
  Bytes start;
  const uint8_t* ip;  ///< 14 bytes before the IP header
  Bytes end;
  uint32_t length;
};

/// Not 0/8, 127/8, 224/3, 169.254/16.
inline auto unicast4(auto address) {
  const auto first = address & 0xff;
  return truth(first - 1 < 223) & truth(first != 127) & truth((address & 0xffff) != 0xfea9);
}
/// 2000::/3 and fc00::/7.
inline auto unicast6(auto first) { return truth((first & 0xe0) == 0x20) | truth((first & 0xfe) == 0xfc); }

/// What the frame's length should be.
inline auto length4(const auto& f) { return (swapped(f.at16()) >> 16) + 14; }
inline auto length6(const auto& f) { return (swapped(f.at16()) & 0xffff) + 54; }

inline auto halves(auto word) { return (word & 0xffff) + (word >> 16); }

inline auto good4(const PlainFrames& on, const auto& f) {
  const auto source = f.at26(), destination = f.end.word0();
  const auto sum = (f.at12() >> 16) + halves(f.at16()) + halves(f.at20()) + halves(f.at24()) + (f.at28() & 0xffff) +
                   halves(destination);
  // Ten numbers of 16 bits: folded once, a right header has 0xffff.
  const auto checksum = truth(halves(sum) == 0xffff);
  const auto length = length4(f);
  const auto size = truth(length >= 34) & truth(length <= f.length);
  const auto whole = truth((f.at20() & 0xff3f) == 0);  // neither more fragments nor an offset
  const auto lives = truth((f.at20() >> 16 & 0xff) > 1);
  return checksum & size & whole & lives & unicast4(source) & unicast4(destination) & truth(source != on.own4);
}

inline auto good6(const PlainFrames& on, const auto& f) {
  const auto size = truth(length6(f) <= f.length);
  const auto next = f.at20() & 0xff;
  auto transport = truth(next != 0);
  constexpr uint8_t kExtensions[] = {43, 44, 51, 60, 135, 139, 140};
  for (const uint8_t extension : kExtensions) {
    transport &= truth(next != extension);
  }
  const auto lives = truth((f.at20() >> 8 & 0xff) > 1);
  const auto own = truth(f.at22() == on.own6_first) & truth(f.end.word1() == on.own6_last);
  return size & transport & lives & unicast6(f.at22()) & unicast6(f.end.word2()) & ~own;
}

/// Not in vector registers. Bits beyond the last one are 0.
template <bool kTagged>
inline void judge_few(const PlainFrames& on, JudgedFrames& vector, size_t count, size_t tag_bytes) {
  unsigned plain4 = 0, plain6 = 0, padded = 0;
  for (size_t i = 0; i < count; i++) {
    const OneFrame f(vector.frames[i], vector.lengths[i], kTagged ? tag_bytes : 0);
    if (f.start.word0() != on.mac_low || (f.start.word1() & 0xffff) != on.mac_high) {
      continue;
    }
    if ((f.at12() & 0xffffff) == 0x450008) {
      vector.destinations4[i] = swapped(f.end.word0());
      const unsigned good = good4(on, f) & 1;
      plain4 |= good << i;
      padded |= (good & (length4(f) != f.length)) << i;
    } else if ((f.at12() & 0xf0ffff) == 0x60dd86) {
      const unsigned good = good6(on, f) & 1;
      plain6 |= good << i;
      padded |= (good & (length6(f) != f.length)) << i;
    }
  }
  vector.plain4[0] = static_cast<uint8_t>(plain4);
  vector.plain6[0] = static_cast<uint8_t>(plain6);
  vector.padded[0] = static_cast<uint8_t>(padded);
}

struct Verdicts {
  unsigned plain4, plain6, padded;  ///< bit i: frame at + i
};

/// Frames `at`..`at + kWide - 1`.
template <bool kTagged>
inline Verdicts judge_some(const PlainFrames& on, JudgedFrames& vector, size_t at, size_t tag_bytes) {
  const Frames<kTagged> f(vector.frames + at, *reinterpret_cast<const Words*>(vector.lengths + at), tag_bytes);
  const Words ours = truth(f.start.word0() == on.mac_low) & truth((f.start.word1() & 0xffff) == on.mac_high);
  Words four = ours & truth((f.at12() & 0xffffff) == 0x450008);
  Words six = ours & truth((f.at12() & 0xf0ffff) == 0x60dd86);
  Verdicts out{0, 0, 0};
  if (bits_of(four) != 0) {
    *reinterpret_cast<Words*>(vector.destinations4 + at) = swapped(f.end.word0());
    four &= good4(on, f);
    out.plain4 = bits_of(four);
    out.padded = bits_of(four & truth(length4(f) != f.length));
  }
  if (bits_of(six) != 0) {
    six &= good6(on, f);
    out.plain6 = bits_of(six);
    out.padded |= bits_of(six & truth(length6(f) != f.length));
  }
  return out;
}

template <bool kTagged>
inline void judge_all(const PlainFrames& on, JudgedFrames& vector, size_t count, size_t tag_bytes) {
  constexpr size_t kFew = 2;
  if (count <= kFew) {
    judge_few<kTagged>(on, vector, count, tag_bytes);
    return;
  }
  for (size_t at = count; at % JudgedFrames::kLanes != 0; at++) {
    vector.frames[at] = vector.frames[0];
    vector.lengths[at] = 0;
  }
  for (size_t at = 0; at < count; at += JudgedFrames::kLanes) {
    Verdicts verdicts = judge_some<kTagged>(on, vector, at, tag_bytes);
    if (kWide == 4) {
      const Verdicts more = judge_some<kTagged>(on, vector, at + 4, tag_bytes);
      verdicts = {verdicts.plain4 | more.plain4 << 4, verdicts.plain6 | more.plain6 << 4,
                  verdicts.padded | more.padded << 4};
    }
    vector.plain4[at / 8] = static_cast<uint8_t>(verdicts.plain4);
    vector.plain6[at / 8] = static_cast<uint8_t>(verdicts.plain6);
    vector.padded[at / 8] = static_cast<uint8_t>(verdicts.padded);
  }
}

void judge(const PlainFrames& on, JudgedFrames& vector, size_t count) { judge_all<false>(on, vector, count, 0); }

void judge_tagged(const PlainFrames& on, JudgedFrames& vector, size_t count, size_t tag_bytes) {
  judge_all<true>(on, vector, count, tag_bytes);
}

}  // namespace
}  // namespace floof::ip
