// SPDX-License-Identifier: GPL-3.0-or-later
//
// The lookups for every CPU that FloofOS runs on (x86-64-v2).
#include <emmintrin.h>

#include <cstdint>

namespace floof::ip::fib {
namespace {

// One bit for each of 16 boundaries that is not below `wanted`. SSE2 compares signed words only; a saturating
// difference is 0 where wanted <= stored.
inline unsigned not_below(const uint16_t* keys, __m128i wanted) {
  const auto* stored = reinterpret_cast<const __m128i*>(keys);
  const __m128i low = _mm_cmpeq_epi16(_mm_subs_epu16(wanted, _mm_load_si128(stored)), _mm_setzero_si128());
  const __m128i high = _mm_cmpeq_epi16(_mm_subs_epu16(wanted, _mm_load_si128(stored + 1)), _mm_setzero_si128());
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

// Always looks at a whole line, that is at entries too where there are few boundaries: a branch on how many there are
// is mispredicted half of the time and costs more.
inline unsigned count_below(const uint16_t* keys, unsigned room, uint16_t key) {
  const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(key));
  const uint32_t mask = not_below(keys, wanted) | not_below(keys + 16, wanted) << 16;
  return static_cast<unsigned>(__builtin_popcount(~mask & ~uint32_t{0} >> (32 - room)));
}

}  // namespace
}  // namespace floof::ip::fib

#include "features/ip/fib/fib_lookup_body.h"

namespace floof::ip::fib {
const Lookups kGenericLookups = {"generic", lookup4, lookup6, small4, small6};
}
