// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstring>
#include <memory>

#include "features/icmp/icmp_build.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const size_t length = size - 2;
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[length]);
  std::memcpy(bytes.get(), data + 2, length);
  floof::icmp::may_answer4(bytes.get(), static_cast<uint32_t>(length));
  floof::icmp::may_answer6(bytes.get(), static_cast<uint32_t>(length), {data[0], data[1], 0});
  return 0;
}
