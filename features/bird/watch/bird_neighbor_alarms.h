// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is told of neighbours with which something that the configuration asks for does not work. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// Whether the peer, its group or all of BGP asks for BFD. Pure.
bool wants_bfd(const Json& config, const Json& peer);

inline constexpr size_t kLongestLogLine = 4096;

/// What an OSPF router says that we refuse as a neighbour, in a line of BIRD's log.
struct OspfRefusal {
  std::string protocol;  ///< "floof_ospf2"
  std::string neighbor;  ///< its router id, or its address
  std::string interface;
  std::string reason;   ///< "dead interval mismatch", "area mismatch", ...
  uint64_t theirs = 0;  ///< their value
};
/// Nothing when the line is about something else. Takes any bytes. Pure.
std::optional<OspfRefusal> parse_ospf_refusal(std::string_view line);
/// "OSPFv3 on e1: 198.51.100.2 ...: what differs and what to set". Pure.
std::string refusal_alarm(const OspfRefusal& refusal, const Json& config);
/// Peers whose session is up while the BFD session that was asked for is not. `sessions` as from bfd_json. Pure.
std::vector<std::string> bfd_alarms(const Json& sessions, const std::vector<Protocol>& protocols,
                                    std::string_view server_time, const Json& config);

}  // namespace floof::bird
