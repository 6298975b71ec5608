// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_peers.h"

#include <algorithm>
#include <cctype>

#include "base/address.h"
#include "base/digits.h"

namespace floof::bird {

namespace {}  // namespace

std::string_view spawned_by(std::string_view protocol) {
  const size_t at = protocol.rfind(dynamic_separator);
  const bool spawned = at != std::string_view::npos && all_digits(protocol.substr(at + dynamic_separator.size()));
  return spawned ? protocol.substr(0, at) : std::string_view();
}

const Json* find_peer(const Json& config, std::string_view name) {
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (text_of(peer, "name") == name) {
      return &peer;
    }
  }
  return nullptr;
}

bool has_only_interface(const Json& peer) {
  return peer_sessions(peer).front().neighbor.empty() && !text_of(peer, "interface").empty();
}

bool is_shut(const Json& peer) { return flag_of(peer, "disabled") || text_of(peer, "maintenance") == "down"; }

bool is_external(const Json& config, const Json& peer) {
  const Json& member_of = session_leaf(config, peer, "confederation-member");
  return number_of(peer, "remote-as") != number_of(member(config, "bgp"), "asn") && member_of != Json(true);
}

const Json& session_leaf(const Json& config, const Json& peer, std::string_view key) {
  if (const Json& own = member(peer, key); !own.is_null()) {
    return own;
  }
  for (const Json& policy : items(member(config, "bgp"), "policy")) {
    if (text_of(policy, "name") == text_of(peer, "policy")) {
      return member(policy, key);
    }
  }
  return member(Json(), key);
}

PeerNames::PeerNames(const Json& config) {
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    const std::string name = text_of(peer, "name");
    auto& names = has_only_interface(peer) ? unnumbered_ : numbered_;
    for (const PeerSession& session : peer_sessions(peer)) {
      names.emplace(session.protocol, name);
    }
  }
}

std::string PeerNames::peer_of(std::string_view protocol) const {
  for (const auto* names : {&numbered_, &unnumbered_}) {
    if (const auto found = names->find(protocol); found != names->end()) {
      return found->second;
    }
  }
  const auto parent = unnumbered_.find(spawned_by(protocol));
  return parent == unnumbered_.end() ? "" : parent->second;
}

std::string PeerNames::name_of(std::string_view protocol) const {
  for (std::string name : {peer_of(protocol), plain_name(protocol)}) {
    if (!name.empty()) {
      return name;
    }
  }
  return std::string(protocol);
}

std::string plain_name(std::string_view protocol) {
  constexpr std::string_view kOurs = "floof_";
  if (!protocol.starts_with(kOurs)) {
    return "";
  }
  std::string out(protocol.substr(kOurs.size()));
  while (!out.empty() && all_digits(out.substr(out.size() - 1))) {
    out.pop_back();
  }
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::vector<std::string> protocols_called(const std::vector<Protocol>& all, const Json& config,
                                          const std::string& name) {
  if (const Json* peer = find_peer(config, name); peer != nullptr) {
    return protocol_names(all, *peer);
  }
  const auto alike = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  std::vector<std::string> ours, of_type;
  for (const Protocol& protocol : all) {
    if (protocol.name == name) {
      return {name};
    }
    if (plain_name(protocol.name) == name) {
      ours.push_back(protocol.name);
    }
    if (std::equal(protocol.type.begin(), protocol.type.end(), name.begin(), name.end(), alike)) {
      of_type.push_back(protocol.name);
    }
  }
  return ours.empty() ? of_type : ours;
}

std::string peer_of_protocol(std::string_view protocol, const Json& config) {
  return PeerNames(config).peer_of(protocol);
}

std::vector<const Protocol*> protocols_of(const std::vector<Protocol>& all, const Json& peer) {
  std::vector<const Protocol*> out;
  const bool unnumbered = has_only_interface(peer);
  for (const PeerSession& session : peer_sessions(peer)) {
    for (const Protocol& protocol : all) {
      if (unnumbered ? spawned_by(protocol.name) == session.protocol : protocol.name == session.protocol) {
        out.push_back(&protocol);
      }
    }
  }
  if (out.empty() && unnumbered) {
    const std::string parent = peer_sessions(peer).front().protocol;
    const auto own =
        std::find_if(all.begin(), all.end(), [&](const Protocol& protocol) { return protocol.name == parent; });
    if (own != all.end()) {
      out.push_back(&*own);
    }
  }
  return out;
}

std::vector<std::string> protocol_names(const std::vector<Protocol>& all, const Json& peer) {
  std::vector<std::string> out;
  for (const Protocol* session : has_only_interface(peer) ? protocols_of(all, peer) : std::vector<const Protocol*>()) {
    out.push_back(session->name);
  }
  if (!out.empty()) {
    return out;
  }
  for (const PeerSession& session : peer_sessions(peer)) {
    out.push_back(session.protocol);
  }
  return out;
}

Result<std::vector<std::string>> protocol_names(const std::vector<Protocol>& all, const Json& peer,
                                                std::string_view neighbor) {
  const auto wanted = parse_ip(neighbor.substr(0, neighbor.find('%')));
  const auto is_it = [&](std::string_view text) {
    const auto address = parse_ip(text.substr(0, text.find('%')));
    return wanted.ok() && address.ok() && *address == *wanted;
  };
  std::vector<std::string> out;
  std::string known;
  const auto add = [&](const std::string& address, const std::string& protocol) {
    known += (known.empty() || address.empty() ? "" : ", ") + address;
    if (is_it(address)) {
      out.push_back(protocol);
    }
  };
  if (has_only_interface(peer)) {
    for (const Protocol* session : protocols_of(all, peer)) {
      add(session->detail("Neighbor address"), session->name);
    }
  } else {
    for (const PeerSession& session : peer_sessions(peer)) {
      add(session.neighbor, session.protocol);
    }
  }
  if (out.empty()) {
    return Error{fmt::format("bgp peer {} neighbor {}", text_of(peer, "name"), neighbor),
                 "the peer has no session with that address", known.empty() ? "it has none" : "it has " + known};
  }
  return out;
}

Result<std::vector<const Json*>> named_peers(const Json& config, std::string_view name) {
  if (name == "all") {
    const auto all = sorted_by(items(member(config, "bgp"), "peer"), "name");
    return all.empty() ? Result<std::vector<const Json*>>(Error{"bgp peer", "there are no peers", ""}) : all;
  }
  const Json* peer = find_peer(config, name);
  if (peer == nullptr) {
    return Error{fmt::format("bgp peer {}", name), "there is no such peer", "see `show bgp summary`"};
  }
  return std::vector<const Json*>{peer};
}

uint32_t marking_asn(const Json& config) {
  const Json& bgp = member(config, "bgp");
  return static_cast<uint32_t>(number_of(bgp, "confederation", number_of(bgp, "asn")));
}

}  // namespace floof::bird
