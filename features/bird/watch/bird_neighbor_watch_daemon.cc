// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/watch/bird_neighbor_watch_daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "features/bird/render/bird_next_hop.h"
#include "features/bird/talk/bird_bfd.h"
#include "features/bird/talk/bird_peers.h"
#include "features/outside/outside.h"
#include "features/policy/policy.h"

namespace floof::bird {

namespace {

constexpr size_t kMostRead = 256 * 1024, kMostRefused = 64;
// A neighbour says hello more often, and BIRD tells of it each time, once a second at most.
constexpr std::chrono::seconds kStays(90);

}  // namespace

NeighborWatch::NeighborWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = {}}),
      timer_(loop.every(options_.period, [this] { look(); })),
      background_(loop) {}

NeighborWatch::~NeighborWatch() { loop_.cancel(timer_); }

std::vector<std::string> NeighborWatch::alarms() const {
  std::vector<std::string> out = missing_;
  out.insert(out.end(), bfd_.begin(), bfd_.end());
  for (const auto& [key, refused] : refused_) {
    out.push_back(refusal_alarm(refused.first, *config_));
  }
  return out;
}

void NeighborWatch::look() {
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
    const Json& peers = items(member(*config_, "bgp"), "peer");
    has_bfd_ = std::any_of(peers.begin(), peers.end(), [&](const Json& peer) { return wants_bfd(*config_, peer); });
    has_ospf_ = !items(member(*config_, "ospf"), "area").empty();
    missing_ = next_hops_missing(*config_, policy::make_policies(*config_, outside::Outside{}));
    read_log();
    refused_.clear();  // what was said before the commit does not count
  }
  read_log();
  std::erase_if(refused_, [](const auto& one) { return Clock::now() - one.second.second > kStays; });
  if (!has_bfd_) {
    bfd_.clear();
  } else if (!asking_) {
    look_at_bfd();
  }
}

void NeighborWatch::look_at_bfd() {
  asking_ = true;
  background_.run(
      [this, config = config_]() -> std::vector<std::string> {
        const auto status = client_.ask("show status");
        const auto reply = status.ok() ? client_.ask("show protocols all") : status;
        const auto bfd = reply.ok() ? client_.ask("show bfd sessions") : reply;
        if (!bfd.ok()) {
          return {};  // whoever asks for the state of BIRD hears why
        }
        const std::string now = parse_status(*status).server_time;
        const auto protocols = parse_protocols(*reply);
        return bfd_alarms(bfd_json(parse_bfd_sessions(*bfd), protocols, now, *config), protocols, now, *config);
      },
      [this](std::vector<std::string> alarms) {
        asking_ = false;
        bfd_ = std::move(alarms);
      });
}

/// What has come since the last look, the newest part of it; at first only from now on. A shorter file is a new one.
void NeighborWatch::read_log() {
  const UniqueFd file(has_ospf_ ? open(options_.log.c_str(), O_RDONLY | O_CLOEXEC) : -1);
  struct stat about {};
  if (!file || fstat(file.get(), &about) != 0) {
    return;
  }
  const auto size = static_cast<uint64_t>(about.st_size);
  uint64_t from = read_to_.value_or(size);
  if (from > size) {
    from = 0;
    rest_.clear();
  }
  if (size - from > kMostRead) {
    from = size - kMostRead;
    rest_.clear();
  }
  std::string text(size - from, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), static_cast<off_t>(from));
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  read_to_ = from + text.size();
  text = rest_ + text;
  size_t at = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; at = end + 1, end = text.find('\n', at)) {
    if (auto refusal = parse_ospf_refusal(std::string_view(text).substr(at, end - at))) {
      const auto key = std::tuple(refusal->protocol, refusal->interface, refusal->neighbor);
      if (refused_.size() < kMostRefused || refused_.contains(key)) {
        refused_[key] = {std::move(*refusal), Clock::now()};
      }
    }
  }
  rest_ = text.substr(at).size() <= kLongestLogLine ? text.substr(at) : std::string();
}

}  // namespace floof::bird
