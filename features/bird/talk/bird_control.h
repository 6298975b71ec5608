// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD is told to do with sessions outside of a commit. All block as long as the client does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_client.h"

namespace floof::bird {

/// `clear bgp peer <name|all> soft [in|out] | hard`. `request`: "peer", "how" soft or hard, "direction" in, out or
/// absent (both). Soft: routes are filtered again in both directions, by route refresh where the peer has to send them
/// again (RFC 2918). Hard: the session restarts; one that a limit or somebody at birdc has disabled is enabled. A peer
/// that the configuration disables stays down, which is an Error when it was named. An Error too for sessions of which
/// BIRD refuses it; the others are cleared all the same.
Result<> clear_peers(BirdClient& client, const Json& config, const Json& request);
/// The commands of it, for tests. `protocols`: what BIRD has, for the sessions of unnumbered peers. Pure.
Result<std::vector<std::string>> clear_commands(const Json& config, const Json& request,
                                                const std::vector<Protocol>& protocols, const Version& version = {});
/// Says them by `call`; the Error names every session that was refused.
Result<> run_clear(const std::function<Result<Reply>(const std::string&)>& call,
                   const std::vector<std::string>& commands, const std::string& peer);

/// What neighbours are told when their sessions go down for good (RFC 9003): before BIRD gets the configuration that
/// disables them, it says the message in a notification of its own.
class Farewell {
 public:
  /// What `say` will say: to the peers that `config` disables and has a shutdown-message for.
  void prepare(const Json& config);
  /// Protocol and message, for those of `protocols` that are up or starting. Pure.
  std::vector<std::pair<std::string, std::string>> messages(const std::vector<Protocol>& protocols) const;
  /// Says it to those that are up or starting. What cannot be said is left out: the commit goes on without.
  void say(BirdClient& client);
  /// Enables what `say` has disabled, when the commit is undone.
  void take_back(BirdClient& client);

 private:
  std::vector<std::pair<Json, std::string>> peers_;  ///< with the message of each
  std::vector<std::string> said_;                    ///< symbols
};

}  // namespace floof::bird
