// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/policy/evaluate/as_path.h"
#include "features/policy/policy.h"

namespace floof::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto path = parse_as_path(text)) {
    (void)path->length();
    (void)path->first();
    (void)path->origin();
    const auto again = parse_as_path(to_string(*path));
    if (!again || again->flat() != path->flat() || again->has_set() != path->has_set()) {
      std::abort();
    }
  }
  if (const auto community = parse_community(text); community && parse_community(to_string(*community)) != community) {
    std::abort();
  }
  return 0;
}

}  // namespace floof::policy
