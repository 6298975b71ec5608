// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_start.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "features/bird/talk/bird_peers.h"
#include "features/bird/talk/bird_reply_words.h"
#include "features/bird/watch/bird_holds.h"

namespace floof::bird {

namespace {

constexpr int64_t kLongSeconds = 10;
/// Behind the first line of a block, as that of holds.
constexpr std::string_view kDown = "  disabled;  # it was down when BIRD ended";
/// The last line.
constexpr std::string_view kList = "\n# left out: ";

}  // namespace

std::set<std::string> long_down(const std::vector<Protocol>& protocols, const Status& status, const Json& config) {
  std::set<std::string> out;
  const PeerNames names(config);
  for (const Protocol& protocol : status.recovery_s ? std::vector<Protocol>() : protocols) {
    const std::string peer = protocol.type == "BGP" ? names.peer_of(protocol.name) : "";
    const Json* const configured = peer.empty() ? nullptr : find_peer(config, peer);
    const auto since = seconds_between(protocol.since, status.server_time);
    if (configured != nullptr && !has_only_interface(*configured) && protocol.state == "start" && since &&
        *since >= kLongSeconds) {
      out.insert(protocol.name);
    }
  }
  return out;
}

bool StartFile::current() const { return is_not_older(file_, conf_); }

void StartFile::follow(const std::vector<Protocol>& protocols, const Status& status, const Json& config) {
  if (status.recovery_s) {
    return;
  }
  auto down = long_down(protocols, status, config);
  if (down.empty()) {
    unlink(file_.c_str());
    return;
  }
  if (down == down_ && current()) {
    return;
  }
  const auto text = read_file(conf_);
  if (!text) {
    return;
  }
  std::string start = with_disabled(*text, down, kDown) + std::string(kList);
  for (const std::string& protocol : down) {
    start += protocol + " ";
  }
  if (const auto done = replace_file(file_, start + "\n"); !done) {
    log::warning("{}: after a crash of BIRD its recovery may wait for peers that are down", done.error().text());
    unlink(file_.c_str());
    return;
  }
  down_ = std::move(down);
}

std::vector<std::string> StartFile::left_out() const {
  std::vector<std::string> out;
  const auto text = current() ? read_file(file_) : std::nullopt;
  const size_t at = text ? text->rfind(kList) : std::string::npos;
  if (at == std::string::npos) {
    return out;
  }
  std::string_view rest = std::string_view(*text).substr(at + kList.size());
  rest = rest.substr(0, rest.find('\n'));
  for (std::string_view name = word(rest); !name.empty(); name = word(rest)) {
    out.emplace_back(name);
  }
  return out;
}

}  // namespace floof::bird
