// SPDX-License-Identifier: GPL-3.0-or-later
//
// Limits on routes of peers: which are nearly reached, which keep routes out, and the sessions that one has ended (`bgp
// peer X import limit ... action disable`): BIRD keeps them down; `restart-after` has them tried again. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/crash/incidents.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

struct LimitedSession {
  std::string protocol;
  std::string peer;
  int64_t down_s = 0;                   ///< how long it has been down
  std::optional<uint64_t> restart_min;  ///< nothing: it stays down
  /// Until it is tried again; nothing: never.
  std::optional<int64_t> left_s() const;
  bool due() const { return restart_min && down_s >= static_cast<int64_t>(*restart_min) * 60; }
  /// "ended by its limit on routes; is tried again in 4 min".
  Incident incident() const;
};

/// Whether any peer has limits at all, so that BIRD need be asked.
bool has_limits(const Json& config);
/// "its limit of 2 accepted IPv4 routes is reached" for each that keeps routes out, and "8 of at most 10 ..." for each
/// that is used to 80 %, until it is less than 75 %. `protocols` of `show protocols all`; `before`: what this was
/// before.
std::vector<Incident> limit_incidents(const std::vector<Protocol>& protocols, const Json& config,
                                      const std::vector<Incident>& before);
/// A channel's routes as a limit of this kind counts them.
uint64_t counted(const Channel& channel, std::string_view kind);
/// "accepted IPv4 routes".
std::string routes_of(std::string_view channel, std::string_view kind);
/// Its import limit's restart-after, in minutes, or its policy's.
std::optional<uint64_t> restart_after(const Json& config, const Json& peer);
/// Whether BIRD says that a limit has ended it, and has not started it since.
bool ended_by_limit(const Protocol& protocol);
/// What BIRD says of them itself, until its next configuration. `protocols` of `show protocols`; `server_time` of
/// `show status`.
std::vector<LimitedSession> limited_sessions(const std::vector<Protocol>& protocols, std::string_view server_time,
                                             const Json& config);

}  // namespace floof::bird
