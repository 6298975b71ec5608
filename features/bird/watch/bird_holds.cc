// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_holds.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "features/bird/talk/bird_peers.h"

namespace floof::bird {

namespace {

/// Behind the first line of a block, so that the lines that a complaint of BIRD's names stay where they are.
constexpr std::string_view kHeld = "  disabled;  # its limit on routes has ended it";

const Protocol* find(const std::vector<Protocol>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Protocol& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// Whether it stays down in BIRD as it should. A session of an unnumbered peer is forgotten by BIRD with the next
/// configuration; then its parent counts.
bool is_down(const std::vector<Protocol>& protocols, const std::string& name, const Holds::Hold& hold) {
  const Protocol* session = find(protocols, name);
  session = session != nullptr ? session : find(protocols, hold.configured);
  return session == nullptr || session->state == "down";
}

/// The name in bird.conf of a peer's protocol; empty when the peer has no such.
std::string configured_name(const Json& peer, const std::string& protocol) {
  const auto sessions = peer_sessions(peer);
  if (has_only_interface(peer)) {
    return sessions.front().protocol;
  }
  const bool its = std::any_of(sessions.begin(), sessions.end(), [&](const auto& s) { return s.protocol == protocol; });
  return its ? protocol : "";
}

}  // namespace

std::string with_holds(std::string_view text, const std::set<std::string>& protocols) {
  return with_disabled(text, protocols, kHeld);
}

std::string with_disabled(std::string_view text, const std::set<std::string>& protocols, std::string_view remark) {
  std::string out(text);
  for (const std::string& protocol : protocols) {
    const std::string head = fmt::format("protocol bgp {} {{\n", symbol("", protocol));
    const size_t at = out.starts_with(head) ? 0 : out.find("\n" + head);
    if (at == std::string::npos) {
      continue;
    }
    const size_t end = out.find('\n', at + head.size() + (at == 0 ? 0 : 1));
    if (end != std::string::npos && !std::string_view(out).substr(0, end).ends_with(remark)) {
      out.insert(end, remark);
    }
  }
  return out;
}

std::string without_holds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t at = std::min(text.find(kHeld), text.size());
    out += text.substr(0, at);
    text.remove_prefix(std::min(at + kHeld.size(), text.size()));
  }
  return out;
}

Holds::Holds(std::string run_dir) : run_dir_(std::move(run_dir)) {
  const Json stored = Json::parse(read_file(run_dir_ + "/bird.held").value_or(""), nullptr, false);
  for (const Json& one : items(stored, "held")) {
    const std::string protocol = text_of(one, "protocol");
    const Hold hold{text_of(one, "peer"), text_of(one, "configured"), text_of(one, "since")};
    if (!protocol.empty() && !hold.configured.empty()) {
      all_[protocol] = hold;
    }
  }
}

void Holds::follow(const std::vector<Protocol>& protocols, std::string_view server_time, const Json& config) {
  const auto before = all_;
  std::erase_if(all_, [&](const auto& held) {
    const Json* peer = find_peer(config, held.second.peer);
    return peer == nullptr || is_shut(*peer) || configured_name(*peer, held.first) != held.second.configured ||
           !is_down(protocols, held.first, held.second);
  });
  for (const LimitedSession& session : limited_sessions(protocols, server_time, config)) {
    const Json* peer = find_peer(config, session.peer);
    const Protocol* protocol = find(protocols, session.protocol);
    const std::string configured = peer == nullptr ? "" : configured_name(*peer, session.protocol);
    if (protocol != nullptr && !configured.empty() && !is_shut(*peer)) {
      all_[session.protocol] = {session.peer, configured, protocol->since};
    }
  }
  if (all_ != before) {
    store();
  }
}

void Holds::keep(const std::map<std::string, Hold>& earlier) {
  const size_t before = all_.size();
  all_.insert(earlier.begin(), earlier.end());
  if (all_.size() != before) {
    store();
  }
}

void Holds::release(const std::string& protocol) {
  if (all_.erase(protocol) > 0) {
    store();
  }
}

std::string Holds::applied_to(std::string_view text) const {
  std::set<std::string> protocols;
  for (const auto& [protocol, hold] : all_) {
    protocols.insert(hold.configured);
  }
  return with_holds(text, protocols);
}

void Holds::mark_file() const {
  const std::string file = run_dir_ + "/bird.conf";
  const auto text = read_file(file);
  const std::string wanted = text ? applied_to(without_holds(*text)) : "";
  if (!text || wanted == *text) {
    return;
  }
  if (const auto done = replace_file(file, wanted); !done.ok()) {
    log::error("{}", done.error().text());
  }
}

void Holds::store() const {
  Json held = Json::array();
  for (const auto& [protocol, hold] : all_) {
    held.push_back(
        {{"protocol", protocol}, {"peer", hold.peer}, {"configured", hold.configured}, {"since", hold.since}});
  }
  if (const auto done = replace_file(run_dir_ + "/bird.held", Json{{"held", held}}.dump()); !done.ok()) {
    log::error("{}", done.error().text());
  }
  mark_file();
}

std::vector<LimitedSession> Holds::sessions(std::string_view server_time, const Json& config) const {
  std::vector<LimitedSession> out;
  for (const auto& [protocol, hold] : all_) {
    if (const Json* peer = find_peer(config, hold.peer)) {
      out.push_back({protocol, hold.peer, std::max<int64_t>(0, seconds_between(hold.since, server_time).value_or(0)),
                     restart_after(config, *peer)});
    }
  }
  return out;
}

}  // namespace floof::bird
