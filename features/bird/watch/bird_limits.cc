// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_limits.h"

#include <algorithm>

#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

constexpr std::string_view kLimitError = "Route limit exceeded";

bool limits_in(const Json& part) {
  return member(part, "limit").is_object() || member(part, "receive-limit").is_object();
}

bool limits_of(const Json& object) {
  return limits_in(member(object, "import")) || limits_in(member(object, "export"));
}

/// In percent: from there on it is told, and until there it goes on being told.
constexpr uint64_t kNear = 80, kNearStill = 75;

std::string effect_of(std::string_view action, std::string_view kind) {
  return action == "block"     ? (kind == "export" ? "more are not announced" : "more are ignored")
         : action == "disable" ? "the session is ended"
         : action == "restart" ? "the session is restarted"
                               : "BIRD writes a warning into its log";
}

std::string remedy_of(std::string_view peer, std::string_view kind) {
  const std::string raise = kind == "receive"  ? "import receive-limit"
                            : kind == "export" ? "export limit"
                                               : "import limit";
  return fmt::format("raise 'bgp peer {} {}' if that many are right, else find out where they come from", peer, raise);
}

/// Or of policies.
bool any_of_peers(const Json& config, bool (*wanted)(const Json& object)) {
  for (const char* list : {"peer", "policy"}) {
    const Json& all = items(member(config, "bgp"), list);
    if (std::any_of(all.begin(), all.end(), wanted)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<uint64_t> restart_after(const Json& config, const Json& peer) {
  const auto own = [](const Json& object) -> const Json& {
    return member(member(member(object, "import"), "limit"), "restart-after");
  };
  const Json* found = &own(peer);
  for (const Json& policy : items(member(config, "bgp"), "policy")) {
    if (found->is_null() && text_of(policy, "name") == text_of(peer, "policy")) {
      found = &own(policy);
    }
  }
  return found->is_number_unsigned() ? std::optional(found->get<uint64_t>()) : std::nullopt;
}

std::optional<int64_t> LimitedSession::left_s() const {
  return restart_min ? std::optional(std::max<int64_t>(0, static_cast<int64_t>(*restart_min) * 60 - down_s))
                     : std::nullopt;
}

Incident LimitedSession::incident() const {
  const auto left = left_s();
  return {.subject = "bgp peer " + peer,
          .kind = "ended by its limit",
          .cause = "ended by its limit on routes" +
                   (left ? fmt::format("; is tried again in {} min", (*left + 59) / 60) : std::string()),
          .effect = "its routes are gone, and it is announced nothing",
          .remedy = fmt::format("'clear bgp peer {} hard' tries it again", peer)};
}

bool has_limits(const Json& config) { return any_of_peers(config, limits_of); }

std::vector<Incident> limit_incidents(const std::vector<Protocol>& protocols, const Json& config,
                                      const std::vector<Incident>& before) {
  std::vector<Incident> out;
  const PeerNames names(config);
  const auto judge = [&](const std::string& peer, const Channel& channel, const std::string& kind,
                         const ChannelLimit& limit) {
    const std::string routes = routes_of(channel.name, kind), effect = effect_of(limit.action, kind);
    Incident told{.subject = "bgp peer " + peer, .remedy = remedy_of(peer, kind)};
    // BIRD forgets with each configuration that it was hit.
    if (limit.action == "block" && (limit.hit || counted(channel, kind) >= limit.most)) {
      told.kind = fmt::format("limit of {} reached", routes);
      told.cause = fmt::format("its limit of {} {} is reached", limit.most, routes);
      told.effect = effect;
      out.push_back(std::move(told));
      return;
    }
    told.kind = fmt::format("limit of {} at {} %", routes, kNear);
    const bool told_before = std::any_of(before.begin(), before.end(), [&](const Incident& one) {
      return one.subject == told.subject && one.kind == told.kind;
    });
    const uint64_t percent = limit.most == 0 ? 0 : counted(channel, kind) * 100 / limit.most;
    if (percent >= (told_before ? kNearStill : kNear)) {
      told.cause =
          fmt::format("{} of at most {} {} are there ({} %)", counted(channel, kind), limit.most, routes, percent);
      told.effect = fmt::format("none yet; beyond the limit {}", effect);
      out.push_back(std::move(told));
    }
  };
  for (const Protocol& protocol : protocols) {
    const std::string peer = names.peer_of(protocol.name);
    for (const Channel& channel : peer.empty() ? std::vector<Channel>() : protocol.channels) {
      for (const auto& [kind, limit] : channel.limits) {
        judge(peer, channel, kind, limit);
      }
    }
  }
  return out;
}

uint64_t counted(const Channel& channel, std::string_view kind) {
  return kind == "export"    ? channel.exported
         : kind == "receive" ? channel.imported + channel.filtered
                             : channel.imported;
}

std::string routes_of(std::string_view channel, std::string_view kind) {
  return fmt::format("{} {} routes",
                     kind == "export"    ? "announced"
                     : kind == "receive" ? "received"
                                         : "accepted",
                     channel == "ipv6" ? "IPv6" : "IPv4");
}

bool ended_by_limit(const Protocol& protocol) {
  return protocol.type == "BGP" && protocol.state == "down" && protocol.info.find(kLimitError) != std::string::npos;
}

std::vector<LimitedSession> limited_sessions(const std::vector<Protocol>& protocols, std::string_view server_time,
                                             const Json& config) {
  std::vector<LimitedSession> out;
  const PeerNames names(config);
  for (const Protocol& protocol : protocols) {
    if (!ended_by_limit(protocol)) {
      continue;
    }
    const std::string peer = names.peer_of(protocol.name);
    if (const Json* configured = find_peer(config, peer)) {
      out.push_back({protocol.name, peer,
                     std::max<int64_t>(0, seconds_between(protocol.since, server_time).value_or(0)),
                     restart_after(config, *configured)});
    }
  }
  return out;
}

}  // namespace floof::bird
