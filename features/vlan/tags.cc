// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/vlan/tags.h"

#include <algorithm>

namespace floof::vlan {

namespace {

void set_once(IfId& to, IfId interface) {
  if (!to.valid()) {
    to = interface;
  }
}

}  // namespace

TagTable::Outer& TagTable::outer_of(const VlanSpec& spec) {
  auto& outers = outers_[spec.protocol == OuterProtocol::dot1ad];
  if (!outers) {
    outers = std::make_unique<Outers>();
  }
  return (*outers)[spec.outer & kIdMask];
}

void TagTable::add_two(uint32_t key, IfId interface) {
  size_t at = slot_of(key);
  while (twos_[at].key != 0 && twos_[at].key != key) {
    at = (at + 1) & (twos_.size() - 1);
  }
  if (twos_[at].key == 0) {
    twos_[at] = {key, interface};
  }
}

TagTable::TagTable(std::span<const Entry> entries) {
  const auto pairs = static_cast<size_t>(
      std::count_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.spec.match == Match::two; }));
  size_t slots = 2;
  while (slots < 2 * pairs + 1) {
    slots *= 2;
    two_shift_--;
  }
  twos_.resize(slots);
  for (const Entry& entry : entries) {
    const bool dot1ad = entry.spec.protocol == OuterProtocol::dot1ad;
    switch (entry.spec.match) {
      case Match::one:
        set_once(outer_of(entry.spec).one, entry.interface);
        break;
      case Match::two:
        outer_of(entry.spec).has_two = true;
        add_two(key_of(dot1ad, entry.spec.outer, entry.spec.inner), entry.interface);
        break;
      case Match::outer_and_any:
        set_once(outer_of(entry.spec).any_inner, entry.interface);
        break;
      case Match::any:
        set_once(any_[dot1ad], entry.interface);
        break;
      case Match::untagged:
        set_once(untagged_, entry.interface);
        break;
      case Match::rest:
        set_once(rest_, entry.interface);
        break;
    }
  }
}

}  // namespace floof::vlan
