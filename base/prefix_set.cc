// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/prefix_set.h"

#include <algorithm>

namespace floof {

PrefixSet::PrefixSet(std::vector<PrefixRange> ranges) : ranges_(std::move(ranges)) {
  std::sort(ranges_.begin(), ranges_.end());
  ranges_.erase(std::unique(ranges_.begin(), ranges_.end()), ranges_.end());
}

bool PrefixSet::has(Family family) const {
  return family == Family::ip4 ? !ranges_.empty() && ranges_.front().prefix.family() == Family::ip4
                               : !ranges_.empty() && ranges_.back().prefix.family() == Family::ip6;
}

bool PrefixSet::contains(const Prefix& route) const {
  for (int length = route.length(); length >= 0; length--) {
    const Prefix above(route.address(), static_cast<uint8_t>(length));
    auto at = std::lower_bound(ranges_.begin(), ranges_.end(), PrefixRange{above, 0, 0});
    for (; at != ranges_.end() && at->prefix == above; ++at) {
      if (at->contains(route)) {
        return true;
      }
    }
  }
  return false;
}

bool NamedAsns::contains(uint32_t asn) const {
  const auto after = std::upper_bound(set->begin(), set->end(), asn,
                                      [](uint32_t wanted, const Range& range) { return wanted < range.first; });
  return after != set->begin() && std::prev(after)->last >= asn;
}

}  // namespace floof
