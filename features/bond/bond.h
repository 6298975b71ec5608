// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bonds: several ports that are one interface (IEEE 802.1AX, and the static modes that Linux and VPP have).
//
// A bond's members are interfaces with a device and nothing else. `lacp.h` agrees with the partner which of them carry,
// `lineup.h` says for each mode who sends and who receives, `bond_hash.h` which member a flow takes.
// This header is what floofd and the dataplane share: the parsed form of `device` in the desired state. Any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::bond {

inline constexpr size_t kMostMembers = 32;
inline constexpr size_t kBuckets = 256;  ///< that a bond's flows fall into; a member that leaves moves only its own

enum class Mode : uint8_t { lacp, active_backup, balance_xor, broadcast, round_robin };
enum class LoadBalance : uint8_t { l2, l23, l34 };

struct BondSpec {
  Mode mode = Mode::lacp;
  std::vector<std::string> members;  ///< names of interfaces, in the order in which they were configured
  LoadBalance load_balance = LoadBalance::l34;
  unsigned min_links = 1;            ///< fewer than these that carry: the bond is down
  std::string primary;               ///< active-backup: carries whenever it can; empty: none
  bool active = true;                ///< lacp: speaks first
  bool fast = false;                 ///< lacp: asks for a PDU each second
  uint16_t system_priority = 32768;  ///< lacp; smaller is higher
  friend bool operator==(const BondSpec&, const BondSpec&) = default;
};

std::string_view to_string(Mode mode);
std::string_view to_string(LoadBalance balance);

/// `device` of the desired state: {"type":"bond","mode":"lacp","members":["e2","e3"],...}. What is not said has its
/// default. Errors name the field in `path` ("bond members").
Result<BondSpec> parse_bond(const nlohmann::json& device);

}  // namespace floof::bond
