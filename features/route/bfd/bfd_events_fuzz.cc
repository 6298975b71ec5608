// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/route/bfd/bfd_events.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto change = floof::route::parse_bfd_event(line);
  if (change && line.find(change->up ? " to Up" : " from Up to Down") == std::string_view::npos) {
    std::abort();
  }
  return 0;
}
