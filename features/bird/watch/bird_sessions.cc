// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_sessions.h"

#include <algorithm>
#include <cstdlib>

#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

constexpr size_t kLongestError = 200;

/// "Active        Socket: Connection refused" without the state; empty: no error.
std::string error_in(const Protocol& protocol) {
  const size_t blank = protocol.info.find(' ');
  const size_t begin = blank == std::string::npos ? blank : protocol.info.find_first_not_of(' ', blank);
  const std::string text = begin == std::string::npos ? "" : protocol.info.substr(begin);
  return text.find(": ") == std::string::npos ? "" : text.substr(0, kLongestError);
}

bool is_up(const Protocol& protocol) { return protocol.info.starts_with("Established"); }

/// BIRD reckons its times anew each time it is asked: a millisecond to and fro, more while the clock is set.
bool same_moment(const std::string& one, const std::string& other) {
  return one == other || std::abs(seconds_between(one, other).value_or(9)) <= 1;
}

/// When something happened that BIRD says happened at `time`.
int64_t unix_time(const SessionMemory::Look& look, std::string_view time) {
  return look.now - std::max<int64_t>(0, seconds_between(time, look.status.server_time).value_or(0));
}

int64_t whole(const Json& object, std::string_view key) {
  const Json& found = member(object, key);
  return found.is_number_integer() ? found.get<int64_t>() : 0;
}

}  // namespace

std::vector<SessionError> session_errors(std::string_view log) {
  std::vector<SessionError> out;
  while (!log.empty()) {
    const size_t end = log.find('\n');
    if (end == std::string_view::npos) {
      break;
    }
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(end + 1);
    // "2026-11-30 08:00:00.123 <RMT> bgp_x: Error: Bad peer AS: 64999"
    constexpr std::string_view kMark = " <RMT> ";
    const size_t mark = line.find(kMark);
    const size_t name = mark == std::string_view::npos ? mark : mark + kMark.size();
    const size_t colon = name == std::string_view::npos ? name : line.find(": ", name);
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::string_view text = line.substr(colon + 2);
    const bool sent = text.starts_with("Error: ");  // which `show protocols` calls a BGP Error
    if (sent || text.starts_with("Received: ")) {
      out.push_back({std::string(line.substr(name, colon - name)),
                     (sent ? "BGP " : "") + std::string(text.substr(0, kLongestError)),
                     std::string(line.substr(0, mark))});
    }
  }
  return out;
}

/// What says more of the same error is kept.
void SessionMemory::note_error(Entry& entry, const std::string& text, int64_t at) {
  const bool same = entry.error.starts_with(text) && at - entry.error_at < 2;
  if (!text.empty() && at >= entry.error_at && !same) {
    entry.error = text;
    entry.error_at = at;
  }
}

void SessionMemory::follow_one(Entry& entry, const std::vector<const Protocol*>& sessions, const Look& look,
                               bool restarted) {
  std::map<std::string, std::string> up;
  for (const Protocol* session : sessions) {
    if (is_up(*session)) {
      up[session->name] = session->since;
    }
  }
  for (const auto& [name, since] : entry.up) {
    const auto now = up.find(name);
    if (now != up.end() && same_moment(now->second, since)) {
      continue;
    }
    entry.flaps++;
    entry.flap_at = look.now;
    if (restarted) {
      note_error(entry, "BIRD was restarted", look.now);
    }
  }
  entry.up = std::move(up);
  for (const SessionError& error : look.errors) {
    const bool its = std::any_of(sessions.begin(), sessions.end(),
                                 [&](const Protocol* session) { return session->name == error.protocol; });
    if (its) {
      note_error(entry, error.text, unix_time(look, error.time));
    }
  }
  for (const Protocol* session : sessions) {
    // Where the log has told more of the same, that stays.
    if (const std::string text = is_up(*session) ? "" : error_in(*session); !entry.error.starts_with(text)) {
      note_error(entry, text, unix_time(look, session->since));
    }
  }
}

