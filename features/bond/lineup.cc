// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bond/lineup.h"

#include <algorithm>

namespace floof::bond {

namespace {

uint32_t active_of(const LineupRules& rules, std::span<const MemberState> members, uint32_t before) {
  const auto is_up = [&](uint32_t id) {
    return std::any_of(members.begin(), members.end(),
                       [&](const MemberState& member) { return member.up && member.id == id; });
  };
  for (const uint32_t wanted : {rules.primary, before}) {
    if (wanted != 0 && is_up(wanted)) {
      return wanted;
    }
  }
  const auto first = std::find_if(members.begin(), members.end(), [](const MemberState& member) { return member.up; });
  return first == members.end() ? 0 : first->id;
}

}  // namespace

Lineup line_up(const LineupRules& rules, std::span<const MemberState> members, uint32_t active) {
  Lineup out;
  if (rules.mode == Mode::active_backup) {
    out.active = active_of(rules, members, active);
    out.up = out.active != 0;
    if (out.up) {
      out.senders = out.receivers = {out.active};
    }
    return out;
  }
  const bool lacp = rules.mode == Mode::lacp;
  for (const MemberState& member : members) {
    if (member.up && (!lacp || member.distributing)) {
      out.senders.push_back(member.id);
    }
    if (member.up && (!lacp || member.collecting)) {
      out.receivers.push_back(member.id);
    }
  }
  out.up = !out.senders.empty() && out.senders.size() >= rules.min_links;
  if (!out.up) {
    out.senders.clear();
  }
  return out;
}

}  // namespace floof::bond
