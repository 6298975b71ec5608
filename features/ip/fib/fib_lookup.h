// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bulk longest-prefix match over the readers' blocks (fib_layout.h). Any thread, under QSBR: what the caller reads may
// be freed after its next quiescent state. Never waits. The same code is compiled for several instruction sets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "features/ip/fib/fib_layout.h"

namespace floof::ip::fib {

enum class Variant : uint8_t { generic, avx2, avx512 };
inline constexpr std::array kVariants = {Variant::generic, Variant::avx2, Variant::avx512};

/// An IPv6 address in wire order.
using Wire6 = uint8_t[16];

/// `count` addresses in host order to values, 0 where nothing matches.
using Lookup4 = void (*)(const View& view, const uint32_t* addresses, uint32_t* values, size_t count);
using Lookup6 = void (*)(const View& view, const Wire6* addresses, uint32_t* values, size_t count);

struct Lookups {
  const char* name;
  Lookup4 ip4;
  Lookup6 ip6;
  Lookup4 small4;  ///< of a table with a small root
  Lookup6 small6;
};

/// A table as it is published to readers, who follow it as a whole: when the table changes its form, it is another one.
struct Reader {
  View view;
  Lookup4 ip4;  ///< or null, in a table of the other family
  Lookup6 ip6;
};

const Lookups& lookups(Variant variant);
/// Does this CPU run it?
bool supported(Variant variant);
/// The best that this CPU supports, or what FLOOF_FIB_VARIANT (generic, avx2, avx512) asks for if that is supported.
Variant best_variant();

extern const Lookups kGenericLookups;
extern const Lookups kAvx2Lookups;
extern const Lookups kAvx512Lookups;

}  // namespace floof::ip::fib
