// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_bfd.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

uint64_t milliseconds(double seconds) { return static_cast<uint64_t>(std::llround(seconds * 1000)); }

/// Link-local addresses are different ones on each link.
std::string scoped_name(const BfdSession& session) {
  return session.address.starts_with("fe80:") && !session.interface.empty() ? session.address + "%" + session.interface
                                                                            : session.address;
}

}  // namespace

Json bfd_json(const std::vector<BfdSession>& sessions, const std::vector<Protocol>& protocols,
              std::string_view server_time, const Json& config) {
  const PeerNames names(config);
  std::map<std::string, std::string> peers;
  for (const Protocol& protocol : protocols) {
    const std::string peer = names.peer_of(protocol.name);
    if (const std::string address = protocol.detail("Neighbor address"); !peer.empty() && !address.empty()) {
      peers.emplace(address, peer);
    }
  }
  Json out = Json::array();
  for (const BfdSession& session : sessions) {
    const std::string neighbor = scoped_name(session);
    Json one = {{"neighbor", neighbor},
                {"interface", session.interface},
                {"state", session.state},
                {"since", utc_of(session.since)},
                {"interval-ms", milliseconds(session.interval_s)},
                {"timeout-ms", milliseconds(session.timeout_s)}};
    if (const auto seconds = seconds_between(session.since, server_time)) {
      one["state-s"] = std::max<int64_t>(0, *seconds);
    }
    if (const auto peer = peers.find(neighbor); peer != peers.end()) {
      one["peer"] = peer->second;
    }
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const Json& one, const Json& other) { return text_of(one, "neighbor") < text_of(other, "neighbor"); });
  return out;
}

Json bfd_of(const Json& sessions, const std::string& neighbor) {
  for (const Json& session : sessions) {
    if (text_of(session, "neighbor") == neighbor) {
      Json out = session;
      out.erase("neighbor");
      out.erase("peer");
      return out;
    }
  }
  return Json{{"state", "Missing"}};
}

Result<Json> show_bfd(BirdClient& client, const Json& config) {
  // Without a protocol of that kind BIRD answers with an error; then nobody asked for BFD.
  const auto sessions = client.call("show bfd sessions");
  const auto protocols = sessions.ok() ? client.ask("show protocols all") : sessions;
  const auto status = protocols.ok() ? client.ask("show status") : protocols;
  if (!status.ok()) {
    return status.error();
  }
  return bfd_json(parse_bfd_sessions(*sessions), parse_protocols(*protocols), parse_status(*status).server_time,
                  config);
}

}  // namespace floof::bird
