// SPDX-License-Identifier: GPL-3.0-or-later
//
// Changes of the configuration, seen with the sessions that are there.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "features/bird/commit/bird_changes.h"
#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

using Kind = BirdChange::Kind;

/// The sessions of a protocol in bird.conf: itself and, if it is the parent of an unnumbered peer, what it has spawned.
std::vector<const Protocol*> sessions_of(const std::vector<Protocol>& all, const std::string& configured) {
  std::vector<const Protocol*> out;
  for (const Protocol& protocol : all) {
    if (protocol.name == configured || spawned_by(protocol.name) == configured) {
      out.push_back(&protocol);
    }
  }
  return out;
}

bool is_reached(const Channel& channel, const std::string& kind, const ChannelLimit& limit) {
  return limit.action == "block" && (limit.hit || counted(channel, kind) >= limit.most);
}

bool can_refresh(const Protocol& session) {
  const auto& all = session.neighbor_capabilities;
  return std::any_of(all.begin(), all.end(), [](const std::string& one) { return one.starts_with("Route refresh"); });
}

void add_once(std::vector<std::string>& effects, const std::string& effect) {
  if (std::find(effects.begin(), effects.end(), effect) == effects.end()) {
    effects.push_back(effect);
  }
}

/// Limits that the session had before: what they kept out comes back, or does not.
void judge_old_limits(const Protocol& session, BirdChange& change) {
  for (const Channel& channel : session.channels) {
    for (const auto& [kind, limit] : channel.limits) {
      if (!is_reached(channel, kind, limit)) {
        continue;
      }
      if (kind == "receive") {
        add_once(change.effects,
                 fmt::format("gets what its receive limit has kept out only by 'clear bgp peer {} hard'", change.peer));
      } else {
        add_once(change.effects, kind == "import" ? "filters its routes again" : "is announced our routes again");
      }
    }
  }
}

/// Limits that it gets, of which BIRD judges the routes that are there.
void judge_new_limits(const Protocol& session, BirdChange& change) {
  for (const LimitSetting& limit : change.limits) {
    const auto channel = std::find_if(session.channels.begin(), session.channels.end(),
                                      [&](const Channel& one) { return one.name == limit.channel; });
    const uint64_t count = channel == session.channels.end() ? 0 : counted(*channel, limit.kind);
    if (count <= limit.most) {
      continue;
    }
    const std::string what =
        fmt::format("{} {}, more than its limit of {}", count, routes_of(limit.channel, limit.kind), limit.most);
    if (limit.action == "disable") {
      change.kind = change.kind == Kind::restarts ? Kind::restarts : Kind::stops;
      change.effects = {fmt::format("it has {}; 'clear bgp peer {} hard' tries it again", what, change.peer)};
    } else if (limit.action == "restart" && change.kind != Kind::stops) {
      change.kind = Kind::restarts;
      change.effects = {"it has " + what};
    } else if (change.kind == Kind::adjusts) {
      add_once(change.effects, (limit.action == "block" ? "keeps " : "has ") + what);
    }
  }
}

void judge(BirdChange& change, const std::vector<Protocol>& protocols, const std::map<std::string, Holds::Hold>& held) {
  const auto sessions = sessions_of(protocols, change.protocol);
  change.up = std::any_of(sessions.begin(), sessions.end(), [](const Protocol* one) { return one->state == "up"; });
  const bool is_held =
      std::any_of(held.begin(), held.end(),
                  [&](const auto& one) { return one.second.configured == change.protocol; }) ||
      std::any_of(sessions.begin(), sessions.end(), [](const Protocol* one) { return ended_by_limit(*one); });
  if (is_held && change.kind != Kind::stops) {
    change.kind = Kind::stays_down;
    change.effects = {
        fmt::format("its limit on routes has ended it, and 'clear bgp peer {} hard' tries it again", change.peer)};
    return;
  }
  if (!change.up && change.only_if_up) {
    change.kind = Kind::adjusts;
  }
  for (const Protocol* session : sessions) {
    if (session->state != "up" || (change.kind != Kind::adjusts && change.kind != Kind::restarts)) {
      continue;
    }
    if (change.imports_again && !change.keeps_imports && !can_refresh(*session)) {
      change.kind = Kind::restarts;
      change.effects = {"the peer cannot send its routes again (RFC 2918)"};
    }
    if (change.kind == Kind::adjusts && change.limits_differ) {
      judge_old_limits(*session, change);
    }
    judge_new_limits(*session, change);
  }
}

}  // namespace

void judge_by_sessions(std::vector<BirdChange>& changes, const std::vector<Protocol>& protocols,
                       const std::map<std::string, Holds::Hold>& held) {
  for (BirdChange& change : changes) {
    if (change.is_bgp() && change.kind != Kind::starts) {
      judge(change, protocols, held);
    }
  }
}

std::vector<std::string> block_reloads(const std::vector<Protocol>& protocols, const Version& version) {
  std::vector<std::string> out;
  for (const Protocol& session : protocols) {
    std::set<std::string_view> directions;
    for (const Channel& channel : session.channels) {
      for (const auto& [kind, limit] : channel.limits) {
        if (session.state == "up" && kind != "receive" && is_reached(channel, kind, limit)) {
          directions.insert(kind == "export" ? "out" : "in");
        }
      }
    }
    for (const std::string_view direction : directions) {
      out.push_back(fmt::format("{} {} {}", version.reload(), direction, symbol("", session.name)));
    }
  }
  return out;
}

}  // namespace floof::bird
