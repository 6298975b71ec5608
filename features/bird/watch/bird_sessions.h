// SPDX-License-Identifier: GPL-3.0-or-later
//
// What BIRD forgets of BGP sessions: their last error, once they are up again or BIRD has been restarted, how often
// they went down, and the details of an error, which stand in its log only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "features/bird/render/bird_text.h"
#include "features/bird/talk/bird_reply.h"

namespace floof::bird {

/// "bgp_x: Error: Bad peer AS: 64999" of BIRD's log.
struct SessionError {
  std::string protocol;
  std::string text;
  std::string time;  ///< BIRD's local time
};
/// The errors in whole lines of BIRD's log. Pure; takes any bytes.
std::vector<SessionError> session_errors(std::string_view log);

/// What is remembered of the sessions of configured peers, by the protocol that bird.conf has. A value.
class SessionMemory {
 public:
  struct Look {
    std::vector<Protocol> protocols;  ///< of `show protocols`
    Status status;
    std::vector<SessionError> errors;  ///< since the last look
    int64_t now = 0;                   ///< seconds since 1970
  };
  /// Takes in what BIRD says now.
  void follow(const Look& look, const Json& config);
  /// What has happened since `before`, a line for each session that went down or came up, and at most so many.
  std::vector<std::string> news(const SessionMemory& before, size_t most) const;
  /// Adds to what show_bgp_summary or show_bgp_peer gave: "flaps", how often the session went down, "flap-s", how long
  /// ago; "last-error", where BIRD has forgotten it or knows less, and "last-error-s", its age.
  void annotate(Json& shown, int64_t now) const;

  Json to_json() const;
  /// From to_json; what is none of ours counts as nothing.
  static SessionMemory from_json(const Json& stored);
  friend bool operator==(const SessionMemory&, const SessionMemory&) = default;

 private:
  struct Entry {
    std::string peer, error;
    int64_t error_at = 0, flap_at = 0;
    uint64_t flaps = 0;
    std::map<std::string, std::string> up;  ///< since when sessions are up, by their protocols
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  void note_error(Entry& entry, const std::string& text, int64_t at);
  void follow_one(Entry& entry, const std::vector<const Protocol*>& sessions, const Look& look, bool restarted);

  std::map<std::string, Entry, std::less<>> all_;
  std::string started_;  ///< BIRD, as of the last look
};

}  // namespace floof::bird
