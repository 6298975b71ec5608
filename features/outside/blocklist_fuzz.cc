// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/outside/blocklist.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto list = floof::outside::parse_plain_list({reinterpret_cast<const char*>(data), size});
  if (list) {
    for (const auto& prefix : list->prefixes) {
      if (prefix.length() == 0) {
        std::abort();
      }
    }
    for (size_t i = 1; i < list->asns.size(); i++) {
      if (list->asns[i].first <= list->asns[i - 1].last) {
        std::abort();
      }
    }
  }
  return 0;
}
