// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_recovery.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "features/bird/bird_peers.h"
#include "features/bird/bird_reply_words.h"

namespace floof::bird {

namespace {

constexpr std::string_view kKernelTables = "floof_table";
constexpr uint64_t kBgpPreference = 100;  // BIRD's default; policies of ours do not change it
constexpr int kHellos = 2;
constexpr int64_t kAdjacencySeconds = 1;
/// OSPF calculates in ticks of a second: what was learnt now is in the table at the next look.
constexpr unsigned kQuietLooks = 3;

bool learns_from_neighbors(const Protocol& protocol) {
  return protocol.type == "OSPF" || protocol.type == "RIP" || protocol.type == "Babel";
}

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

// -- Pure parts -------------------------------------------------------------------------------------------------------

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
  for (const ReplyLine& line : interfaces.lines) {
    if (const auto state = value_of(line.text, "State:"); state && state->starts_with("Waiting")) {
      return false;
    }
    if (const auto timer = value_of(line.text, "Hello timer:")) {
      hello = std::max(hello, number(*timer).value_or(0));
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
  return age_s >= kHellos * static_cast<int64_t>(std::min<uint64_t>(hello, 65535)) + kAdjacencySeconds;
}

bool yields_to_bgp(const Json& config) {
  const Json& routes = items(config, "route");
  return std::any_of(routes.begin(), routes.end(), [](const Json& route) {
    return number_of(route, "preference", kBgpPreference + 1) <= kBgpPreference;
  });
}

// -- Watch ------------------------------------------------------------------------------------------------------------

RecoveryWatch::RecoveryWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = options_.pulse}),
      timer_(loop.every(options_.period, [this] { look(); })) {}

RecoveryWatch::~RecoveryWatch() { loop_.cancel(timer_); }

bool RecoveryWatch::restarted() {
  struct stat socket {};
  if (stat(options_.socket.c_str(), &socket) != 0) {
    return false;
  }
  const bool same = born_ && born_->tv_sec == socket.st_ctim.tv_sec && born_->tv_nsec == socket.st_ctim.tv_nsec;
  born_ = socket.st_ctim;
  return !same;
}

void RecoveryWatch::look() {
  if (restarted()) {
    asking_ = true;
    quiet_looks_ = 0;
  }
  if (!asking_) {
    return;
  }
  const auto said = client_.ask("show status");
  if (!said.ok()) {
    return;  // it is just starting, or hangs: whoever asks for its state hears why
  }
  const Status status = parse_status(*said);
  const auto reply = status.recovery_s ? client_.ask("show protocols all") : said;
  if (!reply.ok()) {
    return;
  }
  const Json config = options_.config();
  const auto protocols = parse_protocols(*reply);
  auto now = recovery_of(status, protocols, config);
  if (now.has_value() != recovery_.has_value()) {
    log::info("{}", now ? "alarm: " + now->text() : "over: BIRD has recovered from its restart");
  }
  recovery_ = std::move(now);
  asking_ = recovery_.has_value();
  if (!recovery_ || recovery_->kernel.empty()) {
    return;
  }
  quiet_looks_ = may_free(protocols, status, config) ? quiet_looks_ + 1 : 0;
  if (recovery_->protocols.empty() ? quiet_looks_ > 0 : quiet_looks_ >= kQuietLooks) {
    free_kernel();
  }
}

/// Whether the kernel's table would lose nothing that will come back.
bool RecoveryWatch::may_free(const std::vector<Protocol>& protocols, const Status& status, const Json& config) {
  if (yields_to_bgp(config)) {
    return false;
  }
  for (const Protocol& protocol : protocols) {
    if (!learns_from_neighbors(protocol) || protocol.state == "down") {
      continue;
    }
    const bool held = std::any_of(protocol.channels.begin(), protocol.channels.end(),
                                  [](const Channel& channel) { return channel.holds_recovery; });
    if (held || protocol.type != "OSPF") {
      return false;  // of RIP and Babel nobody knows when they have heard everything
    }
    const std::string name = symbol("", protocol.name);
    const auto interfaces = client_.ask("show ospf interface " + name);
    const auto neighbors = client_.ask("show ospf neighbors " + name);
    const auto age = seconds_between(protocol.since, status.server_time);
    if (!interfaces.ok() || !neighbors.ok() || !age || !ospf_settled(*interfaces, *neighbors, *age)) {
      return false;
    }
  }
  return all_resolved(config);
}

/// A static route by a gateway to which only BGP knows the way counts as unreachable until BGP does.
bool RecoveryWatch::all_resolved(const Json& config) {
  uint64_t wanted = 0, found = 0;
  for (const Json& route : items(config, "route")) {
    wanted += flag_of(route, "unreachable") ? 1 : 0;
  }
  for (const char* protocol : {"floof_static4", "floof_static6"}) {
    const auto reply = client_.call(fmt::format("show route where dest = RTD_UNREACHABLE protocol {} count", protocol));
    if (!reply.ok()) {
      return false;
    }
    if (reply->ok()) {  // it need not exist
      for (const TableCount& count : parse_counts(*reply)) {
        found += count.routes;
      }
    }
  }
  return found <= wanted;
}

void RecoveryWatch::free_kernel() {
  for (const std::string& protocol : recovery_->kernel) {
    if (const auto done = client_.ask("restart " + symbol("", protocol)); !done.ok()) {
      log::warning("{} waits for the end of BIRD's recovery: {}", protocol, done.error().text());
    }
  }
  log::info("static and OSPF routes act although BGP still recovers");
}

}  // namespace floof::bird
