// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/fib_lookup.h"

#include <cstdlib>
#include <string_view>

namespace floof::ip::fib {

const Lookups& lookups(Variant variant) {
  switch (variant) {
    case Variant::avx512:
      return kAvx512Lookups;
    case Variant::avx2:
      return kAvx2Lookups;
    default:
      return kGenericLookups;
  }
}

bool supported(Variant variant) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
  switch (variant) {
    case Variant::avx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl");
    case Variant::avx2:
      return avx2;
    default:
      return true;
  }
}

Variant best_variant() {
  Variant best = Variant::generic;
  const char* wanted = std::getenv("FLOOF_FIB_VARIANT");
  for (const Variant variant : kVariants) {
    if (!supported(variant)) {
      continue;
    }
    best = variant;
    if (wanted != nullptr && std::string_view(wanted) == lookups(variant).name) {
      return variant;
    }
  }
  return best;
}

}  // namespace floof::ip::fib
