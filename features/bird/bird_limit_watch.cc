// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/bird_limit_watch.h"

#include "base/log.h"
#include "features/bird/bird_limits.h"

namespace floof::bird {

LimitWatch::LimitWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = options_.pulse}),
      timer_(loop.every(options_.period, [this] { look(); })) {}

LimitWatch::~LimitWatch() { loop_.cancel(timer_); }

void LimitWatch::look() {
  alarms_.clear();
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
    has_limits_ = has_limits(config_);
  }
  if (!has_limits_) {
    return;
  }
  const auto status = client_.ask("show status");
  const auto protocols = status.ok() ? client_.ask("show protocols") : status;
  if (!protocols.ok()) {
    return;  // whoever asks for the state of BIRD hears why
  }
  for (const LimitedSession& session :
       limited_sessions(parse_protocols(*protocols), parse_status(*status).server_time, config_)) {
    if (!session.due()) {
      alarms_.push_back(session.alarm());
      continue;
    }
    const auto done = client_.ask("enable " + symbol("", session.protocol));
    if (done.ok()) {
      log::info("peer {}: tried again {} min after its limit on routes had ended the session", session.peer,
                *session.restart_min);
    } else {
      alarms_.push_back(fmt::format("bgp peer {}: cannot be tried again: {}", session.peer, done.error().reason));
    }
  }
}

}  // namespace floof::bird
