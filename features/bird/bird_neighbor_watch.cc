// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_neighbor_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "features/bgp/outside.h"
#include "features/bgp/policy.h"
#include "features/bird/bird_bfd.h"
#include "features/bird/bird_next_hop.h"
#include "features/bird/bird_peers.h"
#include "features/bird/bird_reply_words.h"

namespace floof::bird {

namespace {

constexpr size_t kMostRead = 256 * 1024, kLongestLine = 4096, kMostRefused = 64;
// A neighbour says hello more often, and BIRD tells of it each time, once a second at most.
constexpr std::chrono::seconds kStays(90);
constexpr int64_t kPatience = 20;  // seconds until BFD should be up

/// Takes everything in front of `end` off `text`; false, and nothing taken, when it is not there.
bool take_until(std::string_view& text, std::string_view end, std::string& into) {
  const size_t at = text.find(end);
  if (at == std::string_view::npos) {
    return false;
  }
  into = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return true;
}

/// The area and the settings of an interface.
std::pair<std::string, const Json*> ospf_interface(const Json& config, const std::string& name) {
  for (const Json& area : items(member(config, "ospf"), "area")) {
    for (const Json& interface : items(area, "interface")) {
      if (string_of(interface, "name") == name) {
        return {string_of(area, "id"), &interface};
      }
    }
  }
  return {"", nullptr};
}

bool wants_bfd(const Json& config, const Json& peer) {
  return flag_of(Json{{"bfd", session_leaf(config, peer, "bfd")}}, "bfd");
}

}  // namespace

std::optional<OspfRefusal> parse_ospf_refusal(std::string_view line) {
  OspfRefusal out;
  size_t at = line.find("floof_ospf");
  if (at == std::string_view::npos || line.size() > kLongestLine) {
    return std::nullopt;
  }
  line.remove_prefix(at);
  if (!take_until(line, ": ", out.protocol)) {
    return std::nullopt;
  }
  std::string value;
  if (line.starts_with("MTU mismatch with nbr ")) {
    line.remove_prefix(22);
    out.reason = "MTU mismatch";
    if (!take_until(line, " on ", out.neighbor) || !take_until(line, " (remote ", out.interface) ||
        !take_until(line, ",", value)) {
      return std::nullopt;
    }
  } else {
    const bool hello = line.starts_with("Bad HELLO packet from nbr ");
    const std::string_view start = hello ? "Bad HELLO packet from nbr " : "Bad packet from ";
    if (!line.starts_with(start)) {
      return std::nullopt;
    }
    line.remove_prefix(start.size());
    if (!take_until(line, hello ? " on " : " via ", out.neighbor) || !take_until(line, " - ", out.interface) ||
        !take_until(line, " (", out.reason) || !take_until(line, ")", value)) {
      return std::nullopt;
    }
  }
  if (!out.reason.ends_with("mismatch") || out.reason.find("length") != std::string::npos ||
      out.reason == "version mismatch") {
    return std::nullopt;
  }
  out.theirs = number(value).value_or(0);
  return out;
}

std::string refusal_alarm(const OspfRefusal& refusal, const Json& config) {
  const auto [area, interface] = ospf_interface(config, refusal.interface);
  const std::string start =
      fmt::format("{} on {}: {} does not become a neighbour: ", refusal.protocol == "floof_ospf2" ? "OSPFv2" : "OSPFv3",
                  refusal.interface, refusal.neighbor);
  const std::string set = fmt::format("set ospf area {} interface {}", area, refusal.interface);
  const uint64_t hello = interface == nullptr ? 10 : number_of(*interface, "hello", 10);
  const uint64_t dead = interface == nullptr ? 40 : number_of(*interface, "dead", hello * 4);
  if (refusal.reason == "hello interval mismatch" || refusal.reason == "dead interval mismatch") {
    const std::string which = refusal.reason.substr(0, refusal.reason.find(' '));
    return fmt::format("{}its {} interval is {} s and ours {} s; {} {} {}, or change it there", start, which,
                       refusal.theirs, which == "hello" ? hello : dead, set, which, refusal.theirs);
  }
  if (refusal.reason == "MTU mismatch") {
    return fmt::format("{}its MTU is {}; set interface {} mtu {}, or change it there", start, refusal.theirs,
                       refusal.interface, refusal.theirs);
  }
  if (refusal.reason == "area mismatch") {
    return fmt::format("{}it is in area {} and we in {}; the two have to be the same", start, refusal.theirs, area);
  }
  return fmt::format("{}BIRD says: {} ({})", start, refusal.reason, refusal.theirs);
}

std::vector<std::string> bfd_alarms(const Json& sessions, const std::vector<Protocol>& protocols,
                                    std::string_view server_time, const Json& config) {
  std::vector<std::string> out;
  for (const Json& peer : items(member(config, "bgp"), "peer")) {
    if (!wants_bfd(config, peer) || is_shut(peer)) {
      continue;
    }
    for (const Protocol* session : protocols_of(protocols, peer)) {
      const std::string neighbor = session->detail("Neighbor address");
      const Json bfd = bfd_of(sessions, neighbor);
      const auto age = seconds_between(session->since, server_time);
      if (session->state != "up" || string_of(bfd, "state") == "Up" || age.value_or(0) < kPatience) {
        continue;
      }
      const bool several = string_of(bfd, "interface").empty();
      const std::string name = string_of(peer, "name");
      out.push_back(
          fmt::format("bgp peer {}: BFD with {} does not come up, so only the hold time tells when it is gone; we "
                      "watch {}, and the "
                      "neighbour has to do the same; {}, or delete bfd",
                      name, neighbor, several ? "over several hops (UDP 4784)" : "over one hop (UDP 3784)",
                      several ? fmt::format("delete multihop and set bgp peer {} direct if it is on the link", name)
                              : fmt::format("set bgp peer {} multihop 2 if it does so over several", name)));
    }
  }
  return out;
}

NeighborWatch::NeighborWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = options_.pulse}),
      timer_(loop.every(options_.period, [this] { look(); })) {}

