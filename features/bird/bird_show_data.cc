// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_show_data.h"

#include <algorithm>

#include "base/prefix.h"
#include "features/bird/bird_render.h"

namespace floof::bird {

namespace {

constexpr size_t kBytesPerRoute = 1000;  // generous: with all attributes, `show route` takes about 400

// A configured peer that is found by interface only; see is_unnumbered in bird_render_parts.h.
bool has_only_interface(const Json& peer) {
  return string_of(peer, "neighbor").empty() && !string_of(peer, "interface").empty();
}

const Json* find_peer(const Json& config, std::string_view name) {
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (string_of(peer, "name") == name) {
      return &peer;
    }
  }
  return nullptr;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_session_of(const Protocol& protocol, const std::string& parent) {
  const std::string start = parent + std::string(dynamic_separator);
  return protocol.name.starts_with(start) && all_digits(std::string_view(protocol.name).substr(start.size()));
}

Result<Reply> ask(BirdClient& client, std::string_view command) {
  auto reply = client.call(command);
  if (reply.ok() && !reply->ok()) {
    return Error{"bird", reply->lines.empty() ? "BIRD refused the command" : reply->lines.back().text, ""};
  }
  return reply;
}

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
  const std::string_view columns[] = {"received", "rejected", "filtered", "ignored", "accepted"};
  for (const auto& [name, counts] : channel.changes) {
    Json row = Json::object();
    for (size_t i = 0; i < counts.size() && i < std::size(columns); i++) {
      if (counts[i]) {
        row[std::string(columns[i])] = *counts[i];
      }
    }
    std::string key = name;
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c == ' ' ? '-' : std::tolower(c); });
    out["changes"][key] = std::move(row);
  }
  return out;
}

// "fe80::1%e1" and the AS that is really there, or what the configuration says.
void describe_session(const Protocol& protocol, const Status& status, Json& out) {
  const std::string state = protocol.detail("BGP state");
  out["protocol"] = protocol.name;
  out["since"] = protocol.since;
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

Json empty_peer(const Json& peer) {
  std::string neighbor = string_of(peer, "neighbor");
  if (const std::string interface = string_of(peer, "interface");
      !interface.empty() && neighbor.find('%') == std::string::npos) {
    neighbor += (neighbor.empty() || neighbor.starts_with("fe80") ? "%" : " on ") + interface;
  }
  return {{"name", string_of(peer, "name")},
          {"neighbor", neighbor},
          {"remote-as", number_of(peer, "remote-as")},
          {"state", flag_of(peer, "disabled") ? "Disabled" : "Missing"},
          {"since", ""},
          {"uptime-s", 0},
          {"received", 0},
          {"imported", 0},
          {"accepted", 0},
          {"exported", 0},
          {"last-error", ""},
          {"protocol", peer_protocol(string_of(peer, "name"))},
          {"description", string_of(peer, "description")},
          {"policy", string_of(peer, "policy")},
          {"families", Json::array()}};
}

// The protocols of one peer: its own, or the sessions that an unnumbered one has spawned.
std::vector<const Protocol*> sessions_of(const std::vector<Protocol>& protocols, const Json& peer) {
  const std::string parent = peer_protocol(string_of(peer, "name"));
  std::vector<const Protocol*> out;
  const Protocol* own = nullptr;
  for (const Protocol& protocol : protocols) {
    if (protocol.name == parent) {
      own = &protocol;
    } else if (has_only_interface(peer) && is_session_of(protocol, parent)) {
      out.push_back(&protocol);
    }
  }
  if (out.empty() && own != nullptr) {
    out.push_back(own);
  }
  return out;
}

std::vector<Json> peer_entries(const std::vector<Protocol>& protocols, const Status& status, const Json& peer) {
  std::vector<Json> out;
  for (const Protocol* protocol : sessions_of(protocols, peer)) {
    Json entry = empty_peer(peer);
    describe_session(*protocol, status, entry);
    if (flag_of(peer, "disabled")) {
      entry["state"] = "Disabled";
    }
    out.push_back(std::move(entry));
  }
  if (out.empty()) {
    out.push_back(empty_peer(peer));
  }
  return out;
}

std::string protocol_symbol(const Json& config, const std::string& name) {
  return symbol("", find_peer(config, name) != nullptr ? peer_protocol(name) : symbol_part(name));
}

}  // namespace

