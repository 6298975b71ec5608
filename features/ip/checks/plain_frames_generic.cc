// SPDX-License-Identifier: GPL-3.0-or-later
//
// The judge for every x86-64-v2 CPU: four frames at once, in SSE registers.
#include <smmintrin.h>

#include "features/ip/checks/plain_frames.h"

namespace floof::ip {
namespace {

constexpr unsigned kWide = 4;
using Words = uint32_t __attribute__((vector_size(16)));

inline Words row(const uint8_t* const* frames, unsigned i, size_t offset) {
  return reinterpret_cast<Words>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(frames[i] + offset)));
}
inline __m128i raw(Words words) { return reinterpret_cast<__m128i>(words); }
inline Words low32(Words a, Words b) { return reinterpret_cast<Words>(_mm_unpacklo_epi32(raw(a), raw(b))); }
inline Words high32(Words a, Words b) { return reinterpret_cast<Words>(_mm_unpackhi_epi32(raw(a), raw(b))); }
inline Words low64(Words a, Words b) { return reinterpret_cast<Words>(_mm_unpacklo_epi64(raw(a), raw(b))); }
inline Words high64(Words a, Words b) { return reinterpret_cast<Words>(_mm_unpackhi_epi64(raw(a), raw(b))); }
inline Words swapped(Words words) {
  const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  return reinterpret_cast<Words>(_mm_shuffle_epi8(raw(words), order));
}
inline unsigned bits_of(Words truth) { return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(truth))); }

}  // namespace
}  // namespace floof::ip

#include "features/ip/checks/plain_frames_body.h"

namespace floof::ip {
const FrameJudge kGenericFrameJudge = {"generic", judge, judge_tagged};
}
