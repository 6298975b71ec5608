// SPDX-License-Identifier: GPL-3.0-or-later
//
// VLAN subinterfaces (IEEE 802.1Q): interfaces that have some of a port's or bond's tagged frames.
//
// Which frames: those with exactly one tag (`vlan 100`), with exactly two (`vlan 100 inner-vlan 7`, outer and inner),
// with this outer tag and any further ones (`inner-vlan any`), with any outer tag and any further ones (`vlan any`),
// without a tag or with the priority tag 0 alone (`vlan untagged`), and all else (`vlan default`). The more exact
// interface has a frame. The outer tag is 802.1Q (0x8100) or 802.1ad (0x88a8), the inner one 802.1Q. Only one VLAN, two
// VLANs and `untagged` say how to send, so only they may have addresses.
// This header is what floofd and the dataplane share: the parsed form of `device` in the desired state. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace floof::vlan {

inline constexpr uint16_t kLeastId = 1, kGreatestId = 4094;

enum class Match : uint8_t { one, two, outer_and_any, any, untagged, rest };
enum class OuterProtocol : uint16_t { dot1q = 0x8100, dot1ad = 0x88a8 };

/// What becomes of the three priority bits of tags (PCP) and the six of IP headers (DSCP).
struct Priority {
  std::optional<uint8_t> fixed;                   ///< PCP of what is sent; nothing: as it came, else 0
  std::array<std::optional<uint8_t>, 64> to_pcp;  ///< by DSCP, of what is sent; wins over `fixed`
  std::array<std::optional<uint8_t>, 8> to_dscp;  ///< by PCP, of what is received
  /// Whether the DSCP of packets that are sent has a say.
  bool chooses_pcp() const;
  /// Whether packets that are received may get a DSCP.
  bool writes_dscp() const;
  friend bool operator==(const Priority&, const Priority&) = default;
};

struct VlanSpec {
  std::string parent;  ///< name of an interface with a port, or of a bond
  Match match = Match::one;
  uint16_t outer = 0;  ///< one, two, outer_and_any
  uint16_t inner = 0;  ///< two
  OuterProtocol protocol = OuterProtocol::dot1q;
  Priority priority;
  /// Bytes of tags on frames that are sent.
  unsigned overhead() const { return match == Match::one ? 4 : match == Match::two ? 8 : 0; }
  /// Whether it can send, and so have addresses.
  bool sends() const { return match == Match::one || match == Match::two || match == Match::untagged; }
  friend bool operator==(const VlanSpec&, const VlanSpec&) = default;
};

/// `device` of the desired state: {"type":"vlan","parent":"e0","outer":100,"inner":7,"protocol":"802.1q",
/// "priority":{"fixed":5,"dscp":{"46":5},"pcp":{"5":46}}}; outer may be "any", "untagged" or "default", inner "any".
/// Errors name the field in `path` ("vlan outer").
Result<VlanSpec> parse_vlan(const nlohmann::json& device);

/// 0 to 63, or a name of RFC 2474, 2597, 3246, 5865 or 8622: cs5, af41, ef, va, le.
std::optional<uint8_t> parse_dscp(std::string_view text);

}  // namespace floof::vlan