std::string peer_of_protocol(std::string_view protocol, const Json& config) {
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (peer_protocol(string_of(peer, "name")) == protocol) {
      return string_of(peer, "name");
    }
  }
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    const std::string start = peer_protocol(string_of(peer, "name")) + std::string(dynamic_separator);
    if (has_only_interface(peer) && protocol.starts_with(start) && all_digits(protocol.substr(start.size()))) {
      return string_of(peer, "name");
    }
  }
  return {};
}

Json bgp_summary(const std::vector<Protocol>& protocols, const Status& status, const Json& config) {
  const Json& bgp = member(config, "bgp");
  Json out = {{"router-id", status.router_id}, {"asn", number_of(bgp, "asn")}, {"version", status.version}};
  out["peers"] = Json::array();
  for (const Json* peer : sorted_by(items(bgp, "peer"), "name")) {
    for (Json& entry : peer_entries(protocols, status, *peer)) {
      out["peers"].push_back(std::move(entry));
    }
  }
  return out;
}

Json protocol_json(const Protocol& protocol, const Json& config) {
  Json out = {{"name", protocol.name},   {"protocol", protocol.type}, {"table", protocol.table},
              {"state", protocol.state}, {"since", protocol.since},   {"info", protocol.info}};
  if (const std::string peer = peer_of_protocol(protocol.name, config); !peer.empty()) {
    out["peer"] = peer;
  }
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

Json route_json(const Route& route, const Json& config) {
  Json out = {
      {"prefix", route.prefix}, {"table", route.table}, {"protocol", route.protocol}, {"preference", route.preference},
      {"metric", route.metric}, {"best", route.best},   {"type", route.type},         {"source", route.source},
      {"since", route.since},   {"from", route.from}};
  if (const std::string peer = peer_of_protocol(route.protocol, config); !peer.empty()) {
    out["peer"] = peer;
  }
  out["next-hops"] = Json::array();
  for (const RouteNextHop& hop : route.next_hops) {
    out["next-hops"].push_back({{"gateway", hop.gateway}, {"interface", hop.interface}, {"weight", hop.weight}});
  }
  if (route.source.starts_with("BGP")) {
    std::string as = route.origin.starts_with("AS") ? route.origin.substr(2) : "";
    as.resize(std::min(as.find_first_not_of("0123456789"), as.size()));
    out["source-as"] = as.empty() || as.size() > 10 ? Json(nullptr) : Json(std::stoull(as));
    const std::pair<std::string_view, std::string_view> texts[] = {
        {"BGP.as_path", "as-path"}, {"BGP.origin", "origin"}, {"BGP.next_hop", "bgp-next-hop"}};
    for (const auto& [attribute, key] : texts) {
      const auto found = route.attributes.find(std::string(attribute));
      out[std::string(key)] = found == route.attributes.end() ? "" : found->second;
    }
    const std::pair<std::string_view, std::string_view> numbers[] = {{"BGP.local_pref", "local-pref"},
                                                                     {"BGP.med", "med"}};
    for (const auto& [attribute, key] : numbers) {
      const auto found = route.attributes.find(std::string(attribute));
      if (found != route.attributes.end() && all_digits(found->second) && found->second.size() <= 10) {
        out[std::string(key)] = std::stoull(found->second);
      }
    }
    const std::pair<std::string_view, std::string_view> lists[] = {{"BGP.community", "communities"},
                                                                   {"BGP.large_community", "large-communities"}};
    for (const auto& [attribute, key] : lists) {
      const auto found = route.attributes.find(std::string(attribute));
      out[std::string(key)] =
          found == route.attributes.end() ? std::vector<std::string>{} : parse_communities(found->second);
    }
  }
  out["attributes"] = Json::object();
  for (const auto& [key, value] : route.attributes) {
    if (!key.starts_with("floof_")) {
      out["attributes"][key] = value;
    }
  }
  return out;
}

Result<std::string> route_command(const Json& config, const Json& arguments) {
  std::string out = "show route";
  const std::string text =
      string_of(arguments, "prefix").empty() ? string_of(arguments, "address") : string_of(arguments, "prefix");
  if (!text.empty()) {
    const auto prefix = parse_prefix(text);
    const auto address = parse_ip(text);
    if (!prefix.ok() && !address.ok()) {
      return Error{"show route " + text,
                   text.find('/') == std::string::npos ? address.error().reason : prefix.error().reason,
                   "give a prefix such as 192.0.2.0/24 or an address"};
    }
    const bool exact = flag_of(arguments, "exact") && prefix.ok();
    out += fmt::format(" {}{}", exact ? "" : "for ", prefix.ok() ? to_string(*prefix) : to_string(*address));
  } else if (const uint64_t family = number_of(arguments, "family"); family == 4 || family == 6) {
    out += fmt::format(" table master{}", family);
  }
  if (flag_of(arguments, "filtered")) {
    out += " filtered";
  }
  const std::string protocol =
      string_of(arguments, "peer").empty() ? string_of(arguments, "protocol") : string_of(arguments, "peer");
  if (!protocol.empty()) {
    out += " protocol " + protocol_symbol(config, protocol);
  }
  return out + " all";
}

Result<Json> show_bgp_summary(BirdClient& client, const Json& config) {
  const auto status = ask(client, "show status");
  if (!status.ok()) {
    return status.error();
  }
  const auto protocols = ask(client, "show protocols all");
  if (!protocols.ok()) {
    return protocols.error();
  }
  return bgp_summary(parse_protocols(*protocols), parse_status(*status), config);
}

Result<Json> show_bgp_peer(BirdClient& client, const Json& config, const std::string& name) {
  const Json* peer = find_peer(config, name);
  if (peer == nullptr) {
    return Error{"bgp peer " + name, "there is no such peer", "see `show bgp summary`"};
  }
  const auto status = ask(client, "show status");
  if (!status.ok()) {
    return status.error();
  }
  const auto reply = ask(client, "show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const auto protocols = parse_protocols(*reply);
  Json out = std::move(peer_entries(protocols, parse_status(*status), *peer).front());
  const auto sessions = sessions_of(protocols, *peer);
  if (!sessions.empty()) {
    const Protocol& session = *sessions.front();
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
    out["capabilities"] = session.local_capabilities;
    out["neighbor-capabilities"] = session.neighbor_capabilities;
    out["channels"] = protocol_json(session, config)["channels"];
  }
  return out;
}

Result<Json> show_protocols(BirdClient& client, const Json& config, const std::string& name) {
  const auto reply = ask(client, "show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const bool is_peer = find_peer(config, name) != nullptr;
  Json out = Json::array();
  for (const Protocol& protocol : parse_protocols(*reply)) {
    if (name.empty() || protocol.name == name || (is_peer && peer_of_protocol(protocol.name, config) == name)) {
      out.push_back(protocol_json(protocol, config));
    }
  }
  if (out.empty() && !name.empty()) {
    return Error{"protocols " + name, "BIRD has no protocol of that name", "see `show protocols`"};
  }
  return out;
}

Result<Json> show_route(BirdClient& client, const Json& config, const Json& arguments) {
  const auto command = route_command(config, arguments);
  if (!command.ok()) {
    return command.error();
  }
  const uint64_t limit = std::clamp<uint64_t>(number_of(arguments, "limit", 1000), 1, 100000);
  const auto reply = client.call_bounded(*command, limit * kBytesPerRoute + 65536);
  if (!reply.ok()) {
    return reply.error();
  }
  Json out = Json::array();
  if (reply->code == 8001) {  // "Network not found"
    return out;
  }
  if (!reply->ok()) {
    const bool named = command->find(" protocol ") != std::string::npos;
    const std::string said = reply->lines.empty() ? "BIRD refused it" : reply->lines.back().text;
    return Error{*command, named && reply->code == 9001 ? "BIRD has no such protocol" : said, "see `show protocols`"};
  }
  for (const Route& route : parse_routes(*reply)) {
    if (out.size() >= limit) {
      break;
    }
    out.push_back(route_json(route, config));
  }
  return out;
}

}  // namespace floof::bird
