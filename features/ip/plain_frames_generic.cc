// SPDX-License-Identifier: GPL-3.0-or-later
//
// The judge for every x86-64-v2 CPU: four frames at once, in SSE registers.
#include <smmintrin.h>

#include "features/ip/plain_frames.h"

namespace floof::ip {
namespace {

constexpr unsigned kWide = 4;
using Words = uint32_t __attribute__((vector_size(16)));

inline Words joined(__m128i first, __m128i) { return reinterpret_cast<Words>(first); }
inline unsigned bits_of(Words truth) { return static_cast<unsigned>(_mm_movemask_ps(reinterpret_cast<__m128>(truth))); }

}  // namespace
}  // namespace floof::ip

#include "features/ip/plain_frames_body.h"

namespace floof::ip {
const FrameJudge kGenericFrameJudge = {"generic", judge};
}
