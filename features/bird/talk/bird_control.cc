// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_control.h"

#include <algorithm>

#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

Result<std::vector<std::string>> clear_commands(const Json& config, const Json& request,
                                                const std::vector<Protocol>& protocols, const Version& version) {
  const std::string name = text_of(request, "peer"), how = text_of(request, "how"),
                    direction = text_of(request, "direction"), neighbor = text_of(request, "neighbor");
  const auto peers = named_peers(config, name);
  if (!peers.ok()) {
    return peers.error();
  }
  if ((how != "soft" && how != "hard") || (how == "hard" && !direction.empty()) ||
      (!direction.empty() && direction != "in" && direction != "out")) {
    return Error{"clear bgp peer " + name, "says neither soft (in, out) nor hard", "write clear bgp peer NAME soft"};
  }
  std::vector<std::string> out;
  for (const Json* peer : *peers) {
    if (is_shut(*peer) && name == "all") {
      continue;
    }
    if (is_shut(*peer)) {
      return Error{"bgp peer " + name, "the configuration keeps it down",
                   flag_of(*peer, "disabled") ? fmt::format("delete bgp peer {} disabled", name)
                                              : fmt::format("bgp maintenance {} off", name)};
    }
    const auto names = neighbor.empty() ? Result<std::vector<std::string>>(protocol_names(protocols, *peer))
                                        : protocol_names(protocols, *peer, neighbor);
    if (!names.ok()) {
      return names.error();
    }
    for (const std::string& protocol : *names) {
      const std::string symbol_text = symbol("", protocol);
      if (how == "hard") {
        out.push_back("enable " + symbol_text);
        out.push_back("restart " + symbol_text);
      } else {
        out.push_back(fmt::format("{} {}{}", version.reload(), direction.empty() ? "" : direction + " ", symbol_text));
      }
    }
  }
  return out;
}

Result<> run_clear(const std::function<Result<Reply>(const std::string&)>& call,
                   const std::vector<std::string>& commands, const std::string& peer) {
  bool enabled = false, needs_hard = false;
  std::string wrong;
  for (const std::string& command : commands) {
    // What has just been enabled starts anyway.
    if (enabled && command.starts_with("restart ")) {
      enabled = false;
      continue;
    }
    const auto reply = call(command);
    if (!reply.ok()) {
      return reply.error();
    }
    enabled = command.starts_with("enable ") && reply->has(11);
    if (reply->code < 8000) {
      continue;
    }
    const bool cannot_send = reply->code == 8006;
    needs_hard = needs_hard || cannot_send;
    const std::string said = cannot_send ? "the peer cannot be asked for its routes again (no route refresh, RFC 2918)"
                             : reply->lines.empty() ? "BIRD refuses it"
                                                    : reply->lines.back().text;
    const std::string session = command.substr(std::min(command.find('\''), command.size()));
    wrong += fmt::format("{}session {}: {}", wrong.empty() ? "" : "; ", session, said);
  }
  if (!wrong.empty()) {
    return Error{"clear bgp peer " + peer, wrong,
                 needs_hard ? "clear it hard, which interrupts the session" : "see `show bgp summary`"};
  }
  return {};
}

Result<> clear_peers(BirdClient& client, const Json& config, const Json& request) {
  const auto reply = client.ask(text_of(request, "neighbor").empty() ? "show protocols" : "show protocols all");
  if (!reply.ok()) {
    return reply.error();
  }
  const auto commands = clear_commands(config, request, parse_protocols(*reply), client.version());
  if (!commands.ok()) {
    return commands.error();
  }
  return run_clear([&client](const std::string& command) { return client.call(command); }, *commands,
                   text_of(request, "peer"));
}

void Farewell::prepare(const Json& config) {
  peers_.clear();
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (const Json& message = session_leaf(config, peer, "shutdown-message"); is_shut(peer) && message.is_string()) {
      peers_.emplace_back(peer, message.get<std::string>());
    }
  }
}

std::vector<std::pair<std::string, std::string>> Farewell::messages(const std::vector<Protocol>& protocols) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [peer, message] : peers_) {
    for (const Protocol* session : protocols_of(protocols, peer)) {
      if (session->state != "down") {
        out.emplace_back(session->name, message);
      }
    }
  }
  return out;
}

void Farewell::say(BirdClient& client) {
  said_.clear();
  if (peers_.empty()) {
    return;
  }
  const auto reply = client.ask("show protocols");
  for (const auto& [name, message] : messages(reply.ok() ? parse_protocols(*reply) : std::vector<Protocol>())) {
    const std::string protocol = symbol("", name);
    const auto done = client.call(fmt::format("disable {} {}", protocol, literal(message)));
    if (done.ok() && done->has(9)) {
      said_.push_back(protocol);
    }
  }
  peers_.clear();
}

void Farewell::take_back(BirdClient& client) {
  for (const std::string& protocol : std::exchange(said_, {})) {
    (void)client.call("enable " + protocol);
  }
}

}  // namespace floof::bird
