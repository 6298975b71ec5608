// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sessions that a limit on routes has ended stay ended until their restart-after is over or somebody clears them. BIRD
// 2 would start them with its next configuration, as it does whatever it has disabled itself, and so would a BIRD that
// was restarted. So bird.conf says `disabled` for them, whoever reads it next; and a file beside it remembers them over
// a restart of floofd.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "features/bird/watch/bird_limits.h"

namespace floof::bird {

/// The text of bird.conf with `remark`, which says `disabled`, in the blocks of these protocols; no line moves. Pure.
std::string with_disabled(std::string_view text, const std::set<std::string>& protocols, std::string_view remark);
/// The same for holds.
std::string with_holds(std::string_view text, const std::set<std::string>& protocols);
/// The same without any. Pure.
std::string without_holds(std::string_view text);

/// The sessions that are held. Loop thread of floofd.
class Holds {
 public:
  struct Hold {
    std::string peer;
    std::string configured;  ///< its protocol in bird.conf: of a session of an unnumbered peer the parent
    std::string since;       ///< when the limit ended it, BIRD's time
    bool operator==(const Hold&) const = default;
  };

  /// Reads what an earlier floofd left in `run_dir`. What is no file of ours counts as none.
  explicit Holds(std::string run_dir);

  /// By the name that the session has, or had, in BIRD.
  const std::map<std::string, Hold>& all() const { return all_; }
  /// Takes in what BIRD says: sessions that a limit has ended are held; those that run again, because somebody has
  /// cleared them, are not; nor are those that `config` has no more or keeps down itself. What has changed is written
  /// to disk, bird.conf included.
  void follow(const std::vector<Protocol>& protocols, std::string_view server_time, const Json& config);
  /// Takes back what `follow` has dropped for a configuration that did not come to be.
  void keep(const std::map<std::string, Hold>& earlier);
  /// It may start again. Written to disk.
  void release(const std::string& protocol);
  /// `text` of bird.conf as it has to be on disk.
  std::string applied_to(std::string_view text) const;
  /// Writes bird.conf anew, if it does not say what is held.
  void mark_file() const;
  /// The held sessions as LimitedSessions at `server_time`, with what `config` says of their restart.
  std::vector<LimitedSession> sessions(std::string_view server_time, const Json& config) const;

 private:
  void store() const;

  std::string run_dir_;
  std::map<std::string, Hold> all_;
};

}  // namespace floof::bird
