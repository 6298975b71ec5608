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

bool blocks(const Json& object) {
  const auto action = [](const Json& part, const char* limit) { return text_of(member(part, limit), "action"); };
  const Json &import = member(object, "import"), &sent = member(object, "export");
  return action(import, "limit") == "block" || action(import, "receive-limit") == "block" ||
         action(sent, "limit") == "block";
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

std::string LimitedSession::alarm() const {
  const auto left = left_s();
  if (!left) {
    return fmt::format("bgp peer {}: ended by its limit on routes; 'clear bgp peer {} hard' tries it again", peer,
                       peer);
  }
  return fmt::format("bgp peer {}: ended by its limit on routes; is tried again in {} min", peer, (*left + 59) / 60);
}

bool has_limits(const Json& config) { return any_of_peers(config, limits_of); }

bool has_blocking_limits(const Json& config) { return any_of_peers(config, blocks); }

std::vector<std::string> blocking_alarms(const std::vector<Protocol>& protocols, const Json& config) {
  std::vector<std::string> out;
  const PeerNames names(config);
  for (const Protocol& protocol : protocols) {
    const std::string peer = names.peer_of(protocol.name);
    for (const Channel& channel : peer.empty() ? std::vector<Channel>() : protocol.channels) {
      for (const auto& [kind, limit] : channel.limits) {
        if (limit.hit && limit.action == "block") {
          out.push_back(fmt::format("bgp peer {}: its limit of {} {} is reached; more are ignored", peer, limit.most,
                                    routes_of(channel.name, kind)));
        }
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
