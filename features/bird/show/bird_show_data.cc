// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/show/bird_show_data.h"

#include <algorithm>

#include "base/digits.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_peers.h"
#include "features/bird/watch/bird_limits.h"
#include "features/bird/watch/bird_neighbor_alarms.h"

namespace floof::bird {

namespace {

Json channel_json(const Channel& channel) {
  Json out = {{"name", channel.name},
              {"state", channel.state},
              {"table", channel.table},
              {"preference", channel.preference},
              {"input-filter", channel.input_filter},
              {"output-filter", channel.output_filter},
              {"imported", channel.imported},
              {"filtered", channel.filtered},
              {"exported", channel.exported},
              {"preferred", channel.preferred}};
  for (const auto& [kind, limit] : channel.limits) {
    out["limits"][kind] = {
        {"most", limit.most}, {"now", counted(channel, kind)}, {"hit", limit.hit}, {"action", limit.action}};
  }
  for (const auto& [name, counts] : channel.changes) {
    std::string key = name;
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c == ' ' ? '-' : std::tolower(c); });
    out["changes"][key] = counts;
  }
  return out;
}

// "fe80::1%e1" and the AS that is really there, or what the configuration says.
void describe_session(const Protocol& protocol, const Status& status, Json& out) {
  const std::string state = protocol.detail("BGP state");
  out["protocol"] = protocol.name;
  out["since"] = utc_of(protocol.since);
  if (const auto seconds = seconds_between(protocol.since, status.server_time)) {
    out["state-s"] = std::max<int64_t>(0, *seconds);
  }
  if (!state.empty()) {
    out["state"] = state == "Down" && protocol.state == "down" ? "Idle" : state;
  }
  if (const std::string address = protocol.detail("Neighbor address"); !address.empty()) {
    out["neighbor"] = address;
  }
  if (const auto as = protocol.detail("Neighbor AS"); all_digits(as) && as.size() <= 10) {
    out["remote-as"] = std::stoull(as);
  }
  if (state == "Established") {
    out["uptime-s"] = std::max<int64_t>(0, seconds_between(protocol.since, status.server_time).value_or(0));
  }
  std::string error = protocol.detail("Last error");
  if (error.empty() && protocol.info.find(": ") != std::string::npos && state != "Established") {
    const size_t blank = protocol.info.find(' ');
    error = protocol.info.substr(blank == std::string::npos ? 0 : protocol.info.find_first_not_of(' ', blank));
  }
  out["last-error"] = error;
  if (const std::string message = protocol.detail("Message"); !message.empty()) {
    out["message"] = message;  // RFC 9003
  }
  uint64_t received = 0;
  uint64_t imported = 0;
  uint64_t exported = 0;
  out["families"] = Json::array();
  for (const Channel& channel : protocol.channels) {
    received += channel.imported + channel.filtered;
    imported += channel.imported;
    exported += channel.exported;
    out["families"].push_back({{"family", channel.name},
                               {"state", channel.state},
                               {"received", channel.imported + channel.filtered},
                               {"imported", channel.imported},
                               {"filtered", channel.filtered},
                               {"preferred", channel.preferred},
                               {"exported", channel.exported}});
  }
  out["received"] = received;
  out["imported"] = imported;
  out["accepted"] = imported;
  out["exported"] = exported;
}

Json empty_peer(const Json& config, const Json& peer, const PeerSession& session) {
  std::string neighbor = session.neighbor;
  if (const std::string interface = text_of(peer, "interface");
      !interface.empty() && neighbor.find('%') == std::string::npos) {
    neighbor += (neighbor.empty() || neighbor.starts_with("fe80") ? "%" : " on ") + interface;
  }
  const Json& tags = session_leaf(config, peer, "tag");
  return {{"name", text_of(peer, "name")},
          {"neighbor", neighbor},
          {"remote-as", number_of(peer, "remote-as")},
          {"state", is_shut(peer) ? "Disabled" : "Missing"},
          {"since", ""},
          {"uptime-s", 0},
          {"received", 0},
          {"imported", 0},
          {"accepted", 0},
          {"exported", 0},
          {"last-error", ""},
          {"protocol", session.protocol},
          {"description", text_of(peer, "description")},
          {"policy", text_of(peer, "policy")},
          {"maintenance", text_of(peer, "maintenance")},
          {"tags", tags.is_array() ? tags : Json(Json::array())},
          {"families", Json::array()}};
}

// An entry for each of the peer's sessions: those that BIRD has, and the configured ones that it does not.
std::vector<Json> peer_entries(const std::vector<Protocol>& protocols, const Status& status, const Json& config,
                               const Json& peer) {
  std::vector<Json> out;
  const auto found = protocols_of(protocols, peer);
  for (const Protocol* protocol : found) {
    Json entry = empty_peer(config, peer, {protocol->name, ""});
    for (const PeerSession& session : peer_sessions(peer)) {
      if (session.protocol == protocol->name) {
        entry = empty_peer(config, peer, session);
      }
    }
    describe_session(*protocol, status, entry);
    if (is_shut(peer)) {
      entry["state"] = "Disabled";
      entry.erase("state-s");  // BIRD counts from its last configuration
    }
    out.push_back(std::move(entry));
  }
  for (const PeerSession& session : peer_sessions(peer)) {
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&](const Protocol* protocol) { return protocol->name == session.protocol; });
    if (!known && !(has_only_interface(peer) && !found.empty())) {
      out.push_back(empty_peer(config, peer, session));
    }
  }
  return out;
}

}  // namespace

