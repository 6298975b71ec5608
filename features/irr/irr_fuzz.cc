// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/irr/irr.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Family family : {Family::ip4, Family::ip6}) {
    if (const auto prefixes = irr::parse_prefixes(text, family)) {
      for (const Prefix& prefix : *prefixes) {
        if (prefix.family() != family || prefix.length() == 0) {
          std::abort();
        }
      }
    }
  }
  (void)irr::parse_members(text);
  if (irr::server_error(text).size() > 200) {
    std::abort();
  }
  for (const std::string& name : irr::as_sets_in(text)) {
    if (!irr::is_as_set(name) || name.front() == '-') {
      std::abort();
    }
  }
  return 0;
}
