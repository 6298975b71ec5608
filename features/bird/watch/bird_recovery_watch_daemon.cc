// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "features/bird/watch/bird_recovery_watch.h"

namespace floof::bird {

namespace {

/// OSPF calculates in ticks of a second: what was learnt now is in the table some looks later.
constexpr unsigned kQuietLooks = 4;

}  // namespace

RecoveryWatch::RecoveryWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = {}}),
      timer_(loop.every(options_.period, [this] { look(); })),
      background_(loop) {}

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
  if (under_way_) {
    return;
  }
  if (restarted()) {
    asking_ = true;
    quiet_looks_ = 0;
    left_out_ = options_.left_out ? options_.left_out() : std::vector<std::string>();
  }
  if (!asking_) {
    return;
  }
  under_way_ = true;
  background_.run([this, config = options_.config(),
                   left_out = left_out_] { return enable(left_out) ? ask(*config) : std::nullopt; },
                  [this](std::optional<Seen> seen) {
                    under_way_ = false;
                    if (seen) {
                      left_out_.clear();
                    }
                    judge(std::move(seen));
                  });
}

void RecoveryWatch::judge(std::optional<Seen> seen) {
  if (!seen) {
    return;  // it is just starting, or hangs: whoever asks for its state hears why
  }
  if (seen->recovery.has_value() != recovery_.has_value()) {
    log::info("BIRD {}", seen->recovery ? "recovers from its restart" : "has recovered from its restart");
  }
  recovery_ = std::move(seen->recovery);
  asking_ = recovery_.has_value();
  if (!recovery_ || recovery_->kernel.empty()) {
    return;
  }
  quiet_looks_ = seen->quiet ? quiet_looks_ + 1 : 0;
  if (quiet_looks_ >= (recovery_->protocols.empty() ? 1 : kQuietLooks)) {
    quiet_looks_ = 0;
    free_kernel();
  }
}

void RecoveryWatch::free_kernel() {
  background_.run(
      [this, protocols = recovery_->kernel]() -> Result<> {
        for (const std::string& protocol : protocols) {
          if (const auto done = client_.ask("restart " + symbol("", protocol)); !done.ok()) {
            return done.error();
          }
        }
        return {};
      },
      [](const Result<>& done) {
        if (done.ok()) {
          log::info("static and OSPF routes act, although BIRD still waits for BGP");
        } else {
          log::warning("static and OSPF routes wait for BGP: {}", done.error().text());
        }
      });
}

// -- On the thread ----------------------------------------------------------------------------------------------------

/// One that is enabled already, as BIRD was not started without it, stays as it is. False when BIRD does not answer.
bool RecoveryWatch::enable(const std::vector<std::string>& protocols) {
  return std::all_of(protocols.begin(), protocols.end(), [this](const std::string& protocol) {
    return client_.call("enable " + symbol("", protocol)).ok();
  });
}

std::optional<RecoveryWatch::Seen> RecoveryWatch::ask(const Json& config) {
  const auto said = client_.ask("show status");
  if (!said.ok()) {
    return std::nullopt;
  }
  const Status status = parse_status(*said);
  if (!status.recovery_s) {
    return Seen{};
  }
  const auto reply = client_.ask("show protocols all");
  if (!reply.ok()) {
    return std::nullopt;
  }
  const auto protocols = parse_protocols(*reply);
  return Seen{recovery_of(status, protocols, config), is_quiet(protocols, status, config)};
}

/// Whether the kernel's table would lose nothing that comes back.
bool RecoveryWatch::is_quiet(const std::vector<Protocol>& protocols, const Status& status, const Json& config) {
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
    // Counts come where the protocol exists.
    for (const TableCount& count : parse_counts(*reply)) {
      found += count.routes;
    }
  }
  return found <= wanted;
}

}  // namespace floof::bird
