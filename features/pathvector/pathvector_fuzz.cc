// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any text: an Error, or set lines that are one line each and have no control characters.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/pathvector/pathvector.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto done = floof::pathvector::translate({reinterpret_cast<const char*>(data), size});
  if (!done) {
    return 0;
  }
  for (const std::string& line : done->lines) {
    for (const char c : line) {
      if (static_cast<uint8_t>(c) < 0x20) {
        abort();
      }
    }
    if (!line.starts_with("set ")) {
      abort();
    }
  }
  return 0;
}