void SessionMemory::follow(const Look& look, const Json& config) {
  const bool restarted = !started_.empty() && !same_moment(started_, look.status.last_reboot);
  started_ = look.status.last_reboot;
  std::map<std::string, std::vector<const Protocol*>, std::less<>> sessions;
  for (const Protocol& protocol : look.protocols) {
    const std::string_view parent = spawned_by(protocol.name);
    sessions[protocol.name].push_back(&protocol);
    if (!parent.empty()) {
      sessions[std::string(parent)].push_back(&protocol);
    }
  }
  std::map<std::string, Entry, std::less<>> next;
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    for (const PeerSession& session : peer_sessions(peer)) {
      const auto known = all_.find(session.protocol);
      Entry entry = known == all_.end() ? Entry() : std::move(known->second);
      entry.peer = text_of(peer, "name");
      if (is_shut(peer)) {
        entry.up.clear();  // that it is down is what was wanted
      } else {
        follow_one(entry, sessions[session.protocol], look, restarted);
      }
      next[session.protocol] = std::move(entry);
    }
  }
  all_ = std::move(next);
}

std::vector<std::string> SessionMemory::news(const SessionMemory& before, size_t most) const {
  std::vector<std::string> out;
  size_t more = 0;
  const auto tell = [&](std::string line) {
    if (out.size() < most) {
      out.push_back(std::move(line));
    } else {
      more++;
    }
  };
  for (const auto& [protocol, entry] : all_) {
    const auto known = before.all_.find(protocol);
    const Entry old = known == before.all_.end() ? Entry() : known->second;
    if (entry.flaps > old.flaps) {
      const bool why = !entry.error.empty() && entry.error_at != old.error_at;
      tell(fmt::format("bgp peer {}: went down{}{}", entry.peer, why ? ": " : "", why ? entry.error : ""));
    }
    for (const auto& [session, since] : entry.up) {
      const auto was = old.up.find(session);
      if (was == old.up.end() || !same_moment(was->second, since)) {
        tell(fmt::format("bgp peer {}: established ({} in BIRD)", entry.peer, session));
      }
    }
  }
  if (more > 0) {
    out.push_back(fmt::format("{} more sessions went down or came up", more));
  }
  return out;
}

void SessionMemory::annotate(Json& shown, int64_t now) const {
  if (!shown.is_object()) {
    return;
  }
  for (const char* list : {"peers", "more-sessions"}) {
    if (const auto found = shown.find(list); found != shown.end() && found->is_array()) {
      std::for_each(found->begin(), found->end(), [&](Json& entry) { annotate(entry, now); });
    }
  }
  const std::string protocol = text_of(shown, "protocol");
  const std::string_view parent = spawned_by(protocol);
  const auto own = all_.find(protocol), found = own != all_.end() || parent.empty() ? own : all_.find(parent);
  if (protocol.empty() || found == all_.end()) {
    return;
  }
  const Entry& entry = found->second;
  shown["flaps"] = entry.flaps;
  if (entry.flaps > 0) {
    shown["flap-s"] = std::max<int64_t>(0, now - entry.flap_at);
  }
  const std::string said = text_of(shown, "last-error");
  if (!entry.error.empty() && entry.error.starts_with(said)) {
    constexpr std::string_view kBadAs = "Bad peer AS: ";
    const bool tells = entry.error.find(kBadAs) != std::string::npos;
    shown["last-error"] =
        entry.error + (tells ? fmt::format(" instead of {}", number_of(shown, "remote-as")) : std::string());
    shown["last-error-s"] = std::max<int64_t>(0, now - entry.error_at);
  }
}

Json SessionMemory::to_json() const {
  Json sessions = Json::array();
  for (const auto& [protocol, entry] : all_) {
    sessions.push_back({{"protocol", protocol},
                        {"peer", entry.peer},
                        {"error", entry.error},
                        {"error-at", entry.error_at},
                        {"flaps", entry.flaps},
                        {"flap-at", entry.flap_at},
                        {"up", entry.up}});
  }
  return {{"started", started_}, {"sessions", std::move(sessions)}};
}

SessionMemory SessionMemory::from_json(const Json& stored) {
  SessionMemory out;
  out.started_ = text_of(stored, "started");
  for (const Json& one : items(stored, "sessions")) {
    Entry entry{text_of(one, "peer"),  text_of(one, "error"),   whole(one, "error-at"),
                whole(one, "flap-at"), number_of(one, "flaps"), {}};
    if (const Json& up = member(one, "up"); up.is_object()) {
      for (const auto& [name, since] : up.items()) {
        entry.up[name] = since.is_string() ? since.get<std::string>() : "";
      }
    }
    if (const std::string protocol = text_of(one, "protocol"); !protocol.empty()) {
      out.all_[protocol] = std::move(entry);
    }
  }
  return out;
}

}  // namespace floof::bird
