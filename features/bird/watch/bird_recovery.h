// SPDX-License-Identifier: GPL-3.0-or-later
//
// BIRD after a crash (`bird -R`): until every peer has told its routes, or 60 s are over, it keeps what was in the
// kernel's table and sends nothing to anybody (RFC 4724, and see "Facts" in README.md). Its kernel protocols wait for
// BGP too although they carry none of its routes, so a restart of these, once OSPF is itself again, ends the wait for
// static and IGP routes (bird_recovery_watch.h). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// Whether it runs a protocol that learns routes from neighbours other than BGP's, and has to learn them again.
bool learns_from_neighbors(const Protocol& protocol);

struct Recovery {
  uint64_t left_s = 0;                 ///< at most so long
  std::vector<std::string> peers;      ///< waited for: the user's names, each once
  std::vector<std::string> kernel;     ///< our kernel protocols that wait
  std::vector<std::string> protocols;  ///< all others that have to learn their routes again: OSPF, RIP, Babel
  /// "BIRD restarted and recovers, at most 50 s more: ..."
  std::string text() const;
  /// What a commit has to say of it.
  std::string commit_text() const;
};
/// Nothing when none goes on. `protocols` of `show protocols all`.
std::optional<Recovery> recovery_of(const Status& status, const std::vector<Protocol>& protocols, const Json& config);

/// Whether an OSPF instance that runs for `age_s` seconds has heard everybody: its longest hello and
/// ospf::kComesUpSeconds have passed, no interface waits for a designated router and no adjacency is being made.
/// Answers to `show ospf interface` and `show ospf neighbors`.
bool ospf_settled(const Reply& interfaces, const Reply& neighbors, int64_t age_s);

/// Whether a static route may be one thing or another depending on BGP: by a preference not above BGP's.
bool yields_to_bgp(const Json& config);

}  // namespace floof::bird