NeighborWatch::~NeighborWatch() { loop_.cancel(timer_); }

std::vector<std::string> NeighborWatch::alarms() const {
  std::vector<std::string> out = missing_;
  out.insert(out.end(), bfd_.begin(), bfd_.end());
  for (const auto& [key, refused] : refused_) {
    out.push_back(refusal_alarm(refused.first, config_));
  }
  return out;
}

void NeighborWatch::look() {
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
    const Json& peers = items(member(config_, "bgp"), "peer");
    has_bfd_ = std::any_of(peers.begin(), peers.end(), [&](const Json& peer) { return wants_bfd(config_, peer); });
    has_ospf_ = !items(member(config_, "ospf"), "area").empty();
    missing_ = next_hops_missing(config_, bgp::make_policies(config_, bgp::Outside{}));
    refused_.clear();
  }
  read_log();
  std::erase_if(refused_, [](const auto& one) { return Clock::now() - one.second.second > kStays; });
  bfd_.clear();
  if (has_bfd_) {
    look_at_bfd();
  }
}

void NeighborWatch::look_at_bfd() {
  const auto status = client_.ask("show status");
  const auto reply = status.ok() ? client_.ask("show protocols all") : status;
  const auto bfd = reply.ok() ? client_.ask("show bfd sessions") : reply;
  if (!bfd.ok()) {
    return;  // whoever asks for the state of BIRD hears why
  }
  const std::string now = parse_status(*status).server_time;
  const auto protocols = parse_protocols(*reply);
  bfd_ = bfd_alarms(bfd_json(parse_bfd_sessions(*bfd), protocols, now, config_), protocols, now, config_);
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
  rest_ = text.substr(at).size() <= kLongestLine ? text.substr(at) : std::string();
}

}  // namespace floof::bird
