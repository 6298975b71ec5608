// SPDX-License-Identifier: GPL-3.0-or-later
//
// A report that a crashing program has written, in whatever state it was: reading it stays within bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/crash/crash_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto report = floof::crash::parse_report({reinterpret_cast<const char*>(data), size});
  for (const auto& thread : report.threads) {
    if (thread.frames.size() > 64 || thread.name.size() > 16) {
      std::abort();
    }
  }
  if (report.threads.size() > 64 || report.maps.size() > 10'000) {
    std::abort();
  }
  return 0;
}
