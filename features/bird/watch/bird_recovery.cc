// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_recovery.h"

#include <algorithm>
#include <set>

#include "base/digits.h"
#include "features/bird/talk/bird_peers.h"
#include "features/bird/talk/bird_reply_words.h"
#include "features/ospf/ospf.h"

namespace floof::bird {

namespace {

constexpr std::string_view kKernelTables = "floof_table";
constexpr uint64_t kBgpPreference = 100;  // BIRD's default; policies of ours do not change it

std::string joined(const std::vector<std::string>& words) {
  constexpr size_t kMost = 5;
  std::string out;
  for (size_t i = 0; i < std::min(words.size(), kMost); i++) {
    out += (i == 0 ? "" : ", ") + words[i];
  }
  return words.size() > kMost ? fmt::format("{} and {} more", out, words.size() - kMost) : out;
}

/// The value behind "key:" or "key " in a line of BIRD's, if it is that.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  line = trimmed(line);
  return line.starts_with(key) ? std::optional(trimmed(line.substr(key.size()))) : std::nullopt;
}

}  // namespace

bool learns_from_neighbors(const Protocol& protocol) {
  return protocol.type == "OSPF" || protocol.type == "RIP" || protocol.type == "Babel";
}

std::string Recovery::text() const {
  std::string out = fmt::format(
      "BIRD was restarted and recovers, at most {} s more: routes by BGP{} are those of before "
      "and peers hear nothing new",
      left_s, kernel.empty() ? "" : ", static and OSPF routes");
  return peers.empty() ? out : out + " until these have told their routes: " + joined(peers);
}

std::string Recovery::commit_text() const {
  return kernel.empty()
             ? fmt::format("BIRD recovers from a restart: peers hear of changes in {} s at the latest", left_s)
             : fmt::format("BIRD recovers from a restart: changes of routes act in {} s at the latest", left_s);
}

std::optional<Recovery> recovery_of(const Status& status, const std::vector<Protocol>& protocols, const Json& config) {
  if (!status.recovery_s) {
    return std::nullopt;
  }
  Recovery out{.left_s = *status.recovery_s};
  const PeerNames names(config);
  std::set<std::string> peers;
  for (const Protocol& protocol : protocols) {
    const auto any = [&](auto member) {
      return std::any_of(protocol.channels.begin(), protocol.channels.end(),
                         [&](const Channel& channel) { return channel.*member; });
    };
    if (learns_from_neighbors(protocol)) {
      out.protocols.push_back(protocol.name);
    } else if (protocol.name.starts_with(kKernelTables) && any(&Channel::waits_for_recovery)) {
      out.kernel.push_back(protocol.name);
    } else if (protocol.type == "BGP" && any(&Channel::holds_recovery)) {
      const std::string peer = names.peer_of(protocol.name);
      if (!peer.empty()) {
        peers.insert(peer);
      }
    }
  }
  out.peers.assign(peers.begin(), peers.end());
  return out;
}

bool ospf_settled(const Reply& interfaces, const Reply& neighbors, int64_t age_s) {
  uint64_t hello = 0;
  bool stub = false;  // such an interface, told before its timers, never has neighbours
  for (const ReplyLine& line : interfaces.lines) {
    if (const auto state = value_of(line.text, "State:")) {
      stub = state->ends_with("(stub)");
      if (!stub && state->starts_with("Waiting")) {
        return false;
      }
    }
    if (const auto timer = value_of(line.text, "Hello timer:"); timer && !stub) {
      hello = std::max(hello, whole_number(*timer).value_or(0));
    }
  }
  for (const ReplyLine& line : neighbors.lines) {
    // "10.255.1.21  1  Full/BDR  3.511  ra  172.20.1.2"
    std::string_view text = line.text;
    for (int column = 0; column < 2; column++) {
      word(text);
    }
    const std::string_view state = word(text);
    for (const std::string_view making : {"Attempt/", "Init/", "ExStart/", "Exchange/", "Loading/"}) {
      if (state.starts_with(making)) {
        return false;
      }
    }
  }
  return hello == 0 || age_s >= static_cast<int64_t>(std::min<uint64_t>(hello, 65535) + ospf::kComesUpSeconds);
}

bool yields_to_bgp(const Json& config) {
  const Json& routes = items(config, "route");
  return std::any_of(routes.begin(), routes.end(), [](const Json& route) {
    return number_of(route, "preference", kBgpPreference + 1) <= kBgpPreference;
  });
}

}  // namespace floof::bird
