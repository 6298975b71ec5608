// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the parsers of addresses and prefixes accept must survive being written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/address.h"
#include "base/prefix.h"

namespace floof {

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = parse_ip(text)) {
    const auto again = parse_ip(to_string(*address));
    require(again && *again == *address);
  }
  if (const auto mac = parse_mac(text)) {
    const auto again = parse_mac(to_string(*mac));
    require(again && *again == *mac);
  }
  if (const auto prefix = parse_prefix(text)) {
    const auto again = parse_prefix(to_string(*prefix));
    require(again && *again == *prefix && prefix->contains(prefix->address()) && prefix->contains(*prefix));
  }
  if (const auto address = parse_interface_address(text)) {
    const auto again = parse_interface_address(to_string(*address));
    require(again && *again == *address && address->subnet().contains(address->address));
  }
  return 0;
}

}  // namespace floof
