// SPDX-License-Identifier: GPL-3.0-or-later
//
// The lookups for CPUs with AVX2 and BMI2 (shifts by a register in one instruction, 16 boundaries at once).
#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "features/ip/fib/fib_lookup.h"

namespace floof::ip::fib {
namespace {

// As in the generic variant: two bits for each of 32 boundaries, a whole line always.
inline unsigned count_below(const uint16_t* keys, unsigned room, uint16_t key) {
  const auto* stored = reinterpret_cast<const __m256i*>(keys);
  const __m256i wanted = _mm256_set1_epi16(static_cast<int16_t>(key));
  const __m256i low = _mm256_cmpeq_epi16(_mm256_subs_epu16(wanted, _mm256_load_si256(stored)), _mm256_setzero_si256());
  const __m256i high =
      _mm256_cmpeq_epi16(_mm256_subs_epu16(wanted, _mm256_load_si256(stored + 1)), _mm256_setzero_si256());
  const uint64_t mask = static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
                        static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
  return static_cast<unsigned>(__builtin_popcountll(~mask & ~uint64_t{0} >> (64 - 2 * room))) / 2;
}

}  // namespace
}  // namespace floof::ip::fib

#include "features/ip/fib/fib_lookup_body.h"

namespace floof::ip::fib {
const Lookups kAvx2Lookups = {"avx2", lookup4, lookup6, small4, small6};
}
