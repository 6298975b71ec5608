// SPDX-License-Identifier: GPL-3.0-or-later
//
// The judge for CPUs with AVX2: eight frames at once.
#include <immintrin.h>

#include "features/ip/plain_frames.h"

namespace floof::ip {
namespace {

constexpr unsigned kWide = 8;
using Words = uint32_t __attribute__((vector_size(32)));

inline Words joined(__m128i first, __m128i second) { return reinterpret_cast<Words>(_mm256_set_m128i(second, first)); }
inline unsigned bits_of(Words truth) {
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(truth)));
}

}  // namespace
}  // namespace floof::ip

#include "features/ip/plain_frames_body.h"

namespace floof::ip {
const FrameJudge kAvx2FrameJudge = {"avx2", judge};
}
