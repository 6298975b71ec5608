// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD does when its configuration changes: which protocols start, stop or restart, and which only filter their
// routes again. It compares two texts by BIRD 2's own rules (nest/proto.c proto_reconfigure and channel_reconfigure,
// bgp_reconfigure, static_reconfigure and so on). Raw texts are judged as BIRD reads them, whatever they open or close.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "features/bird/render/bird_version.h"
#include "features/bird/talk/bird_reply.h"
#include "features/bird/watch/bird_holds.h"

namespace floof::bird {

/// "import limit 100 action disable" of a channel.
struct LimitSetting {
  std::string channel;  ///< "ipv4"
  std::string kind;     ///< "import", "receive", "export"
  uint64_t most = 0;
  std::string action;
};

struct BirdChange {
  enum class Kind {
    starts,
    stops,
    restarts,
    may_restart,  ///< of a protocol that only raw text makes
    adjusts,      ///< it goes on
    stays_down,   ///< it is or will be configured, but nothing runs
  };
  Kind kind = Kind::adjusts;
  std::string type;                  ///< "bgp", "static"
  std::string protocol;              ///< its name in BIRD, without quotes
  std::string name;                  ///< what it is for people: "peer a", "static routes (IPv4)"
  std::string peer;                  ///< of a session that the renderer wrote
  std::vector<std::string> effects;  ///< of one that adjusts: "filters its routes again"; else remarks
  std::string interrupts;            ///< what an adjustment interrupts
  std::vector<LimitSetting> limits;  ///< that it has afterwards
  bool limits_differ = false;
  bool imports_again = false;  ///< its import filter is another
  bool keeps_imports = false;  ///< it has an import table
  bool only_if_up = false;     ///< it restarts because it loses a family: while it is not up, it does so without that
  bool up = true;              ///< a session that may be up, as far as is known

  bool is_bgp() const { return type == "bgp"; }
};

/// In the order of the new text; protocols that go are last.
std::vector<BirdChange> bird_changes(std::string_view before, std::string_view after, const Version& version = {});

/// Makes it true for the sessions as they are: those that are not up or held, limits that are exceeded, peers that
/// cannot send their routes again. `protocols` of `show protocols all`.
void judge_by_sessions(std::vector<BirdChange>& changes, const std::vector<Protocol>& protocols,
                       const std::map<std::string, Holds::Hold>& held);

/// What BIRD has to be told after a configuration, so that what a limit has kept out (action block) is judged again: it
/// comes if the limit allows it now, and BIRD knows again that it has reached the limit. `protocols` as before.
std::vector<std::string> block_reloads(const std::vector<Protocol>& protocols, const Version& version = {});

}  // namespace floof::bird
