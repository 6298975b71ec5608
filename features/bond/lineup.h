// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who sends and who receives in a bond, for each mode. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "features/bond/bond.h"

namespace floof::bond {

struct MemberState {
  uint32_t id;              ///< never 0
  bool up = false;          ///< its link
  bool collecting = false;  ///< lacp: as Lacp::carries says; not looked at in other modes
  bool distributing = false;
};

struct LineupRules {
  Mode mode = Mode::lacp;
  unsigned min_links = 1;
  uint32_t primary = 0;  ///< active-backup; 0: none
};

/// In the order of the members. A bond that is down sends nothing; what arrives is taken as `receivers` says, so that
/// both ends can come up.
struct Lineup {
  std::vector<uint32_t> senders;
  std::vector<uint32_t> receivers;
  bool up = false;
  uint32_t active = 0;  ///< active-backup: the one that carries
  friend bool operator==(const Lineup&, const Lineup&) = default;
};

/// `active`: Lineup::active of before. The primary carries whenever its link is up; else the active one stays as long
/// as it can, so that a link that comes back moves nothing.
Lineup line_up(const LineupRules& rules, std::span<const MemberState> members, uint32_t active);

}  // namespace floof::bond