Json bgp_summary(const std::vector<Protocol>& protocols, const Status& status, const Json& config,
                 const std::string& tag) {
  const Json& bgp = member(config, "bgp");
  Json out = {{"router-id", status.router_id}, {"asn", number_of(bgp, "asn")}, {"version", status.version}};
  if (status.recovery_s) {
    out["recovery-s"] = *status.recovery_s;
  }
  out["peers"] = Json::array();
  for (const Json* peer : sorted_by(items(bgp, "peer"), "name")) {
    const Json& tags = session_leaf(config, *peer, "tag");
    if (!tag.empty() && std::find(tags.begin(), tags.end(), Json(tag)) == tags.end()) {
      continue;
    }
    for (Json& entry : peer_entries(protocols, status, config, *peer)) {
      out["peers"].push_back(std::move(entry));
    }
  }
  return out;
}

Json protocol_json(const Protocol& protocol, const Json& config) {
  Json out = {{"name", protocol.name},   {"protocol", protocol.type},       {"table", protocol.table},
              {"state", protocol.state}, {"since", utc_of(protocol.since)}, {"info", protocol.info}};
  const PeerNames names(config);
  if (const std::string peer = names.peer_of(protocol.name); !peer.empty()) {
    out["peer"] = peer;
  }
  out["called"] = names.name_of(protocol.name);
  out["channels"] = Json::array();
  for (const Channel& channel : protocol.channels) {
    out["channels"].push_back(channel_json(channel));
  }
  if (!protocol.details.empty()) {
    out["details"] = Json::object();
    for (const auto& [key, value] : protocol.details) {
      out["details"][key] = value;
    }
  }
  return out;
}

namespace {

void describe_details(const Protocol& session, const Json& config, Json& out) {
  const std::pair<std::string_view, std::string_view> texts[] = {{"Local AS", "local-as"},
                                                                 {"Neighbor ID", "neighbor-id"},
                                                                 {"Source address", "source"},
                                                                 {"Hold timer", "hold-timer"},
                                                                 {"Keepalive timer", "keepalive-timer"},
                                                                 {"Session", "session"},
                                                                 {"Connect delay", "connect-delay"},
                                                                 {"Error wait", "error-wait"}};
  for (const auto& [detail, key] : texts) {
    if (const std::string value = session.detail(detail); !value.empty()) {
      out[std::string(key)] = value;
    }
  }
  out["role"] = Protocol::role_in(session.local_capabilities);
  out["neighbor-role"] = Protocol::role_in(session.neighbor_capabilities);
  out["capabilities"] = session.local_capabilities;
  out["neighbor-capabilities"] = session.neighbor_capabilities;
  out["channels"] = protocol_json(session, config)["channels"];
}

}  // namespace

Result<Json> show_bgp_summary(BirdClient& client, const Json& config, const std::string& tag) {
  const auto status = client.ask("show status");
  if (!status.ok()) {
    return status.error();
  }
  const auto protocols = client.ask("show protocols all");
  if (!protocols.ok()) {
    return protocols.error();
  }
  return bgp_summary(parse_protocols(*protocols), parse_status(*status), config, tag);
}

Result<Json> show_bgp_peer(BirdClient& client, const Json& config, const std::string& name) {
  const Json* peer = find_peer(config, name);
  if (peer == nullptr) {
    return Error{"bgp peer " + name, "there is no such peer", "see `show bgp summary`"};
  }
  const auto status = client.ask("show status");
  if (!status.ok()) {
    return status.error();
  }
  const auto reply = client.ask("show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const bool with_bfd = wants_bfd(config, *peer);
  const auto bfd = with_bfd ? show_bfd(client, config) : Result<Json>(Json::array());
  if (!bfd.ok()) {
    return bfd.error();
  }
  const auto protocols = parse_protocols(*reply);
  auto entries = peer_entries(protocols, parse_status(*status), config, *peer);
  const auto sessions = protocols_of(protocols, *peer);
  for (size_t i = 0; i < sessions.size(); i++) {
    describe_details(*sessions[i], config, entries[i]);
    if (with_bfd) {
      entries[i]["bfd"] = bfd_of(*bfd, sessions[i]->detail("Neighbor address"));
    }
  }
  Json out = entries.front();
  entries.erase(entries.begin());
  if (!entries.empty()) {
    out["more-sessions"] = std::move(entries);
  }
  return out;
}

Result<Json> show_protocols(BirdClient& client, const Json& config, const std::string& name) {
  const auto reply = client.ask("show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const auto status = client.ask("show status");
  if (!status.ok()) {
    return status.error();
  }
  const std::string now = parse_status(*status).server_time;
  const bool is_peer = find_peer(config, name) != nullptr;
  const auto all = parse_protocols(*reply);
  const auto named = name.empty() || is_peer ? std::vector<std::string>() : protocols_called(all, config, name);
  Json out = Json::array();
  for (const Protocol& protocol : all) {
    if (name.empty() || protocol.name == name || (is_peer && peer_of_protocol(protocol.name, config) == name) ||
        std::find(named.begin(), named.end(), protocol.name) != named.end()) {
      out.push_back(protocol_json(protocol, config));
      if (const auto seconds = seconds_between(protocol.since, now)) {
        out.back()["state-s"] = std::max<int64_t>(0, *seconds);
      }
    }
  }
  if (out.empty() && !name.empty()) {
    return Error{"protocols " + name, "BIRD has no protocol of that name", "see `show protocols`"};
  }
  return out;
}

}  // namespace floof::bird
