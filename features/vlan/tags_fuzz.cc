// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>

#include "features/vlan/tags.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace floof;
  using namespace floof::vlan;
  static const TagTable table = [] {
    const TagTable::Entry entries[] = {
        {{"e0", Match::one, 100, 0, OuterProtocol::dot1q, {}}, IfId(2)},
        {{"e0", Match::two, 100, 7, OuterProtocol::dot1q, {}}, IfId(3)},
        {{"e0", Match::outer_and_any, 200, 0, OuterProtocol::dot1ad, {}}, IfId(4)},
        {{"e0", Match::any, 0, 0, OuterProtocol::dot1ad, {}}, IfId(5)},
    };
    return TagTable(entries);
  }();
  const Tags tags = read_tags({data, size});
  if (tags.broken) {
    return 0;
  }
  // Enough bytes for all that comes off, and for the type behind it.
  const auto found = table.find(tags, IfId(1));
  if (size < 14u + found.strip || found.strip > 12 || tags.count + (tags.skipped != 0) > int{kDeepest}) {
    std::abort();
  }
  if (found.interface == IfId(2) && !(tags.count == 1 && tags.outer == 100)) {
    std::abort();
  }
  return 0;
}
