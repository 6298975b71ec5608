// SPDX-License-Identifier: GPL-3.0-or-later
//
// The lookups for CPUs with AVX-512 (F, BW, VL) and BMI2: all boundaries of a range block in one comparison.
#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "features/ip/fib/fib_lookup.h"

namespace floof::ip::fib {
namespace {

inline unsigned count_below(const uint16_t* keys, unsigned room, uint16_t key) {
  const auto lanes = static_cast<__mmask32>(~uint32_t{0} >> (32 - room));
  const __m512i stored = _mm512_maskz_loadu_epi16(lanes, keys);
  const __m512i wanted = _mm512_set1_epi16(static_cast<int16_t>(key));
  return static_cast<unsigned>(__builtin_popcount(_mm512_mask_cmplt_epu16_mask(lanes, stored, wanted)));
}

}  // namespace
}  // namespace floof::ip::fib

#include "features/ip/fib/fib_lookup_body.h"

namespace floof::ip::fib {
const Lookups kAvx512Lookups = {"avx512", lookup4, lookup6, small4, small6};
}
