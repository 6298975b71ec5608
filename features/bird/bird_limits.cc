// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_limits.h"

#include <algorithm>

#include "features/bird/bird_peers.h"

namespace floof::bird {

namespace {

constexpr std::string_view kLimitError = "Route limit exceeded";

bool limits_in(const Json& part) {
  return member(part, "limit").is_object() || member(part, "receive-limit").is_object();
}

bool limits_of(const Json& object) {
  return limits_in(member(object, "import")) || limits_in(member(object, "export"));
}

}  // namespace

std::optional<uint64_t> restart_after(const Json& config, const Json& peer) {
  const auto own = [](const Json& object) -> const Json& {
    return member(member(member(object, "import"), "limit"), "restart-after");
  };
  const Json* found = &own(peer);
  for (const Json& policy : items(member(config, "bgp"), "policy")) {
    if (found->is_null() && string_of(policy, "name") == string_of(peer, "policy")) {
      found = &own(policy);
    }
  }
  return found->is_number_unsigned() ? std::optional(found->get<uint64_t>()) : std::nullopt;
}

std::string LimitedSession::alarm() const {
  if (!restart_min) {
    return fmt::format("bgp peer {}: ended by its limit on routes; 'clear bgp peer {} hard' tries it again", peer,
                       peer);
  }
  const int64_t left = std::max<int64_t>(0, static_cast<int64_t>(*restart_min) * 60 - down_s);
  return fmt::format("bgp peer {}: ended by its limit on routes; is tried again in {} min", peer, (left + 59) / 60);
}

bool has_limits(const Json& config) {
  const Json& bgp = member(config, "bgp");
  for (const char* list : {"peer", "policy"}) {
    const Json& all = items(bgp, list);
    if (std::any_of(all.begin(), all.end(), limits_of)) {
      return true;
    }
  }
  return false;
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
